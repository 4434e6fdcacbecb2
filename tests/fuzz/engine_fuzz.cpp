// One engine, and a host and peers that do whatever the input says: links of peers and callers that come and go, octets and
// well-formed messages at the wrong moment, rosters, time that jumps forward or stands still. After each step the engine's
// own invariants hold, what it sends can be read, and it sends only on links that are up.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include "mesh/core/engine.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

// The input, read from the front; zeroes when it is over.
struct Input {
    proto::BytesView rest;
    std::uint8_t octet() {
        if (rest.empty()) return 0;
        const auto first = rest.front();
        rest = rest.subspan(1);
        return first;
    }
    proto::BytesView take(std::size_t size) {
        const auto taken = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(taken.size());
        return taken;
    }
};

constexpr std::uint8_t self_number = 4;

proto::PeerId peer(std::uint8_t number) {
    proto::PeerId id;
    id.octets.fill(static_cast<std::uint8_t>(number % 8));
    return id;
}

proto::RequestId request_id(std::uint8_t number) {
    proto::RequestId id;
    id.octets.fill(static_cast<std::uint8_t>(number % 4));
    return id;
}

proto::PeerRecordBody record(std::uint8_t number, std::uint8_t version) {
    proto::PeerRecordBody body;
    body.peer = peer(number);
    body.name = "node" + std::to_string(number % 8);
    body.incarnation = 1 + version % 3;
    body.sequence = version / 64;
    body.link_endpoint = version % 5 == 0 ? "" : "fuzz://" + body.name + "/" + std::to_string(version % 2);
    body.fanout_endpoint = version % 7 == 0 ? "" : body.link_endpoint + "/fanout";
    body.curve_key.octets.fill(static_cast<std::uint8_t>(1 + number % 8));
    body.collectives = {"all"};
    body.group = number % 8 >= 6 ? "other" : "default";
    body.relay = static_cast<proto::RelayWish>(version % 11 == 0 ? 2 : version % 13 == 0 ? 1 : 0);
    body.performs = version % 17 != 0;
    return body;
}

mesh::SharedRecord shared(std::uint8_t number, std::uint8_t version) {
    return std::make_shared<const mesh::Record>(record(number, version), proto::Bytes(100, version));
}

proto::Bytes sealed_request(std::uint8_t number) {
    proto::Route route;
    route.collective = number % 16 == 0 ? "none" : "all";
    route.request = request_id(number);
    route.timeout_ms = 100U * number;
    return proto::pack(proto::SealedRequest{.route = proto::pack(route), .body = {1}});
}

proto::Message message(Input& input) {
    const auto number = input.octet(), attempt = input.octet(), more = input.octet();
    const auto id = request_id(number);
    switch (input.octet() % 18) {
        case 0:
            return proto::Request{.attempt = attempt, .left_ms = 10U * more, .sealed = sealed_request(number)};
        case 1:
            return proto::Request{.scope = static_cast<proto::Scope>(1 + number % 4),
                                  .attempt = attempt,
                                  .accountant = peer(more),
                                  .gateway = peer(attempt),
                                  .sealed = sealed_request(number)};
        case 2:
            return proto::Ack{id, attempt, more};
        case 3: {
            proto::Up up{.request = id, .attempt = attempt, .sequence = 1};
            up.answers.push_back({peer(more), static_cast<proto::Outcome>(input.octet() % 8), proto::Bytes(more)});
            up.bare.push_back({static_cast<proto::Outcome>(input.octet() % 8), {peer(number), peer(attempt)}});
            up.ledger.expected = up.ledger.counts[0] = more % 4;
            up.ledger.closure = static_cast<proto::Closure>(input.octet() % 2);
            if (more % 3 == 0) up.groups.push_back({"other", up.ledger});
            return up;
        }
        case 4: {
            proto::Up up{.request = id, .attempt = attempt, .sequence = 1};
            up.missing.push_back({.node = peer(more), .reason = static_cast<proto::Reason>(input.octet() % 9)});
            return up;
        }
        case 5:
            return proto::Poll{id, attempt};
        case 6:
            return proto::Status{id, attempt, static_cast<proto::Progress>(more % 3)};
        case 7:
            return proto::Cancel{id};
        case 8:
            return more % 2 == 0 ? proto::Message(proto::Ping{number, attempt}) : proto::Message(proto::Pong{number});
        case 9: {
            proto::Relays relays{.members = attempt, .relays = {}};
            for (std::uint8_t i = 0; i < 8; ++i) {
                if ((more >> i & 1) != 0) relays.relays.push_back(peer(i));
            }
            return relays;
        }
        case 10:
        case 11:
            return proto::Attach{static_cast<proto::Standing>(more % 3), more};
        case 12:
            return proto::Redirect{more % 2 == 0 ? proto::RequestId{} : id, {}};
        case 13:
            return proto::IHave{id, attempt, more % 2 == 0 ? proto::PeerId{} : peer(more)};
        case 14:
            return proto::Fetch{more % 4 == 0 ? proto::RequestId{} : id};
        case 15:
            return proto::Orphans{id, peer(more)};
        case 16:
            return proto::Credit{id, 4'000U * more};
        default:
            return proto::Bye{"fuzzed"};
    }
}

struct Bench {
    mesh::Rng rng{1};
    mesh::Engine engine;
    proto::Now now{proto::Instant(std::chrono::seconds(10)), {}};
    mesh::LinkId last_link = 0;
    std::set<mesh::LinkId> up;
    std::set<proto::RequestId> performing;
    std::vector<mesh::Effect> effects;

    Bench() : engine({.record = shared(self_number, 1), .seeds = {{"fuzz://node5/1", {}}}}, {}, rng) {
        engine.start(now);
    }

    mesh::LinkId some_link(std::uint8_t choice) const {
        if (up.empty()) return choice;
        auto at = up.begin();
        std::advance(at, choice % up.size());
        return *at;
    }

    void link_up(Input& input) {
        const auto number = input.octet(), version = input.octet();
        mesh::Engine::Linked linked{.link = ++last_link, .peer = peer(number)};
        linked.side = version % 2 == 0 ? mesh::Side::accepted : mesh::Side::dialled;
        linked.caller = number >= 128;
        if (!linked.caller) linked.record = shared(number, version);
        up.insert(last_link);
        engine.link_up(now, std::move(linked));
    }

    void settle() {
        for (int rounds = 0;; ++rounds) {
            require(rounds < 100);
            effects.clear();
            engine.drain(effects);
            if (effects.empty()) break;
            for (const auto& effect : effects) look(effect);
        }
        engine.check();
    }

    void look(const mesh::Effect& effect) {
        if (const auto* send = std::get_if<mesh::Send>(&effect)) {
            require(up.contains(send->to));
            require(send->frame.size() <= proto::limits::frame_size_max);
            require(proto::decode(send->frame).has_value());
        } else if (const auto* hangup = std::get_if<mesh::Hangup>(&effect)) {
            require(up.erase(hangup->link) == 1);
        } else if (const auto* perform = std::get_if<mesh::Perform>(&effect)) {
            require(performing.insert(perform->request).second);
        }
    }

    void performed(Input& input) {
        if (performing.empty()) return;
        const auto request = *performing.begin();
        performing.erase(performing.begin());
        engine.performed(now, request, static_cast<proto::Outcome>(input.octet() % 4), proto::Bytes(input.octet()));
    }

    void roster(Input& input, mesh::LinkId link) {
        std::vector<mesh::Engine::OpenedEntry> entries;
        for (auto count = input.octet() % 4; count > 0; --count) {
            const auto number = input.octet(), version = input.octet();
            entries.push_back({shared(number, version), static_cast<proto::MemberState>(input.octet() % 3),
                               input.octet() * 1'000'000U});
        }
        engine.roster(now, link, std::move(entries));
    }

    void groups(Input& input, mesh::LinkId link) {
        mesh::Engine::OpenedGroup group{.group = input.octet() % 8 == 0 ? "default" : "other", .version = input.octet(),
                                        .collectives = {{"all", input.octet() % 4U}}, .gateways = {}};
        for (auto count = input.octet() % 3; count > 0; --count) group.gateways.push_back(shared(input.octet(), input.octet()));
        engine.groups(now, link, {std::move(group)});
    }

    void step(Input& input) {
        static constexpr std::uint32_t jumps_ms[] = {0, 1, 5, 20, 100, 1'000, 5'000, 20'000, 90'000'000};
        const auto what = input.octet();
        const auto link = some_link(input.octet());
        switch (what % 13) {
            case 0:
            case 1:
                return link_up(input);
            case 2:
                up.erase(link);
                return engine.link_down(now, link);
            case 3:
                return engine.link_full(now, link);
            case 4:
                return engine.frame(now, link, input.take(input.octet()));
            case 5:
            case 6:
                return engine.frame(now, link, proto::encode(message(input)));
            case 7:
                return engine.fanout(now, record(input.octet(), 1).curve_key, proto::encode(message(input)));
            case 8:
                return performed(input);
            case 9:
                now.mono += std::chrono::milliseconds(jumps_ms[input.octet() % std::size(jumps_ms)]);
                return engine.elapse(now);
            case 10:
                return roster(input, link);
            case 11:
                return groups(input, link);
            default: {
                const auto id = peer(input.octet());
                const auto topic = input.octet() % 2 == 0 ? mesh::relay_topic()
                                   : input.octet() % 2 == 0 ? mesh::eager_topic("all")
                                   : input.octet() % 2 == 0 ? mesh::lazy_topic("all")
                                                            : mesh::presence_topic(id);
                what % 2 == 0 ? engine.subscribed(now, id, topic) : engine.unsubscribed(now, id, topic);
                if (input.octet() == 255) engine.leave(now, "fuzzed");
            }
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bench bench;
    bench.settle();
    Input input{{data, size}};
    while (!input.rest.empty()) {
        bench.step(input);
        bench.settle();
    }
    require(!bench.engine.describe().empty());
    return 0;
}
