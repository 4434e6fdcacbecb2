#include "security/link_gate.hpp"

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using Answer = LinkGate::Answer;
using Plane = LinkGate::Plane;

proto::Instant on(std::chrono::microseconds time) { return proto::Instant{time}; }

const proto::CurvePublicKey key = make_curve_pair().public_key;

TEST_CASE("a zero key is never let in, on any plane") {
    LinkGate gate;
    gate.admit({});
    CHECK(gate.decide(Plane::link, {}, "10.0.0.1", on(0s)) == Answer::never);
    CHECK(gate.decide(Plane::fanout, {}, "10.0.0.1", on(0s)) == Answer::never);
}

TEST_CASE("strangers may say HELLO on the link plane and wait on the fan-out plane") {
    LinkGate gate;
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(0s)) == Answer::welcome);
    CHECK(gate.decide(Plane::fanout, key, "10.0.0.1", on(0s)) == Answer::not_now);
}

TEST_CASE("a verified key passes on both planes until its last link ended") {
    LinkGate gate({.burst = 0, .per_second = 0});
    gate.admit(key);
    gate.admit(key);
    gate.release(key);
    CHECK(gate.decide(Plane::fanout, key, "10.0.0.1", on(0s)) == Answer::welcome);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(0s)) == Answer::welcome);
    gate.release(key);
    CHECK(gate.decide(Plane::fanout, key, "10.0.0.1", on(0s)) == Answer::not_now);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(0s)) == Answer::not_now);
    gate.release(key);  // once too often changes nothing
    CHECK(gate.decide(Plane::fanout, key, "10.0.0.1", on(0s)) == Answer::not_now);
}

TEST_CASE("a banned key stays out, whatever happens to its links") {
    LinkGate gate;
    gate.admit(key);
    gate.ban(key);
    gate.release(key);
    gate.admit(key);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(0s)) == Answer::never);
    CHECK(gate.decide(Plane::fanout, key, "10.0.0.1", on(0s)) == Answer::never);
}

TEST_CASE("new keys of one address run out, come back with time, and cost others nothing") {
    LinkGate gate({.burst = 3, .per_second = 2});
    for (int i = 0; i < 3; ++i) CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(0s)) == Answer::welcome);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(0s)) == Answer::not_now);
    CHECK(gate.decide(Plane::link, key, "10.0.0.2", on(0s)) == Answer::welcome);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(500ms - 1us)) == Answer::not_now);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(500ms)) == Answer::welcome);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(500ms)) == Answer::not_now);
    // An eternity later there is one burst, not more.
    for (int i = 0; i < 3; ++i) CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(1'000'000h)) == Answer::welcome);
    CHECK(gate.decide(Plane::link, key, "10.0.0.1", on(1'000'000h)) == Answer::not_now);
}

TEST_CASE("the table of addresses is bounded: strangers wait, verified keys do not") {
    LinkGate gate({.burst = 2, .per_second = 1, .sources_max = 3});
    for (int i = 0; i < 3; ++i)
        CHECK(gate.decide(Plane::link, key, "10.0.0." + std::to_string(i), on(10s)) == Answer::welcome);
    CHECK(gate.decide(Plane::link, key, "10.0.0.9", on(10s)) == Answer::not_now);
    CHECK(gate.decide(Plane::link, key, "10.0.0.0", on(10s)) == Answer::welcome);
    const auto known = make_curve_pair().public_key;
    gate.admit(known);
    CHECK(gate.decide(Plane::link, known, "10.0.0.9", on(10s)) == Answer::welcome);
    // Buckets that are full again are forgotten, two seconds after their last use.
    CHECK(gate.decide(Plane::link, key, "10.0.0.9", on(12s - 1us)) == Answer::not_now);
    CHECK(gate.decide(Plane::link, key, "10.0.0.9", on(13s)) == Answer::welcome);
}

}  // namespace
}  // namespace mco::security::test
