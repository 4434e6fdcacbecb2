#include <algorithm>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::NoticeKind;
using mesh::Side;
using proto::MemberState;

constexpr mesh::Timing timing;

TEST_CASE("seeds are dialled from the start, and our own key never") {
    Rig rig(50, {address(7), address(50), address(60)});
    rig.engine.start(rig.now);
    const auto dials = rig.all<mesh::Dial>();
    REQUIRE(dials.size() == 2);
    CHECK(dials[0].where == address(7));
    CHECK(dials[1].where == address(60));
}

TEST_CASE("the larger peer dials at once, the smaller one after the grace") {
    Rig rig(50);
    const auto one = rig.link(40);
    rig.forget();
    rig.gossip(one, record(45));
    REQUIRE(rig.all<mesh::Dial>().size() == 1);
    CHECK(rig.all<mesh::Dial>()[0].where == address(45));

    rig.forget();
    rig.gossip(one, record(90));
    rig.pass(timing.dial_grace - 1us);
    CHECK(rig.all<mesh::Dial>().empty());
    rig.pass(1us);
    REQUIRE(rig.all<mesh::Dial>().size() == 1);
    CHECK(rig.all<mesh::Dial>()[0].where == address(90));
}

TEST_CASE("a member that cannot be dialled is not dialled") {
    Rig rig(50);
    const auto one = rig.link(40);
    auto shy = record(45);
    shy.link_endpoint.clear();
    rig.gossip(one, shy);
    rig.pass(timing.dial_grace * 2);
    CHECK(rig.all<mesh::Dial>().empty());
}

TEST_CASE("a member that nobody could link for twice the grace is down from here") {
    Rig rig(50);
    const auto one = rig.link(40);
    rig.gossip(one, record(45));
    rig.pass(timing.dial_grace);
    rig.pass(timing.dial_grace - 1us);
    CHECK(rig.state_of(45) == MemberState::up);
    rig.pass(1us);
    CHECK(rig.state_of(45) == MemberState::down);
    CHECK(rig.noticed(NoticeKind::member_down));
}

TEST_CASE(
    "of two links the one dialled by the larger peer is used, and the smaller one ends its own when the other works") {
    Rig rig(50, {address(90)});
    rig.engine.start(rig.now);
    const auto ours = rig.link(90, Side::dialled);
    const auto theirs = rig.link(90, Side::accepted);
    rig.forget();
    rig.pass(1ms);
    // Nothing came on theirs yet: it may not be up at its dialler.
    CHECK(rig.all<mesh::Undial>().empty());
    rig.say(theirs, proto::Ping{});
    REQUIRE(rig.all<mesh::Undial>().size() == 1);
    CHECK(rig.all<mesh::Undial>()[0].where == address(90));
    rig.forget();
    rig.down(ours);
    CHECK(!rig.noticed(NoticeKind::member_down));
    CHECK(rig.engine.members().back().linked);
    CHECK(rig.all<mesh::Dial>().empty());
}

TEST_CASE("the larger peer keeps its own dial, and stops one that leads nowhere after the grace") {
    Rig rig(50, {address(7), address(8)});
    rig.engine.start(rig.now);
    rig.link(7, Side::dialled);
    const auto theirs = rig.link(7, Side::accepted);
    rig.say(theirs, proto::Ping{});
    rig.pass(timing.dial_grace * 2);
    CHECK(rig.all<mesh::Undial>().empty());

    const auto other = rig.link(8, Side::accepted);  // our dial to 8 is still on its way
    rig.say(other, proto::Ping{});
    rig.pass(timing.dial_grace - 1us);
    CHECK(rig.all<mesh::Undial>().empty());
    rig.pass(1us);
    REQUIRE(rig.all<mesh::Undial>().size() == 1);
    CHECK(rig.all<mesh::Undial>()[0].where == address(8));
}

TEST_CASE("a newer link of the same side takes the place of the older one, which is not a loss") {
    Rig rig(50);
    const auto older = rig.link(7);
    rig.link(7);
    REQUIRE(rig.all<mesh::Hangup>().size() == 1);
    CHECK(rig.all<mesh::Hangup>()[0].link == older);
    CHECK(rig.noticed(NoticeKind::link_replaced));
    CHECK(!rig.noticed(NoticeKind::member_down));
}

TEST_CASE("links of an older incarnation end when a newer one is known, by link or by hearsay") {
    Rig rig(50);
    const auto old_one = rig.link(7);
    const auto other = rig.link(8);
    rig.forget();
    rig.gossip(other, record(7, 2));
    REQUIRE(rig.all<mesh::Hangup>().size() == 1);
    CHECK(rig.all<mesh::Hangup>()[0].link == old_one);
    // And the old process, should it come again, is turned away while the new one is linked.
    rig.link(7, Side::accepted, 2);
    rig.forget();
    const auto zombie = rig.link(7, Side::accepted, 1);
    REQUIRE(rig.all<mesh::Hangup>().size() == 1);
    CHECK(rig.all<mesh::Hangup>()[0].link == zombie);
    CHECK(rig.noticed(NoticeKind::stale_record));
}

TEST_CASE("who is heard to have restarted is dialled at once, whatever the back-off") {
    Rig rig(50);
    const auto one = rig.link(40);
    const auto lost = rig.link(7, Side::dialled);
    rig.down(lost);  // the host tries again, later and later
    rig.forget();
    rig.gossip(one, record(7, 2));
    REQUIRE(rig.all<mesh::Undial>().size() == 1);
    REQUIRE(rig.all<mesh::Dial>().size() == 1);
    CHECK(rig.all<mesh::Dial>()[0].where == address(7));
    rig.forget();
    rig.gossip(one, record(7, 2));
    CHECK(rig.all<mesh::Dial>().empty());
}

TEST_CASE("a peer is followed while it is linked") {
    Rig rig(50);
    const auto link = rig.link(7);
    const mesh::Address fanout{record(7).fanout_endpoint, curve_key(7)};
    REQUIRE(rig.all<mesh::Follow>().size() == 1);
    CHECK(rig.all<mesh::Follow>()[0].where == fanout);
    rig.down(link);
    REQUIRE(rig.all<mesh::Unfollow>().size() == 1);
    CHECK(rig.all<mesh::Unfollow>()[0].where == fanout);
}

TEST_CASE("a peer that moved is dialled and followed at its new place") {
    Rig rig(50);
    const auto one = rig.link(40);
    rig.gossip(one, record(45));
    auto moved = record(45, 1, 1);
    moved.link_endpoint = "test://elsewhere";
    rig.forget();
    rig.gossip(one, moved);
    REQUIRE(rig.all<mesh::Undial>().size() == 1);
    REQUIRE(rig.all<mesh::Dial>().size() == 1);
    CHECK(rig.all<mesh::Dial>()[0].where.endpoint == "test://elsewhere");
}

TEST_CASE("a seed known under two addresses is dialled at one after the other") {
    Rig rig(50, {address(7), {"test://elsewhere", curve_key(7)}});
    rig.engine.start(rig.now);
    rig.forget();
    rig.pass(timing.ping_interval);
    REQUIRE(rig.all<mesh::Dial>().size() == 1);
    CHECK(rig.all<mesh::Dial>()[0].where.endpoint == "test://elsewhere");
    rig.forget();
    rig.pass(timing.ping_interval);
    CHECK(rig.all<mesh::Dial>()[0].where == address(7));
}

TEST_CASE("who left is not dialled any more, a seed is") {
    Rig rig(50, {address(7)});
    rig.engine.start(rig.now);
    const auto member = rig.link(40);
    const auto seed = rig.link(7, Side::dialled);
    rig.say(member, proto::Bye{});
    rig.say(seed, proto::Bye{});
    rig.forget();
    rig.down(member);
    rig.down(seed);
    rig.pass(timing.dial_grace * 2);
    CHECK(rig.all<mesh::Dial>().empty());
    CHECK(rig.all<mesh::Undial>().empty());  // the dial to the seed goes on
    CHECK(rig.state_of(40) == MemberState::left);
}

TEST_CASE("a link that is silent for too long is hung up, at the moment and not before") {
    Rig rig(50);
    const auto link = rig.link(7);
    rig.pass(timing.link_silence_max - 1us);
    CHECK(rig.all<mesh::Hangup>().empty());
    rig.say(link, proto::Pong{});
    rig.pass(1us);
    CHECK(rig.all<mesh::Hangup>().empty());
    rig.pass(timing.link_silence_max - 2us);
    CHECK(rig.all<mesh::Hangup>().empty());
    rig.pass(1us);
    REQUIRE(rig.all<mesh::Hangup>().size() == 1);
    CHECK(rig.state_of(7) == MemberState::down);
}

TEST_CASE("a silent client is left in peace") {
    Rig rig(50);
    rig.client();
    rig.pass(timing.link_silence_max * 3);
    CHECK(rig.all<mesh::Hangup>().empty());
}

TEST_CASE("a link that takes no more is given up") {
    Rig rig(50);
    const auto link = rig.link(7);
    rig.engine.link_full(rig.now, link);
    REQUIRE(rig.all<mesh::Hangup>().size() == 1);
    CHECK(rig.all<mesh::Hangup>()[0].why == proto::Errc::overloaded);
    rig.engine.link_full(rig.now, link);  // the host may say so twice
    CHECK(rig.all<mesh::Hangup>().size() == 1);
}

TEST_CASE("the loss of a presence topic is a hint: its accepted links are tried at once") {
    Rig rig(50);
    const auto accepted = rig.link(7);
    const auto dialled = rig.link(7, Side::dialled);
    rig.subscribe(7);
    rig.forget();
    rig.engine.unsubscribed(rig.now, peer(7), mesh::relay_topic());
    rig.engine.unsubscribed(rig.now, peer(7), mesh::eager_topic("mcollective"));
    CHECK(rig.all<mesh::Send>().empty());
    rig.engine.unsubscribed(rig.now, peer(7), mesh::presence_topic(peer(7)));
    CHECK(rig.sent<proto::Ping>(accepted).size() == 1);
    CHECK(rig.sent<proto::Ping>(dialled).empty());
    CHECK(!rig.engine.members().front().subscribed);
}

TEST_CASE("subscriptions of strangers and of the unlinked are not kept") {
    Rig rig(50);
    rig.engine.subscribed(rig.now, peer(9), "Rx");
    const auto link = rig.link(7);
    for (std::size_t i = 0; i < 2 * proto::limits::collectives_max + 5; ++i)
        rig.engine.subscribed(rig.now, peer(7), "R" + std::to_string(i));
    CHECK(rig.noticed(NoticeKind::table_full));
    rig.down(link);
    rig.engine.subscribed(rig.now, peer(7), "Rx");
    CHECK(!rig.engine.members().front().subscribed);
}

TEST_CASE("a link without a record, with another's record or to ourselves is refused") {
    Rig rig(50);
    rig.engine.link_up(rig.now, {.link = 101, .peer = peer(7)});
    rig.engine.link_up(rig.now, {.link = 102, .peer = peer(7), .record = shared(record(8))});
    rig.engine.link_up(rig.now, {.link = 103, .peer = peer(50), .record = shared(record(50))});
    CHECK(rig.all<mesh::Hangup>().size() == 3);
    CHECK(rig.engine.members().size() == 1);
}

TEST_CASE("links are bounded") {
    Rig rig(50);
    for (std::size_t i = 0; i < proto::limits::links_max; ++i) rig.client();
    CHECK(rig.all<mesh::Hangup>().empty());
    rig.client();
    CHECK(rig.all<mesh::Hangup>().size() == 1);
    CHECK(rig.noticed(NoticeKind::table_full));
}

TEST_CASE("what comes over a link that is gone is not heard") {
    Rig rig(50);
    const auto link = rig.link(7);
    rig.down(link);
    rig.forget();
    rig.say(link, proto::Ping{.token = 1});
    rig.gossip(link, record(8));
    rig.down(link);
    CHECK(rig.effects().empty());
}

}  // namespace
