#include "mesh/core/gather.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/mesh/rig.hpp"

namespace {

using mco::mesh::Gather;
using mco::proto::Closure;
using mco::proto::Outcome;
using mco::test::peer;

const std::vector<mco::proto::PeerId> three{peer(3), peer(1), peer(2)};

TEST_CASE("an account of nobody is closed from the beginning") {
    const Gather gather(std::vector<mco::proto::PeerId>{});
    CHECK(gather.closed());
    CHECK(gather.ledger().expected == 0);
    gather.check();
}

TEST_CASE("an account closes with the last outcome, and not before") {
    Gather gather(three);
    CHECK(gather.settle(peer(1), Outcome::ok));
    CHECK(gather.settle(peer(2), Outcome::not_matched));
    CHECK(!gather.closed());
    CHECK(gather.settle(peer(3), Outcome::failed));
    CHECK(gather.closed());
    CHECK(gather.ledger().balanced());
    gather.check();
}

TEST_CASE("the first final word about a member wins") {
    Gather gather(three);
    CHECK(gather.settle(peer(1), Outcome::lost));
    CHECK(!gather.settle(peer(1), Outcome::ok));
    CHECK(!gather.accepted(peer(1)));
    CHECK(gather.ledger().count(Outcome::lost) == 1);
    CHECK(gather.ledger().count(Outcome::ok) == 0);
    gather.check();
}

TEST_CASE("strangers do not change an account") {
    Gather gather(three);
    CHECK(!gather.accepted(peer(9)));
    CHECK(!gather.settle(peer(9), Outcome::ok));
    CHECK(!gather.expects(peer(9)));
    CHECK(gather.ledger().accounted() == 0);
}

TEST_CASE("a member expected twice is counted once") {
    const std::vector<mco::proto::PeerId> twice{peer(1), peer(1)};
    Gather gather(twice);
    CHECK(gather.ledger().expected == 1);
    CHECK(gather.settle(peer(1), Outcome::ok));
    CHECK(gather.closed());
}

TEST_CASE("accepting is told once, and stays until the outcome") {
    Gather gather(three);
    CHECK(!gather.has_accepted(peer(2)));
    CHECK(gather.accepted(peer(2)));
    CHECK(!gather.accepted(peer(2)));
    CHECK(gather.has_accepted(peer(2)));
    CHECK(gather.expects(peer(2)));
    gather.settle(peer(2), Outcome::ok);
    CHECK(!gather.has_accepted(peer(2)));
    CHECK(!gather.expects(peer(2)));
}

TEST_CASE("who is owed comes in order") {
    Gather gather(three);
    gather.settle(peer(2), Outcome::ok);
    CHECK(gather.owed() == std::vector{peer(1), peer(3)});
}

TEST_CASE("closing settles whoever is owed, by what they had said") {
    Gather gather(three);
    gather.settle(peer(1), Outcome::ok);
    gather.accepted(peer(2));
    const auto closed = gather.close_all(Outcome::expired, Outcome::unreachable);
    REQUIRE(closed.size() == 2);
    CHECK(closed[0].member == peer(2));
    CHECK(closed[0].outcome == Outcome::expired);
    CHECK(closed[1].member == peer(3));
    CHECK(closed[1].outcome == Outcome::unreachable);
    CHECK(gather.closed());
    CHECK(gather.close_all(Outcome::lost, Outcome::lost).empty());
    gather.check();
}

}  // namespace
