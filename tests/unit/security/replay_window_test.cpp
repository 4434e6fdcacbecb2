#include "security/replay_window.hpp"

#include <doctest/doctest.h>

#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using Verdict = ReplayWindow::Verdict;

template <typename Id>
Id numbered(std::uint32_t number) {
    Id id;
    for (std::size_t i = 0; i < 4; ++i) id.octets[i] = static_cast<std::uint8_t>(number >> (8 * i));
    id.octets.back() = 1;
    return id;
}

const proto::Serial alice = numbered<proto::Serial>(1), bob = numbered<proto::Serial>(2),
                    carol = numbered<proto::Serial>(3), dave = numbered<proto::Serial>(4),
                    eve = numbered<proto::Serial>(5);
const proto::RequestId first = numbered<proto::RequestId>(1);

constexpr auto skew = 60s;

TEST_CASE("a request is fresh once for each caller") {
    ReplayWindow window;
    CHECK(window.admit(alice, first, at(0s), 60s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(alice, first, at(0s), 60s, at(0s)) == Verdict::seen);
    CHECK(window.admit(bob, first, at(0s), 60s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(bob, first, at(0s), 60s, at(0s)) == Verdict::seen);
    CHECK(window.admit(alice, numbered<proto::RequestId>(2), at(0s), 60s, at(0s)) == Verdict::fresh);
    CHECK(window.size() == 3);
}

TEST_CASE("created may be 60 s ahead, and ttl and 60 s behind, not a microsecond more") {
    const auto verdict = [](proto::WallTime created, proto::WallTime now) {
        return ReplayWindow().admit(alice, first, created, 10s, now);
    };
    CHECK(verdict(at(skew + 1us), at(0s)) == Verdict::from_the_future);
    CHECK(verdict(at(skew), at(0s)) == Verdict::fresh);
    CHECK(verdict(at(0s), at(10s + skew)) == Verdict::fresh);
    CHECK(verdict(at(0s), at(10s + skew + 1us)) == Verdict::too_old);
    CHECK(verdict(proto::WallTime::max(), at(0s)) == Verdict::from_the_future);
    CHECK(verdict(proto::WallTime::min(), at(0s)) == Verdict::too_old);
}

TEST_CASE("ttl is more than 0 and at most 300 s") {
    const auto verdict = [](std::chrono::milliseconds ttl) {
        return ReplayWindow().admit(alice, first, at(0s), ttl, at(0s));
    };
    CHECK(verdict(0ms) == Verdict::too_old);
    CHECK(verdict(-1ms) == Verdict::too_old);
    CHECK(verdict(1ms) == Verdict::fresh);
    CHECK(verdict(300s) == Verdict::fresh);
    CHECK(verdict(300s + 1ms) == Verdict::ttl_too_long);
    CHECK(verdict(std::chrono::milliseconds::max()) == Verdict::ttl_too_long);
}

TEST_CASE("a request is remembered as long as it could pass, and then forgotten") {
    ReplayWindow window;
    CHECK(window.admit(alice, first, at(0s), 10s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(alice, first, at(0s), 10s, at(10s + skew)) == Verdict::seen);
    CHECK(window.size() == 1);
    CHECK(window.admit(alice, first, at(0s), 10s, at(10s + skew + 1us)) == Verdict::too_old);
    CHECK(window.admit(bob, first, at(80s), 10s, at(80s)) == Verdict::fresh);
    CHECK(window.size() == 1);  // alice's is gone
}

TEST_CASE("a clock that goes back lets nothing in that was forgotten") {
    ReplayWindow window;
    CHECK(window.admit(alice, first, at(0s), 10s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(bob, first, at(1h), 10s, at(1h)) == Verdict::fresh);  // alice's entry expires here
    CHECK(window.admit(alice, first, at(0s), 10s, at(5s)) == Verdict::too_old);
    CHECK(window.admit(alice, first, at(200s), 10s, at(200s)) == Verdict::fresh);
}

TEST_CASE("one caller gets a quarter, and others still have room") {
    ReplayWindow window(16);
    for (std::uint32_t i = 0; i < 4; ++i)
        CHECK(window.admit(alice, numbered<proto::RequestId>(i), at(0s), 60s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(alice, numbered<proto::RequestId>(4), at(0s), 60s, at(0s)) == Verdict::full);
    CHECK(window.admit(alice, numbered<proto::RequestId>(0), at(0s), 60s, at(0s)) == Verdict::seen);
    CHECK(window.admit(bob, numbered<proto::RequestId>(4), at(0s), 60s, at(0s)) == Verdict::fresh);
    // When hers expired she has her quarter again.
    CHECK(window.admit(alice, numbered<proto::RequestId>(4), at(200s), 60s, at(200s)) == Verdict::fresh);
}

TEST_CASE("full means refuse, and no live entry is forgotten") {
    ReplayWindow window(16);
    for (const auto& caller : {alice, bob, carol, dave}) {
        for (std::uint32_t i = 0; i < 4; ++i)
            REQUIRE(window.admit(caller, numbered<proto::RequestId>(i), at(0s), 60s, at(0s)) == Verdict::fresh);
    }
    CHECK(window.admit(eve, first, at(0s), 60s, at(0s)) == Verdict::full);
    CHECK(window.size() == 16);
    for (const auto& caller : {alice, bob, carol, dave}) {
        for (std::uint32_t i = 0; i < 4; ++i)
            CHECK(window.admit(caller, numbered<proto::RequestId>(i), at(0s), 60s, at(0s)) == Verdict::seen);
    }
    CHECK(window.admit(eve, first, at(60s + skew), 60s, at(60s + skew)) == Verdict::full);
    CHECK(window.admit(eve, first, at(60s + skew + 1us), 60s, at(60s + skew + 1us)) == Verdict::fresh);
    CHECK(window.size() == 1);
}

TEST_CASE("entries of one id leave one by one, each at its own time") {
    ReplayWindow window(16);
    CHECK(window.admit(alice, first, at(0s), 10s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(bob, first, at(0s), 20s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(carol, first, at(0s), 10s, at(0s)) == Verdict::fresh);
    CHECK(window.admit(bob, first, at(0s), 20s, at(75s)) == Verdict::seen);
    CHECK(window.size() == 1);
}

}  // namespace
}  // namespace mco::security::test
