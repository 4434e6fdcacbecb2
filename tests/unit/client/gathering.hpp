#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "client/gather.hpp"
#include "proto/codec.hpp"
#include "tests/unit/client/paper_mesh.hpp"

// What tests of client::Gather share: one request on a paper mesh, and entries that answer it by hand.
namespace mco::test::gathering {

using namespace client;
using LinkId = Links::LinkId;
using Hear = std::function<void(PaperLinks&, LinkId, const proto::Message&)>;

using Nodes = std::vector<PaperNode>;
inline PaperNode healthy(std::string name, proto::Duration delay = 2ms) {
    PaperNode node;
    node.name = std::move(name);
    node.delay = delay;
    return node;
}

// One request through a paper mesh. What begins with "tcp://relay" is not configured: somebody has to name it.
struct Run {
    Run(PaperMesh& paper, std::map<std::string, PaperLinks::Behaviour> entries) : mesh(paper), links(paper, entries) {
        std::uint8_t machine = 1;
        for (const auto& [endpoint, behaviour] : entries) {
            if (endpoint.starts_with("tcp://relay")) continue;
            list.push_back({endpoint, {}});
            list.back().key.octets[0] = machine++;
        }
    }
    proto::Result<Gathered> go(std::function<void(Call&)> change = [](Call&) {}) {
        auto trust = mesh.trust();
        const auto caller = mesh.caller();
        if (!entry) entry.emplace(list, links);
        Call call;
        call.agent = "rpcutil";
        call.action = "ping";
        call.collective = "mcollective";
        change(call);
        ReplyOpener opener(trust, 1);
        auto sealed = seal(call, caller, opener.reply_key(mesh.now.mono), mesh.now.wall);
        REQUIRE(sealed.has_value());
        began = mesh.now.mono;
        auto gathered = Gather(*entry, opener, *sealed, {}).run();
        took = mesh.now.mono - began;
        return gathered;
    }
    PaperMesh& mesh;
    PaperLinks links;
    std::vector<Entry> list;
    std::optional<EntryLink> entry;  // from the first request on, as in a session
    proto::Instant began{};
    proto::Duration took{0};
};

inline std::vector<std::string> names(const Gathered& gathered) {
    std::vector<std::string> result;
    for (const auto& reply : gathered.replies) result.push_back(reply.node);
    return result;
}
using Names = std::vector<std::string>;

// Answers a request with the given messages, each 1 ms after the former; other messages are ignored.
inline Hear answering(std::function<std::vector<proto::Message>(const proto::Request&)> messages) {
    return [messages](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        proto::Duration after = 0ms;
        for (const auto& one : messages(*request)) links.deliver(link, after += 1ms, one);
    };
}

inline proto::RequestId id_of(const proto::Request& request) {
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    return proto::unpack<proto::Route>(sealed->route)->request;
}

inline proto::Up up(const proto::Request& request, std::vector<proto::Answer> answers, proto::Ledger ledger) {
    proto::Up up;
    up.request = id_of(request);
    up.attempt = request.attempt;
    up.sequence = 1;
    up.answers = std::move(answers);
    up.ledger = ledger;
    return up;
}

inline proto::Ledger closed(std::uint32_t expected, std::vector<std::pair<proto::Outcome, std::uint32_t>> counts) {
    proto::Ledger ledger;
    ledger.expected = expected;
    for (const auto& [outcome, count] : counts) ledger.counts[static_cast<std::size_t>(outcome)] = count;
    ledger.closure = proto::Closure::closed;
    return ledger;
}

}  // namespace mco::test::gathering
