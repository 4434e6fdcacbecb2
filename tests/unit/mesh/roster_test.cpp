#include "mesh/core/roster.hpp"

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace std::chrono_literals;
using mesh::Roster;
using proto::MemberState;
using test::peer;
using test::record;

const proto::Now now{proto::Instant(100s), {}};

Roster fresh() { return Roster(test::shared(record(50))); }

Roster::Word word(proto::PeerRecordBody body, MemberState state = MemberState::up) {
    return {.record = test::shared(body), .state = state, .since = now.mono};
}

TEST_CASE("we are in our own roster, and nobody is believed about us") {
    auto roster = fresh();
    CHECK(roster.find(peer(50)) != nullptr);
    CHECK(roster.learn(now, word(record(50), MemberState::left)) == Roster::Learned::nothing);
    CHECK(roster.learn(now, word(record(50, 9))) == Roster::Learned::stale);
    CHECK(roster.find(peer(50))->record->body.incarnation == 1);
    CHECK(roster.find(peer(50))->state == MemberState::up);
    roster.forget(peer(50));
    CHECK(roster.members().size() == 1);
    roster.check();
}

TEST_CASE("the newest incarnation wins, then the newest sequence") {
    auto roster = fresh();
    CHECK(roster.learn(now, word(record(1, 5, 5))) == Roster::Learned::joined);
    CHECK(roster.learn(now, word(record(1, 5, 4))) == Roster::Learned::stale);
    CHECK(roster.learn(now, word(record(1, 5, 5))) == Roster::Learned::nothing);
    CHECK(roster.learn(now, word(record(1, 5, 6))) == Roster::Learned::renewed);
    CHECK(roster.learn(now, word(record(1, 4, 9))) == Roster::Learned::stale);
    CHECK(roster.learn(now, word(record(1, 6, 0))) == Roster::Learned::restarted);
    CHECK(roster.find(peer(1))->record->body.incarnation == 6);
    roster.check();
}

TEST_CASE("who left stays away until a newer incarnation") {
    auto roster = fresh();
    roster.learn(now, word(record(1)));
    CHECK(roster.learn(now, word(record(1), MemberState::left)) == Roster::Learned::left);
    CHECK(roster.learn(now, word(record(1), MemberState::up)) == Roster::Learned::nothing);
    CHECK(roster.find(peer(1))->state == MemberState::left);
    CHECK(!roster.mark_down(now, peer(1)));
    CHECK(roster.learn(now, word(record(1, 2))) == Roster::Learned::restarted);
    CHECK(roster.find(peer(1))->state == MemberState::up);
    roster.check();
}

TEST_CASE("our own link outranks what others say") {
    auto roster = fresh();
    auto first_hand = word(record(1));
    first_hand.first_hand = first_hand.linked = true;
    roster.learn(now, first_hand);
    auto hearsay = word(record(1), MemberState::left);
    hearsay.linked = true;
    CHECK(roster.learn(now, hearsay) == Roster::Learned::nothing);
    CHECK(roster.learn(now, word(record(1), MemberState::down)) == Roster::Learned::nothing);
    CHECK(roster.find(peer(1))->state == MemberState::up);
    // Once linked, it is judged by our links alone.
    CHECK(roster.mark_down(now, peer(1)));
    roster.learn(now, word(record(1), MemberState::up));
    CHECK(roster.find(peer(1))->state == MemberState::down);
}

TEST_CASE("of members we never met, what others see is believed") {
    auto roster = fresh();
    auto down = word(record(1), MemberState::down);
    down.since = now.mono - 7s;
    CHECK(roster.learn(now, down) == Roster::Learned::joined);
    CHECK(roster.find(peer(1))->state == MemberState::down);
    CHECK(roster.find(peer(1))->since == now.mono - 7s);
    roster.learn(now, word(record(1), MemberState::up));
    CHECK(roster.find(peer(1))->state == MemberState::up);
}

TEST_CASE("the digest does not depend on the order, and the ups and downs of those that each judges do not enter it") {
    auto one = fresh(), other = fresh();
    const auto alone = one.digest({});
    one.learn(now, word(record(1)));
    one.learn(now, word(record(2)));
    other.learn(now, word(record(2), MemberState::down));
    other.learn(now, word(record(1)));
    CHECK(one.digest({peer(2)}) == other.digest({peer(2)}));
    CHECK(one.digest({}) != other.digest({}));
    one.mark_left(now, peer(1));
    CHECK(one.digest({peer(2)}) != other.digest({peer(2)}));
    one.forget(peer(1));
    one.forget(peer(2));
    CHECK(one.digest({}) == alone);
    one.check();
}

TEST_CASE("a full roster takes nobody more") {
    auto roster = fresh();
    for (std::uint32_t i = 1; i < proto::limits::roster_max; ++i) {
        auto body = record(1);
        body.peer.octets[1] = static_cast<std::uint8_t>(i >> 8);
        body.peer.octets[2] = static_cast<std::uint8_t>(i);
        REQUIRE(roster.learn(now, {.record = test::shared(body)}) == Roster::Learned::joined);
    }
    CHECK(roster.learn(now, word(record(99))) == Roster::Learned::full);
    CHECK(roster.members().size() == proto::limits::roster_max);
    roster.check();
}

}  // namespace
