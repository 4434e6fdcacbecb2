// Groups: what they know of each other, and a request that crosses from one to another.

#include <doctest/doctest.h>

#include <algorithm>

#include "proto/codec.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::NoticeKind;
using proto::Outcome;
using proto::Reason;
using proto::Scope;

constexpr mesh::Timing timing;
constexpr std::uint64_t today = 1'800'000'000'000'000;  // as the rig's clock begins

proto::PeerRecordBody abroad(std::uint8_t number, std::string group = "dc2") {
    auto body = record(number);
    body.group = std::move(group);
    return body;
}

mesh::Engine::OpenedGroup summary(std::initializer_list<std::uint8_t> gateways, std::uint32_t members = 40,
                                  std::uint64_t version = today) {
    mesh::Engine::OpenedGroup group{.group = "dc2", .version = version, .collectives = {{"mcollective", members}}, .gateways = {}};
    for (const auto number : gateways) group.gateways.push_back(shared(abroad(number)));
    return group;
}

// We (50) are a gateway of our group, with the relay 1; 7 and 8 are the gateways of dc2, which has 40 members.
struct Gateway : Rig {
    Gateway() : Rig(50), other(link(1)), seven(link(abroad(7))), eight(link(abroad(8))) {
        subscribe(1);
        engine.groups(now, seven, {summary({7, 8})});
        caller = client();
        forget();
    }
    mesh::LinkId asked() { return sent<proto::Request>(seven).empty() || sent<proto::Request>(seven)[0].scope != Scope::group ? eight : seven; }
    mesh::LinkId other_than(mesh::LinkId link) const { return link == seven ? eight : seven; }
    void close_ours(std::uint32_t number) {
        performed(number);
        answer(other, number, 1);
    }
    proto::Up theirs(std::uint32_t number, std::uint32_t answers, bool done) {
        proto::Up up{.request = request_id(number), .sequence = 1};
        for (std::uint32_t i = 0; i < answers; ++i) {
            proto::PeerId id = peer(100);
            id.octets[1] = static_cast<std::uint8_t>(i);
            up.answers.push_back({id, Outcome::ok, {1}});
            up.ledger.add(Outcome::ok);
        }
        up.ledger.expected = done ? answers : 40;
        up.ledger.closure = done ? proto::Closure::closed : proto::Closure::open;
        return up;
    }
    std::vector<proto::Up> ups() { return sent<proto::Up>(caller); }
    mesh::LinkId other, seven, eight, caller = 0;
};

TEST_CASE("a gateway knows whom it asked in another group; the standby there was not asked") {
    Gateway rig;
    rig.ask(rig.caller, 1);
    const auto view = rig.engine.request(request_id(1));
    REQUIRE(view);
    CHECK(view->caller);
    CHECK(!view->published);
    CHECK(view->asked == std::vector{peer(rig.asked() == rig.seven ? 7 : 8)});
}

TEST_CASE("a peer of another group is told of groups, and of no roster") {
    Rig rig(50);
    rig.link(1);
    rig.forget();
    const auto seven = rig.link(abroad(7));
    CHECK(rig.sent<proto::Roster>(seven).empty());
    const auto words = rig.sent<proto::Groups>(seven);
    REQUIRE(words.size() == 1);
    REQUIRE(words[0].groups.size() == 1);
    CHECK(words[0].groups[0].group == "default");
    REQUIRE(words[0].groups[0].collectives.size() == 1);
    CHECK(words[0].groups[0].collectives[0].members == 2);
    CHECK(words[0].groups[0].gateways.size() == 2);
    CHECK(!rig.state_of(7));  // not a member of ours
}

TEST_CASE("gateways dial the gateways they hear of, and pass on what they heard to their own group") {
    Rig rig(50);
    const auto one = rig.link(1);
    const auto seven = rig.link(abroad(7));
    rig.forget();
    rig.engine.groups(rig.now, seven, {summary({7, 8})});
    const auto dials = rig.all<mesh::Dial>();
    REQUIRE(dials.size() == 1);
    CHECK(dials[0].where == address(8));
    CHECK(rig.sent<proto::Groups>(one).size() == 1);
    rig.forget();
    rig.engine.groups(rig.now, seven, {summary({7, 8})});  // no news
    CHECK(rig.effects().empty());
    REQUIRE(rig.engine.other_groups().size() == 1);
    CHECK(rig.engine.other_groups()[0].members == 40);
}

TEST_CASE("a relay that comes later is told of the groups that were heard of before, once by each gateway") {
    Gateway rig;
    const auto late = rig.link(2);
    const auto words = rig.sent<proto::Groups>(late);
    REQUIRE(words.size() == 1);
    REQUIRE(words[0].groups.size() == 1);
    CHECK(words[0].groups[0].group == "dc2");
    CHECK(words[0].groups[0].gateways.size() == 2);
}

TEST_CASE("what changes in our group is told to the others, once, a little later") {
    Gateway rig;
    rig.pass(timing.gossip_delay);
    rig.forget();
    rig.link(2);
    rig.pass(timing.gossip_delay - 1us);
    CHECK(rig.sent<proto::Groups>(rig.seven).empty());
    rig.pass(1us);
    REQUIRE(rig.sent<proto::Groups>(rig.seven).size() == 1);
    CHECK(rig.sent<proto::Groups>(rig.seven)[0].groups[0].collectives[0].members == 3);
}

TEST_CASE("one gateway of each other group is asked, and a second one stands by") {
    Gateway rig;
    rig.ask(rig.caller, 1);
    CHECK(rig.sent<proto::Ack>(rig.caller).at(0).expected == 42);
    const auto first = rig.asked(), second = rig.other_than(first);
    REQUIRE(rig.sent<proto::Request>(first).size() == 1);
    REQUIRE(rig.sent<proto::Request>(second).size() == 1);
    CHECK(rig.sent<proto::Request>(second)[0].scope == Scope::standby);
    rig.close_ours(1);
    CHECK(!closed(rig.ups()));
    rig.say(first, rig.theirs(1, 38, true));
    REQUIRE(closed(rig.ups()));
    CHECK(last_ledger(rig.ups()).expected == 40);
    CHECK(last_ledger(rig.ups()).count(Outcome::ok) == 40);
}

TEST_CASE("the account closes by what the other group says, whoever answers first") {
    Gateway rig;
    rig.ask(rig.caller, 1);
    const auto first = rig.asked();
    rig.say(first, rig.theirs(1, 40, true));
    CHECK(!closed(rig.ups()));
    rig.close_ours(1);
    REQUIRE(closed(rig.ups()));
    CHECK(last_ledger(rig.ups()).count(Outcome::ok) == 42);
}

TEST_CASE("a silent gateway is replaced by the second, and a group without any is named whole") {
    Gateway rig;
    rig.ask(rig.caller, 1);
    const auto first = rig.asked(), second = rig.other_than(first);
    rig.close_ours(1);
    rig.forget();
    rig.pass(timing.ack_patience + 450ms);  // how far away it is was not measured yet
    REQUIRE(rig.sent<proto::Request>(second).size() == 1);
    CHECK(rig.sent<proto::Request>(second)[0].scope == Scope::group);
    rig.down(second);
    const auto ups = rig.ups();
    REQUIRE(closed(ups));
    CHECK(last_ledger(ups).count(Outcome::unreachable) == 40);
    REQUIRE(ups.back().missing.size() == 1);
    CHECK(ups.back().missing[0].name == "dc2");
    CHECK(ups.back().missing[0].nodes == 40);
    CHECK(ups.back().missing[0].reason == Reason::group_unreachable);
}

TEST_CASE("what a lost gateway had brought stays, and the rest may have run") {
    Gateway rig;
    rig.ask(rig.caller, 1);
    const auto first = rig.asked(), second = rig.other_than(first);
    rig.close_ours(1);
    rig.say(first, rig.theirs(1, 10, false));
    rig.down(second);
    rig.down(first);
    const auto ups = rig.ups();
    REQUIRE(closed(ups));
    CHECK(last_ledger(ups).expected == 42);
    CHECK(last_ledger(ups).count(Outcome::ok) == 12);
    CHECK(last_ledger(ups).count(Outcome::lost) == 30);
    CHECK(ups.back().missing.back().nodes == 30);
}

TEST_CASE("a gateway is asked for its group and accounts for it") {
    Gateway rig;
    rig.say(rig.seven, proto::Request{.scope = Scope::group, .accountant = peer(7), .left_ms = 9'000, .sealed = sealed_request(1)});
    REQUIRE(rig.sent<proto::Ack>(rig.seven).size() == 1);
    CHECK(rig.sent<proto::Ack>(rig.seven)[0].expected == 2);
    CHECK(rig.all<mesh::Publish>().size() == 1);
    CHECK(rig.sent<proto::Request>(rig.eight).empty());  // it goes no further
    rig.close_ours(1);
    const auto ups = rig.sent<proto::Up>(rig.seven);
    REQUIRE(closed(ups));
    CHECK(last_ledger(ups).count(Outcome::ok) == 2);
}

TEST_CASE("a second gateway waits for the first, and acts if that one does not") {
    Gateway rig;
    const auto standby = [&](std::uint32_t number) {
        rig.say(rig.seven, proto::Request{.scope = Scope::standby, .accountant = peer(7), .left_ms = 9'000, .sealed = sealed_request(number)});
    };
    standby(1);
    standby(2);
    CHECK(rig.all<mesh::Perform>().empty());
    rig.publish(2, 1);  // the first one's copy for our group
    rig.forget();
    rig.pass(timing.standby_patience);
    REQUIRE(rig.all<mesh::Perform>().size() == 1);
    CHECK(rig.all<mesh::Perform>()[0].request == request_id(1));
    CHECK(rig.sent<proto::Ack>(rig.seven).size() == 1);
}

TEST_CASE("callers and members of our own group cannot ask as gateways do") {
    Gateway rig;
    const proto::Request request{.scope = Scope::group, .accountant = peer(1), .left_ms = 9'000, .sealed = sealed_request(1)};
    rig.say(rig.other, request);
    rig.say(rig.caller, request);
    CHECK(rig.all<mesh::Perform>().empty());
    CHECK(rig.noticed(NoticeKind::malformed_frame));
}

TEST_CASE("words of another group about our own members are refused") {
    Gateway rig;
    rig.ask(rig.caller, 1);
    const auto first = rig.asked();
    auto up = rig.theirs(1, 1, true);
    up.answers[0].node = peer(1);
    rig.say(first, up);
    CHECK(rig.noticed(NoticeKind::malformed_frame));
    rig.close_ours(1);
    CHECK(!closed(rig.ups()));
}

}  // namespace
