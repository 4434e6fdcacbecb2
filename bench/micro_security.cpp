// Envelopes and the replay window. Certificates that were seen before are not verified again, as in a daemon that has run for a while.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "proto/ids.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/hello.hpp"
#include "security/replay_window.hpp"
#include "security/trust_store.hpp"

namespace {

using namespace mco;
using namespace std::chrono_literals;

constexpr proto::WallTime now{1'800'000'000s};

template <typename T>
T must(proto::Result<T> result) {
    if (!result) std::abort();
    return *std::move(result);
}

// An authority, a caller and a node.
struct World {
    security::SignPair root_keys = security::make_sign_pair();
    proto::Serial serial = security::entropy::fresh<proto::Serial>();
    proto::Certificate root = certify("root", proto::CertificateRole::root, serial, root_keys.public_key, nullptr);
    security::KeySet caller_keys = security::make_key_set(), node_keys = security::make_key_set();
    proto::CertificateChain caller{{issue("operator", proto::CertificateRole::caller, caller_keys)}};
    proto::CertificateChain node{{issue("web1", proto::CertificateRole::node, node_keys)}};
    security::TrustStore trust = must(security::TrustStore::make({root}));
    security::SealPair replies = security::make_seal_pair();

    proto::Certificate issue(const char* name, proto::CertificateRole role, const security::KeySet& keys) const {
        return certify(name, role, security::entropy::fresh<proto::Serial>(), keys.sign.public_key, &keys);
    }
    // keys: none for a root, which only signs.
    proto::Certificate certify(const char* name, proto::CertificateRole role, const proto::Serial& own, const proto::SignPublicKey& sign,
                               const security::KeySet* keys) const {
        proto::CertificateBody body;
        body.authority = body.issuer = serial;
        body.serial = own;
        body.role = role;
        body.name = name;
        body.sign_key = sign;
        if (keys != nullptr) {
            body.curve_key = keys->curve.public_key;
            body.seal_key = keys->seal.public_key;
        }
        body.not_before = now - 1h;
        body.not_after = now + 24h;
        return must(security::sign_certificate(root_keys.secret, body));
    }
    proto::Route route() const {
        return {.collective = "mcollective",
                .request = security::entropy::fresh<proto::RequestId>(),
                .created = now,
                .ttl_ms = 60'000,
                .timeout_ms = 10'000,
                .reply_key = replies.public_key,
                .caller = caller};
    }
    proto::Bytes request() const {
        return must(security::seal_request(caller_keys.sign.secret, route(), {.agent = "rpcutil", .action = "ping"}));
    }
};

World& world() {
    security::entropy::start();
    static World made;
    return made;
}

void seal_request(benchmark::State& state) {
    const auto& it = world();
    for (auto _ : state) benchmark::DoNotOptimize(it.request());
}

// Each is new: a trust store remembers 1,024 whose signature it has verified.
void open_request(benchmark::State& state) {
    auto& it = world();
    std::vector<proto::Bytes> all;
    for (int i = 0; i < 2'048; ++i) all.push_back(it.request());
    std::size_t at = 0;
    for (auto _ : state) {
        if (!security::open_request(it.trust, all[at++ % all.size()], now)) std::abort();
    }
}

void open_request_again(benchmark::State& state) {
    auto& it = world();
    const auto sealed = it.request();
    for (auto _ : state) {
        if (!security::open_request(it.trust, sealed, now)) std::abort();
    }
}

// With the pair's key made before, as with the second request of a caller.
void seal_reply(benchmark::State& state) {
    auto& it = world();
    security::PairKeys keys(it.node_keys.seal.secret, 8);
    const proto::ReplyBody body{.message = "OK", .data = proto::Value::Map{{"pong", 1}}};
    for (auto _ : state) benchmark::DoNotOptimize(security::seal_reply(keys, it.node, it.replies.public_key, body));
}

void open_reply(benchmark::State& state) {
    auto& it = world();
    security::PairKeys node(it.node_keys.seal.secret, 8), caller(it.replies.secret, 8);
    const auto request = it.request();
    proto::ReplyBody body{.message = "OK", .data = proto::Value::Map{{"pong", 1}}};
    body.request = security::entropy::fresh<proto::RequestId>();
    body.request_digest = security::digest(request);
    body.node = must(it.trust.verify(it.node, now)).serial;
    const auto sealed = must(security::seal_reply(node, it.node, it.replies.public_key, body));
    const auto open = [&] { return security::open_reply(it.trust, caller, body.request, body.request_digest, sealed, now); };
    if (!open()) std::abort();
    for (auto _ : state) benchmark::DoNotOptimize(open());
}

// A window in which so many are remembered that it also has to forget one for each that is new.
void admit_request(benchmark::State& state) {
    security::ReplayWindow window;
    const auto caller = security::entropy::fresh<proto::Serial>();
    auto at = now;
    std::uint64_t count = 0;
    proto::RequestId request;
    for (auto _ : state) {
        at += 10ms;
        ++count;
        std::memcpy(request.octets.data(), &count, sizeof count);
        if (window.admit(caller, request, at, 60s, at) != security::ReplayWindow::Verdict::fresh) std::abort();
    }
}

BENCHMARK(seal_request);
BENCHMARK(open_request);
BENCHMARK(open_request_again);
BENCHMARK(seal_reply);
BENCHMARK(open_reply);
BENCHMARK(admit_request);

}  // namespace
