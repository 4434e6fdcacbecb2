// A step of the engine: what a relay does for one request with its leaves, without sockets and cryptography.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>

#include "mesh/core/engine.hpp"
#include "mesh/core/rng.hpp"
#include "proto/codec.hpp"

namespace {

using namespace mco;
using namespace std::chrono_literals;

proto::PeerId peer(std::uint64_t number) {
    proto::PeerId id;
    std::memcpy(id.octets.data(), &number, sizeof number);
    return id;
}

mesh::SharedRecord record(std::uint64_t number, proto::RelayWish relay) {
    proto::PeerRecordBody body;
    body.peer = peer(number);
    body.name = "node" + std::to_string(number);
    body.incarnation = body.sequence = 1;
    body.group = "default";
    body.link_endpoint = "test://" + std::to_string(number);
    body.fanout_endpoint = body.link_endpoint + "/fanout";
    std::memcpy(body.curve_key.octets.data(), &number, sizeof number);
    body.collectives = {"mcollective"};
    body.relay = relay;
    return std::make_shared<const mesh::Record>(body, proto::pack(proto::SealedRecord{.body = proto::pack(body)}));
}

// A relay with so many leaves, and a caller. A request is injected, published, performed here, answered by each leaf, and its account is closed.
void account_of_request(benchmark::State& state) {
    const auto leaves = static_cast<std::uint64_t>(state.range(0));
    mesh::Rng rng(1);
    mesh::Engine engine({.record = record(1, proto::RelayWish::always)}, {}, rng);
    proto::Now now{.mono = proto::Instant(100s), .wall = proto::WallTime(1'800'000'000s)};
    engine.start(now);
    const auto attach = proto::encode(proto::Attach{.standing = proto::Standing::primary});
    for (std::uint64_t number = 2; number < leaves + 2; ++number) {
        engine.link_up(now, {.link = number, .peer = peer(number), .side = mesh::Side::accepted, .record = record(number, proto::RelayWish::never)});
        engine.frame(now, number, attach);
        engine.subscribed(now, peer(number), mesh::eager_topic("mcollective"));
        engine.subscribed(now, peer(number), mesh::presence_topic(peer(number)));
    }
    constexpr mesh::LinkId caller = 1;
    engine.link_up(now, {.link = caller, .peer = peer(1'000'000), .caller = true});
    proto::Up up{.sequence = 1};
    up.ledger = {.expected = 1, .closure = proto::Closure::closed};
    up.ledger.add(proto::Outcome::ok);
    std::vector<mesh::Effect> effects;
    std::uint64_t count = 0;
    for (auto _ : state) {
        now.mono += 1s;  // what is finished is forgotten after a minute, so the tables have a size that stays
        now.wall += 1s;
        engine.elapse(now);
        proto::Route route{.collective = "mcollective", .ttl_ms = 60'000, .timeout_ms = 10'000};
        ++count;
        std::memcpy(route.request.octets.data(), &count, sizeof count);
        engine.frame(now, caller, proto::encode(proto::Request{.sealed = proto::pack(proto::SealedRequest{.route = proto::pack(route), .body = {0x90}})}));
        up.request = route.request;
        for (std::uint64_t number = 2; number < leaves + 2; ++number) {
            up.answers = {{peer(number), proto::Outcome::ok, proto::Bytes(300, 'r')}};
            engine.frame(now, number, proto::encode(up));
        }
        engine.performed(now, route.request, proto::Outcome::ok, proto::Bytes(300, 'r'));
        if (engine.live_requests() != 0) std::abort();  // closed, or this measures something else
        effects.clear();
        engine.drain(effects);
    }
    state.counters["a_leaf"] = benchmark::Counter(static_cast<double>(leaves), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

BENCHMARK(account_of_request)->Arg(16)->Arg(256);

}  // namespace
