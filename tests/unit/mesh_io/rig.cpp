#include "tests/unit/mesh_io/rig.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"

namespace mco::test {

TestHost::TestHost(const Authority& authority, const std::string& name, std::vector<mesh::Address> seeds,
                   std::vector<std::string> listen, proto::Bytes memory, mesh::io::Venue* venue)
    : identity_(authority.node(name)), trust_(authority.trust()) {
    mesh::io::Host::Options options;
    options.link_listen = std::move(listen);
    options.fanout_listen = "tcp://127.0.0.1:*";
    options.seeds = std::move(seeds);
    options.collectives = {"mcollective"};
    options.software = "test";
    options.memory = std::move(memory);
    mesh::io::Host::Owner owner;
    owner.perform = [this](proto::Now now, const proto::RequestId& request, proto::Bytes sealed) {
        perform(now, request, sealed);
    };
    owner.log = [this](const std::string& line) { log_.push_back(line); };
    auto opened = mesh::io::Host::open(std::move(options), identity_, trust_, std::move(owner), venue);
    REQUIRE_MESSAGE(opened, opened.error().detail);
    host_ = std::move(*opened);
}

void TestHost::perform(proto::Now now, const proto::RequestId& request, const proto::Bytes& sealed) {
    ++performed_;
    const auto opened = security::open_request(trust_, sealed, now.wall);
    REQUIRE(opened);
    proto::ReplyBody body;
    body.request = request;
    body.request_digest = opened->digest;
    body.node = trust_.verify(identity_.chain, now.wall)->serial;
    body.sequence = 1;
    body.message = "OK";
    auto reply = security::seal_reply(identity_.keys, identity_.chain, opened->route.reply_key, body);
    REQUIRE(reply);
    host_->performed(now, request, proto::Outcome::ok, std::move(*reply));
}

std::string TestHost::fanout_endpoint() const { return host_->fanout_endpoint(); }

std::size_t TestHost::linked_members() const {
    const auto members = host_->engine().members();
    return static_cast<std::size_t>(
        std::count_if(members.begin(), members.end(), [](const auto& one) { return one.linked; }));
}

bool TestHost::logged(const std::string& part) const {
    return std::any_of(log_.begin(), log_.end(),
                       [&](const auto& line) { return line.find(part) != std::string::npos; });
}

TestLink::TestLink(const Authority& authority, security::Identity identity, const mesh::Address& where,
                   DialLink::Retry retry)
    : identity_(std::move(identity)),
      trust_(authority.trust()),
      link_(std::make_unique<DialLink>(context_, where.endpoint, where.key, identity_, trust_, proto::Bytes{}, retry,
                                       1)) {}

void TestLink::service() { link_->service(mesh::io::sample_clocks(), 64, events); }

std::string TestLink::why() const {
    for (auto at = events.rbegin(); at != events.rend(); ++at) {
        if (at->kind == DialLink::Event::Kind::down || at->kind == DialLink::Event::Kind::gone) return at->why.detail;
    }
    return {};
}

bool TestLink::ended() const {
    return std::any_of(events.begin(), events.end(),
                       [](const auto& one) { return one.kind == DialLink::Event::Kind::gone; });
}

std::vector<proto::Message> TestLink::messages() const {
    std::vector<proto::Message> messages;
    for (const auto& event : events) {
        if (event.kind != DialLink::Event::Kind::frame) continue;
        auto message = proto::decode(event.frame);
        REQUIRE(message);
        messages.push_back(std::move(*message));
    }
    return messages;
}

bool pump(const std::vector<TestHost*>& hosts, const std::vector<TestLink*>& links, const std::function<bool()>& holds,
          std::chrono::milliseconds limit) {
    const auto end = mesh::io::sample_clocks().mono + limit;
    while (!holds()) {
        if (mesh::io::sample_clocks().mono >= end) return false;
        for (auto* host : hosts) (**host).turn(1ms);
        std::vector<DialLink*> all;
        for (auto* link : links) {
            link->service();
            all.push_back(&**link);
        }
        if (hosts.empty()) mesh::io::wait(all, {}, 5ms);
    }
    return true;
}

TestRequest make_request(const security::Identity& caller) {
    TestRequest request;
    request.reply_pair = security::make_seal_pair();
    request.id = security::entropy::fresh<proto::RequestId>();
    proto::Route route;
    route.collective = "mcollective";
    route.request = request.id;
    route.created = mesh::io::sample_clocks().wall;
    route.ttl_ms = 60'000;
    route.timeout_ms = 10'000;
    route.reply_key = request.reply_pair.public_key;
    route.caller = caller.chain;
    proto::RequestBody body;
    body.agent = "rpcutil";
    body.action = "ping";
    auto sealed = security::seal_request(caller.keys.sign.secret, route, body);
    REQUIRE(sealed);
    request.sealed = std::move(*sealed);
    proto::Request inject;
    inject.left_ms = 10'000;
    inject.sealed = request.sealed;
    request.inject = proto::encode(inject);
    return request;
}

}  // namespace mco::test
