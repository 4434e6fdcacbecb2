#include <algorithm>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::NoticeKind;
using mesh::Side;
using proto::MemberState;

constexpr mesh::Timing timing;

std::vector<proto::PeerId> named(const std::vector<proto::Roster>& rosters) {
    std::vector<proto::PeerId> ids;
    for (const auto& roster : rosters) {
        for (const auto& entry : roster.entries) {
            const auto sealed = proto::unpack<proto::SealedRecord>(entry.record);
            ids.push_back(proto::unpack<proto::PeerRecordBody>(sealed->body)->peer);
        }
    }
    return ids;
}

TEST_CASE("a new link gets the whole roster, ourselves included") {
    Rig rig(50);
    rig.link(1);
    const auto link = rig.link(2);
    CHECK(named(rig.sent<proto::Roster>(link)) == std::vector{peer(1), peer(2), peer(50)});
}

TEST_CASE("news go to everybody else, once; what is known goes nowhere") {
    Rig rig(50);
    const auto a = rig.link(1), b = rig.link(2), c = rig.link(3);
    rig.forget();
    rig.gossip(a, record(9));
    CHECK(rig.sent<proto::Roster>(a).empty());
    CHECK(named(rig.sent<proto::Roster>(b)) == std::vector{peer(9)});
    CHECK(named(rig.sent<proto::Roster>(c)) == std::vector{peer(9)});
    rig.forget();
    rig.gossip(b, record(9));
    rig.gossip(c, record(9), MemberState::down, 5s);
    CHECK(rig.all<mesh::Send>().empty());
}

TEST_CASE("a departure is news, with its age") {
    Rig rig(50);
    const auto a = rig.link(1), b = rig.link(2);
    rig.forget();
    rig.say(a, proto::Bye{});
    CHECK(rig.noticed(NoticeKind::member_left));
    auto rosters = rig.sent<proto::Roster>(b);
    REQUIRE(rosters.size() == 1);
    CHECK(rosters[0].entries[0].state == MemberState::left);
    rig.down(a);
    rig.pass(3s);
    rig.forget();
    const auto c = rig.link(3);
    rosters = rig.sent<proto::Roster>(c);
    for (const auto& entry : rosters.at(0).entries)
        CHECK((entry.state != MemberState::left || entry.since_ms == 3'000U));
}

TEST_CASE("a goodbye by hearsay does not count while its link stands") {
    Rig rig(50);
    rig.link(1);
    const auto b = rig.link(2);
    rig.gossip(b, record(1), MemberState::left);
    CHECK(rig.state_of(1) == MemberState::up);
    rig.gossip(b, record(3));
    rig.gossip(b, record(3), MemberState::left);
    CHECK(rig.state_of(3) == MemberState::left);
}

TEST_CASE("every node link is pinged, and answers measure the round trip") {
    Rig rig(50);
    rig.engine.start(rig.now);
    const auto link = rig.link(1), client = rig.client();
    rig.pass(timing.ping_interval);
    CHECK(rig.sent<proto::Ping>(client).empty());
    const auto pings = rig.sent<proto::Ping>(link);
    REQUIRE(pings.size() == 1);
    rig.pass(7ms);
    rig.say(link, proto::Pong{pings[0].token + 1});
    CHECK(rig.engine.members().front().round_trip == 0us);
    rig.say(link, proto::Pong{pings[0].token});
    CHECK(rig.engine.members().front().round_trip == 7ms);
}

TEST_CASE("a digest that differs twice brings our roster, once a ping interval") {
    Rig rig(50);
    const auto link = rig.link(1);
    rig.pass(timing.ping_interval - 1us);
    rig.forget();
    rig.say(link, proto::Ping{.token = 5, .roster_digest = 1});
    CHECK(rig.sent<proto::Roster>(link).empty());  // it has it since the link came up
    rig.pass(1us);
    rig.say(link, proto::Ping{.token = 5, .roster_digest = 1});
    rig.say(link, proto::Ping{.token = 5, .roster_digest = 1});
    CHECK(rig.sent<proto::Roster>(link).size() == 1);
    CHECK(rig.sent<proto::Pong>(link).size() == 3);
}

TEST_CASE("equal rosters have equal digests, and then only pings go") {
    Rig one(50), other(60);
    const auto to_other = one.link(60);
    other.link(50);
    one.engine.start(one.now);
    one.pass(timing.ping_interval);
    const auto ping = one.sent<proto::Ping>(to_other).at(0);
    other.forget();
    other.pass(timing.ping_interval);
    other.say(1, ping);
    CHECK(other.sent<proto::Roster>(1).empty());
}

TEST_CASE("who is down for a day is forgotten, and not learned again from others") {
    Rig rig(50);
    const auto a = rig.link(1);
    const auto link = rig.link(7);
    rig.down(link);
    CHECK(rig.state_of(7) == MemberState::down);
    auto waited = 0us;
    while (waited < std::chrono::duration_cast<proto::Duration>(timing.forget_down) - 10s) {
        rig.pass(10s);
        rig.say(a, proto::Pong{});
        waited += 10s;
    }
    rig.pass(10s - 1us);
    CHECK(rig.state_of(7) == MemberState::down);
    rig.pass(1us);
    CHECK(!rig.state_of(7));
    rig.gossip(a, record(7), MemberState::down, timing.forget_down);
    CHECK(!rig.state_of(7));
    rig.gossip(a, record(7), MemberState::down, timing.forget_down - 1ms);
    CHECK(rig.state_of(7) == MemberState::down);
}

TEST_CASE("a large roster goes in frames within the limits") {
    Rig rig(50);
    const auto a = rig.link(1);
    for (std::uint32_t i = 0; i < 1'500; ++i) {
        auto body = record(2);
        body.peer.octets[1] = static_cast<std::uint8_t>(i >> 8);
        body.peer.octets[2] = static_cast<std::uint8_t>(i);
        for (std::size_t k = 0; k < 4; ++k) body.curve_key.octets[k] = body.peer.octets[k];
        body.relay = proto::RelayWish::never;
        auto octets = sealed(body);
        octets.resize(1'900);  // as large as records get
        rig.engine.roster(rig.now, a, {{std::make_shared<const mesh::Record>(body, octets), MemberState::up, 0}});
    }
    const auto link = rig.link(3);
    rig.forget();
    rig.say(link, proto::Ping{.token = 1, .roster_digest = 1});
    std::size_t entries = 0;
    for (const auto& send : rig.all<mesh::Send>()) { CHECK(send.frame.size() <= proto::limits::frame_size_max); }
    for (const auto& roster : rig.sent<proto::Roster>(link)) entries += roster.entries.size();
    CHECK(entries == 1'503);
}

TEST_CASE("callers do not gossip") {
    Rig rig(50);
    const auto client = rig.client();
    rig.gossip(client, record(9));
    rig.say(client, proto::Bye{});
    rig.say(client, proto::Ping{.token = 3, .roster_digest = 1});
    CHECK(!rig.state_of(9));
    CHECK(rig.sent<proto::Roster>(client).empty());
    CHECK(rig.sent<proto::Pong>(client).size() == 1);
}

TEST_CASE("frames that belong elsewhere, or cannot be read, are noted and do nothing") {
    Rig rig(50);
    const auto link = rig.link(1);
    rig.forget();
    rig.engine.frame(rig.now, link, proto::Bytes{1, 2, 3});
    rig.say(link, proto::Roster{});
    rig.say(link, proto::Refusal{});
    rig.engine.fanout(rig.now, curve_key(1), proto::encode(proto::Ping{}));
    CHECK(rig.all<mesh::Notice>().size() == 4);
    CHECK(rig.effects().size() == 4);
}

TEST_CASE("leaving says goodbye to nodes") {
    Rig rig(50);
    const auto a = rig.link(1), b = rig.link(2);
    rig.engine.leave(rig.now, "told to");
    CHECK(rig.sent<proto::Bye>(a).size() == 1);
    CHECK(rig.sent<proto::Bye>(b).size() == 1);
}

TEST_CASE("an engine prints itself in one line") {
    Rig rig(50);
    rig.link(1);
    const auto line = rig.engine.describe();
    CHECK(line.find("node50: 2 members (2 up, 0 down, 0 left)") == 0);
    CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("relays subscribe to each other's requests and to their own presence") {
    Rig rig(50);
    rig.link(7);
    REQUIRE(rig.all<mesh::Follow>().size() == 1);
    const auto topics = rig.all<mesh::Follow>()[0].topics;
    REQUIRE(topics.size() == 2);
    CHECK(topics[0] == mesh::relay_topic());
    CHECK(topics[1] == mesh::presence_topic(peer(50)));
    CHECK(topics[1].size() == 17);
}

}  // namespace
