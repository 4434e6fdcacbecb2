// What crosses the wire and what is added up: messages to octets and back, ledgers.

#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

#include <benchmark/benchmark.h>

#include "proto/codec.hpp"
#include "proto/ledger.hpp"
#include "proto/messages.hpp"

namespace {

using namespace mco::proto;

Message request() {
    Route route{.collective = "mcollective", .ttl_ms = 60'000, .timeout_ms = 10'000};
    RequestBody body{.agent = "service", .action = "status", .arguments = Value::Map{{"service", "nginx"}}};
    return Request{.scope = Scope::local, .left_ms = 10'000, .sealed = pack(SealedRequest{.route = pack(route), .body = pack(body)})};
}

// What a relay sends upward at once: the answers of so many nodes, 300 octets each.
Message answers(std::size_t count) {
    Up up{.sequence = 1};
    for (std::size_t i = 0; i < count; ++i) {
        PeerId node;
        node.octets.front() = static_cast<std::uint8_t>(i);
        up.answers.push_back({node, Outcome::ok, Bytes(300, 'r')});
        up.ledger.add(Outcome::ok);
    }
    up.ledger.expected = static_cast<std::uint32_t>(count);
    up.ledger.closure = Closure::closed;
    return up;
}

void encode_message(benchmark::State& state, const Message& message) {
    for (auto _ : state) benchmark::DoNotOptimize(encode(message));
}

void decode_message(benchmark::State& state, const Message& message) {
    const auto frame = encode(message);
    if (!decode(frame)) std::abort();
    for (auto _ : state) benchmark::DoNotOptimize(decode(frame));
}

// The ledgers of 32 relays with 31 nodes each, as their accountant adds them.
void merge_ledgers(benchmark::State& state) {
    Ledger subtree{.expected = 31, .closure = Closure::closed};
    for (int i = 0; i < 31; ++i) subtree.add(i % 4 == 0 ? Outcome::not_matched : Outcome::ok);
    for (auto _ : state) {
        Ledger whole{.closure = Closure::closed};
        for (int i = 0; i < 32; ++i) whole.merge(subtree);
        if (!whole.balanced()) std::abort();
        benchmark::DoNotOptimize(whole);
    }
}

BENCHMARK_CAPTURE(encode_message, request, request());
BENCHMARK_CAPTURE(decode_message, request, request());
BENCHMARK_CAPTURE(encode_message, answers_of_32, answers(32));
BENCHMARK_CAPTURE(decode_message, answers_of_32, answers(32));
BENCHMARK(merge_ledgers);

}  // namespace
