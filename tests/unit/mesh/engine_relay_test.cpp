// Relays and leaves: who is one, what each does with a request, and what is repaired.

#include <doctest/doctest.h>

#include <algorithm>

#include "mesh/core/relays.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::NoticeKind;
using proto::Outcome;
using proto::Reason;
using proto::Standing;

constexpr mesh::Timing timing;

std::vector<proto::PeerId> peers(std::initializer_list<std::uint8_t> numbers) {
    std::vector<proto::PeerId> ids;
    for (const auto number : numbers) ids.push_back(peer(number));
    return ids;
}

proto::IHave have(std::uint32_t number, std::uint8_t orphans_of = 0) {
    return {.request = request_id(number), .orphans_of = orphans_of == 0 ? proto::PeerId{} : peer(orphans_of)};
}

// We (50) are a leaf of the relays 1, 2 and 3; `first` and `second` are our homes.
struct Leaf : Rig {
    Leaf() : Rig(50) {
        const auto relays = peers({1, 2, 3});
        const auto order = mesh::homes(peer(50), relays);
        first = order[0].octets[0];
        second = order[1].octets[0];
        third = order[2].octets[0];
        to_first = link(first);
        gossip(to_first, record(second));
        gossip(to_first, record(third));
        say(to_first, proto::Relays{40, relays});
        to_second = link(second, mesh::Side::dialled);
    }
    void fanned_out(std::uint32_t number, std::uint32_t sequence = 1) {
        engine.fanout(now, curve_key(first),
                      proto::encode(proto::Request{.scope = proto::Scope::deliver,
                                                   .accountant = peer(first),
                                                   .left_ms = 10'000,
                                                   .sequence = sequence,
                                                   .sealed = sealed_request(number)}));
    }
    std::uint8_t first = 0, second = 0, third = 0;
    mesh::LinkId to_first = 0, to_second = 0;
};

TEST_CASE("up to 16 members everybody relays, beyond that the square root") {
    CHECK(mesh::relays_wanted(3) == 3);
    CHECK(mesh::relays_wanted(16) == 16);
    CHECK(mesh::relays_wanted(17) == 5);
    CHECK(mesh::relays_wanted(1'000) == 32);
    CHECK(mesh::relays_wanted(10'000'000) == proto::limits::relays_max);
    mesh::RelayRanking ranking;
    for (std::uint8_t i = 1; i <= 100; ++i) ranking.put(record(i), true);
    const auto relays = ranking.relays(100);
    CHECK(relays.size() == 10);
    CHECK(std::is_sorted(relays.begin(), relays.end()));
    // One that is not eligible is replaced by exactly one other.
    ranking.put(record(relays[3].octets[0]), false);
    const auto others = ranking.relays(100);
    std::vector<proto::PeerId> common;
    std::set_intersection(relays.begin(), relays.end(), others.begin(), others.end(), std::back_inserter(common));
    CHECK(common.size() == 9);
}

TEST_CASE("proxies relay first, and alone where they are enough") {
    mesh::RelayRanking ranking;
    for (std::uint8_t i = 1; i <= 100; ++i) {
        auto body = record(i);
        if (i <= 2) body.relay = proto::RelayWish::always;
        ranking.put(body, true);
    }
    CHECK(ranking.relays(100) == peers({1, 2}));
    CHECK(ranking.relays(512) == peers({1, 2}));
    CHECK(ranking.relays(513).size() == 23);
    auto shy = record(101);
    shy.relay = proto::RelayWish::never;
    CHECK(!mesh::can_relay(shy));
    shy = record(101);
    shy.link_endpoint.clear();
    CHECK(!mesh::can_relay(shy));
}

TEST_CASE("a lost relay moves only its own leaves") {
    const auto all = peers({1, 2, 3, 4, 5, 6, 7, 8});
    auto less = all;
    less.erase(less.begin() + 3);
    std::size_t moved = 0;
    for (std::uint8_t leaf = 20; leaf < 220; ++leaf) {
        const auto before = mesh::homes(peer(leaf), all).front(), after = mesh::homes(peer(leaf), less).front();
        CHECK((before == after || before == peer(4)));
        if (before != after) ++moved;
    }
    CHECK(moved > 10);
    CHECK(moved < 45);
}

TEST_CASE("who is not among the relays it is told becomes a leaf and attaches to two of them") {
    Leaf rig;
    CHECK(rig.engine.role() == mesh::Engine::Role::leaf);
    const auto at_first = rig.sent<proto::Attach>(rig.to_first), at_second = rig.sent<proto::Attach>(rig.to_second);
    REQUIRE(at_first.size() == 1);
    CHECK(at_first[0].standing == Standing::primary);
    REQUIRE(at_second.size() == 1);
    CHECK(at_second[0].standing == Standing::standby);
    std::vector<std::string> followed;
    for (const auto& one : rig.all<mesh::Follow>()) followed.push_back(one.topics.at(0));
    CHECK(std::find(followed.begin(), followed.end(), mesh::eager_topic("mcollective")) != followed.end());
    CHECK(std::find(followed.begin(), followed.end(), mesh::lazy_topic("mcollective")) != followed.end());
    CHECK(rig.engine.joined());
}

TEST_CASE("a leaf that loses its primary makes the standby its primary at once") {
    Leaf rig;
    rig.forget();
    rig.down(rig.to_first);
    const auto words = rig.sent<proto::Attach>(rig.to_second);
    REQUIRE(words.size() == 1);
    CHECK(words[0].standing == Standing::primary);
    // The lost one cannot be reached: the third takes its place.
    rig.pass(timing.dial_grace);
    const auto dials = rig.all<mesh::Dial>();
    CHECK(std::any_of(dials.begin(), dials.end(), [&](const auto& one) { return one.where == address(rig.third); }));
}

TEST_CASE("a redirected leaf goes to its next relay") {
    Leaf rig;
    rig.forget();
    rig.say(rig.to_first, proto::Redirect{});
    REQUIRE(rig.sent<proto::Attach>(rig.to_second).size() == 1);
    CHECK(rig.sent<proto::Attach>(rig.to_second)[0].standing == Standing::primary);
    CHECK(rig.noticed(NoticeKind::redirected));
}

TEST_CASE("a leaf performs what its primary publishes, and reports to it") {
    Leaf rig;
    rig.forget();
    rig.fanned_out(1);
    REQUIRE(rig.all<mesh::Perform>().size() == 1);
    rig.performed(1);
    const auto ups = rig.sent<proto::Up>(rig.to_first);
    REQUIRE(ups.size() == 1);
    CHECK(closed(ups));
}

TEST_CASE("a leaf that only hears of a request fetches it after a while, and not if it came") {
    Leaf rig;
    rig.forget();
    rig.engine.fanout(rig.now, curve_key(rig.second), proto::encode(have(1)));
    rig.fanned_out(2);
    rig.engine.fanout(rig.now, curve_key(rig.second), proto::encode(have(2)));
    rig.pass(timing.lazy_patience - 1us);
    CHECK(rig.sent<proto::Fetch>(rig.to_second).empty());
    rig.pass(1us);
    REQUIRE(rig.sent<proto::Fetch>(rig.to_second).size() == 1);
    CHECK(rig.sent<proto::Fetch>(rig.to_second)[0].request == request_id(1));
}

TEST_CASE("a leaf of a lost relay tells its answer to who calls") {
    Leaf rig;
    rig.fanned_out(1);
    rig.performed(1);
    rig.forget();
    rig.engine.fanout(rig.now, curve_key(rig.second), proto::encode(have(1)));
    CHECK(rig.effects().empty());
    rig.engine.fanout(rig.now, curve_key(rig.second), proto::encode(have(1, rig.first)));
    REQUIRE(rig.sent<proto::Fetch>(rig.to_second).size() == 1);
    rig.say(rig.to_second, proto::Request{.scope = proto::Scope::deliver,
                                          .accountant = peer(rig.second),
                                          .left_ms = 9'000,
                                          .sealed = sealed_request(1)});
    CHECK(rig.sent<proto::Up>(rig.to_second).size() == 1);
    CHECK(rig.all<mesh::Perform>().empty());
}

TEST_CASE("a gap in the sequence makes a leaf fetch what is open") {
    Leaf rig;
    rig.fanned_out(1, 7);
    rig.forget();
    rig.fanned_out(2, 8);
    CHECK(rig.sent<proto::Fetch>(rig.to_first).empty());
    rig.fanned_out(4, 10);
    REQUIRE(rig.sent<proto::Fetch>(rig.to_first).size() == 1);
    CHECK(rig.sent<proto::Fetch>(rig.to_first)[0].request.is_zero());
}

TEST_CASE("a leaf sends callers to its relays") {
    Leaf rig;
    const auto client = rig.client();
    rig.ask(client, 1);
    const auto words = rig.sent<proto::Redirect>(client);
    REQUIRE(words.size() == 1);
    CHECK(words[0].request == request_id(1));
    CHECK(words[0].records == std::vector{sealed(record(rig.first)), sealed(record(rig.second))});
    CHECK(rig.engine.live_requests() == 0);
}

// We (50) are a relay beside the relay 1, with the leaves 10 (primary) and 11 (standby).
struct Relay : Rig {
    Relay() : Rig(50), other(link(1)), primary(leaf(10)) {
        subscribe(1);
        auto body = record(11);
        body.relay = proto::RelayWish::never;
        standby = link(body);
        say(standby, proto::Attach{.standing = Standing::standby});
        engine.subscribed(now, peer(11), mesh::lazy_topic("mcollective"));
        forget();
    }
    mesh::LinkId other, primary, standby = 0;
};

TEST_CASE("a relay hands a request to its children, tells its standbys, and reports merged when all have spoken") {
    Relay rig;
    rig.publish(1, 1);
    const auto published = rig.all<mesh::Publish>();
    REQUIRE(published.size() == 1);
    CHECK(published[0].topic == mesh::eager_topic("mcollective"));
    CHECK(rig.all<mesh::Perform>().size() == 1);
    rig.forget();
    rig.pass(timing.ihave_delay);
    REQUIRE(rig.all<mesh::Publish>().size() == 1);
    CHECK(rig.all<mesh::Publish>()[0].topic == mesh::lazy_topic("mcollective"));
    rig.performed(1);
    CHECK(rig.sent<proto::Up>(rig.other).empty());
    rig.answer(rig.primary, 1, 10);
    const auto ups = rig.sent<proto::Up>(rig.other);
    REQUIRE(ups.size() == 1);
    CHECK(closed(ups));
    CHECK(last_ledger(ups).expected == 2);
}

TEST_CASE("a relay that waits for its children acknowledges") {
    Relay rig;
    rig.publish(1, 1);
    rig.pass(timing.ack_delay);
    REQUIRE(rig.sent<proto::Ack>(rig.other).size() == 1);
    CHECK(rig.sent<proto::Ack>(rig.other)[0].expected == 2);
}

TEST_CASE("a silent child is excused by its relay, and named by the accountant when nobody else brings it") {
    Relay rig;
    rig.publish(1, 1);
    rig.performed(1);
    rig.pass(timing.ack_patience);
    CHECK(rig.sent<proto::Request>(rig.primary).size() == 1);
    rig.pass(timing.resend_patience);
    const auto ups = rig.sent<proto::Up>(rig.other);
    REQUIRE(closed(ups));
    CHECK(missing(ups, 10)->reason == Reason::no_ack);
}

TEST_CASE("who fetches is waited for, and after the end its word goes on") {
    Relay rig;
    rig.publish(1, 1);
    rig.performed(1);
    rig.say(rig.standby, proto::Fetch{request_id(1)});
    CHECK(rig.sent<proto::Request>(rig.standby).size() == 1);
    rig.answer(rig.primary, 1, 10);
    rig.forget();
    rig.answer(rig.standby, 1, 11);
    auto ups = rig.sent<proto::Up>(rig.other);
    REQUIRE(closed(ups));
    CHECK(last_ledger(ups).expected == 3);

    rig.publish(2, 1);
    rig.performed(2);
    rig.answer(rig.primary, 2, 10);
    rig.forget();
    rig.say(rig.standby, proto::Fetch{request_id(2)});
    CHECK(rig.sent<proto::Request>(rig.standby).size() == 1);
    rig.answer(rig.standby, 2, 11);
    ups = rig.sent<proto::Up>(rig.other);
    REQUIRE(ups.size() == 1);
    CHECK(answer_of(ups, 11));
}

TEST_CASE("strangers cannot fetch") {
    Relay rig;
    rig.publish(1, 1);
    auto body = record(12);
    body.relay = proto::RelayWish::never;
    const auto loose = rig.link(body);
    rig.forget();
    rig.say(loose, proto::Fetch{request_id(1)});
    rig.say(loose, proto::Fetch{});
    CHECK(rig.all<mesh::Send>().empty());
}

TEST_CASE("a leaf that attaches during a request is asked, too") {
    Relay rig;
    rig.publish(1, 1);
    const auto late = rig.leaf(12);
    CHECK(rig.sent<proto::Request>(late).size() == 1);
}

TEST_CASE("an accountant calls the leaves of a lost relay, and names who does not come") {
    Relay rig;
    rig.gossip(rig.other, [] {
        auto body = record(12);
        body.relay = proto::RelayWish::never;
        return body;
    }());
    const auto third = rig.link(2);
    const auto client = rig.client();
    rig.ask(client, 1);
    rig.performed(1);
    rig.answer(rig.primary, 1, 10);
    proto::Up up{.request = request_id(1), .sequence = 1};
    up.answers = {{peer(2), Outcome::ok, {1}}};
    up.ledger = {.expected = 1, .closure = proto::Closure::closed};
    up.ledger.add(Outcome::ok);
    rig.say(third, up);
    rig.forget();
    rig.down(rig.other);
    REQUIRE(rig.sent<proto::Orphans>(third).size() == 1);
    CHECK(rig.sent<proto::Orphans>(third)[0].relay == peer(1));
    REQUIRE(rig.all<mesh::Publish>().size() == 1);  // to our own standbys
    // Its leaf came to the third relay after that one had reported.
    up.answers = {{peer(11), Outcome::ok, {2}}};
    up.sequence = 2;
    rig.say(third, up);
    rig.pass(timing.orphan_patience - 1us);
    CHECK(!closed(rig.sent<proto::Up>(client)));
    rig.pass(1us);
    // The last resort: we go there ourselves.
    const auto dials = rig.all<mesh::Dial>();
    CHECK(std::any_of(dials.begin(), dials.end(), [](const auto& one) { return one.where == address(12); }));
    rig.pass(timing.visit_patience - 1us);
    CHECK(!closed(rig.sent<proto::Up>(client)));
    rig.pass(1us);
    const auto ups = rig.sent<proto::Up>(client);
    REQUIRE(closed(ups));
    CHECK(answer_of(ups, 11));
    CHECK(missing(ups, 12)->reason == Reason::orphaned);
    CHECK(missing(ups, 12)->outcome == Outcome::lost);
    CHECK(missing(ups, 1)->reason == Reason::link_lost);
    CHECK(last_ledger(ups).balanced());
}

TEST_CASE("a client that comes to another relay makes it account for the whole group") {
    Relay rig;
    rig.publish(1, 1);
    rig.performed(1);
    rig.answer(rig.primary, 1, 10);  // our part is told and closed
    const auto client = rig.client();
    rig.forget();
    rig.ask(client, 1, 2);
    REQUIRE(!rig.sent<proto::Ack>(client).empty());
    CHECK(rig.sent<proto::Ack>(client)[0].expected == 4);
    REQUIRE(rig.all<mesh::Publish>().size() == 1);
    CHECK(rig.all<mesh::Publish>()[0].topic == mesh::relay_topic());
    CHECK(rig.all<mesh::Perform>().empty());
    rig.answer(rig.other, 1, 1);
    rig.forget();
    rig.pass(timing.orphan_patience);
    CHECK(rig.sent<proto::Request>(rig.standby).size() == 1);  // nobody brought it, and we have a link to it
    rig.answer(rig.standby, 1, 11);
    const auto ups = rig.sent<proto::Up>(client);
    REQUIRE(closed(ups));
    CHECK(answer_of(ups, 11));
}

TEST_CASE("a leaf without any home left is dialled by the accountant, asked, and let go") {
    Relay rig;
    rig.down(rig.standby);
    auto body = record(12);
    body.relay = proto::RelayWish::never;
    rig.gossip(rig.other, body);
    const auto client = rig.client();
    rig.ask(client, 1);
    rig.performed(1);
    rig.answer(rig.primary, 1, 10);
    rig.answer(rig.other, 1, 1);
    rig.forget();
    rig.pass(timing.orphan_patience);
    const auto dials = rig.all<mesh::Dial>();
    REQUIRE(std::any_of(dials.begin(), dials.end(), [](const auto& one) { return one.where == address(12); }));
    rig.forget();
    const auto visit = rig.link(body, mesh::Side::dialled);
    REQUIRE(rig.sent<proto::Request>(visit).size() == 1);
    CHECK(rig.sent<proto::Request>(visit)[0].scope == proto::Scope::deliver);
    rig.answer(visit, 1, 12);
    rig.pass(timing.visit_patience);
    const auto ups = rig.sent<proto::Up>(client);
    REQUIRE(closed(ups));
    CHECK(answer_of(ups, 12));
    const auto undials = rig.all<mesh::Undial>();
    CHECK(std::any_of(undials.begin(), undials.end(), [](const auto& one) { return one.where == address(12); }));
    CHECK(rig.all<mesh::Perform>().empty());
}

}  // namespace
