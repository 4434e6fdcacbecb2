#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::NoticeKind;
using proto::Outcome;
using proto::Reason;

constexpr mesh::Timing timing;

// Ourselves (50) and the members 1 and 2, linked and subscribed, and a client.
struct Three : Rig {
    Three() : Rig(50), one(link(1)), two(link(2)), caller(client()) {
        subscribe(1);
        subscribe(2);
        forget();
    }
    std::vector<proto::Up> ups() { return sent<proto::Up>(caller); }

    mesh::LinkId one, two, caller;
};

TEST_CASE("a request is acknowledged, published once, and performed here") {
    Three rig;
    rig.ask(rig.caller, 1);
    const auto acks = rig.sent<proto::Ack>(rig.caller);
    REQUIRE(acks.size() == 1);
    CHECK(acks[0].expected == 3);
    const auto published = rig.all<mesh::Publish>();
    REQUIRE(published.size() == 1);
    CHECK(published[0].topic == mesh::relay_topic());
    const auto request = std::get<proto::Request>(*proto::decode(published[0].frame));
    CHECK(request.scope == proto::Scope::local);
    CHECK(request.accountant == peer(50));
    CHECK(request.sequence == 1);
    CHECK(request.left_ms == 10'000);
    CHECK(rig.all<mesh::Perform>().size() == 1);
    CHECK(rig.sent<proto::Request>(rig.one).empty());
    rig.ask(rig.caller, 2);
    CHECK(std::get<proto::Request>(*proto::decode(rig.all<mesh::Publish>().back().frame)).sequence == 2);
}

TEST_CASE("the account closes with the last answer, without any timer") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.answer(rig.one, 1, 1);
    rig.performed(1);
    CHECK(rig.ups().empty());
    rig.answer(rig.two, 1, 2, Outcome::not_matched, {});
    REQUIRE(rig.ups().size() == 1);
    CHECK(closed(rig.ups()));
    CHECK(rig.ups()[0].sequence == 1);
    CHECK(rig.ups()[0].answers.size() == 2);
    REQUIRE(rig.ups()[0].bare.size() == 1);  // without octets: merged
    CHECK(rig.ups()[0].bare[0].nodes == std::vector{peer(2)});
    CHECK(answer_of(rig.ups(), 1)->sealed == proto::Bytes{1, 2, 3});
    CHECK(last_ledger(rig.ups()).count(Outcome::not_matched) == 1);
    CHECK(rig.engine.live_requests() == 0);
}

TEST_CASE("what is known is told after the flush time, at the moment and not before") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.answer(rig.one, 1, 1);
    rig.pass(timing.flush - 1us);
    CHECK(rig.ups().empty());
    rig.pass(1us);
    REQUIRE(rig.ups().size() == 1);
    CHECK(!closed(rig.ups()));
    CHECK(rig.ups()[0].ledger.accounted() == 1);
    rig.answer(rig.two, 1, 2);
    rig.performed(1);
    CHECK(rig.ups().size() == 2);
    CHECK(rig.ups()[1].sequence == 2);
    CHECK(rig.ups()[1].answers.size() == 2);
}

TEST_CASE("much is told before the flush time") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.answer(rig.one, 1, 1, Outcome::ok, proto::Bytes(timing.flush_bytes));
    CHECK(rig.ups().size() == 1);
}

TEST_CASE("answers that do not fit into one frame go in several, and only the last is closed") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.engine.link_down(rig.now, rig.caller);
    for (const auto& [link, number] : {std::pair(rig.one, 1), std::pair(rig.two, 2)})
        rig.answer(link, 1, static_cast<std::uint8_t>(number), Outcome::ok,
                   proto::Bytes(proto::limits::reply_size_max));
    rig.performed(1, Outcome::ok, proto::Bytes(proto::limits::reply_size_max));
    rig.caller = rig.client();
    rig.ask(rig.caller, 1, 2);
    CHECK(rig.ups().size() == 2);  // what it may have under way
    rig.say(rig.caller, proto::Credit{request_id(1), 2 * proto::limits::reply_size_max});
    const auto ups = rig.ups();
    REQUIRE(ups.size() == 3);
    CHECK(ups[0].ledger.closure == proto::Closure::open);
    CHECK(ups[1].ledger.closure == proto::Closure::open);
    CHECK(closed(ups));
    for (const auto& send : rig.all<mesh::Send>()) CHECK(send.frame.size() <= proto::limits::frame_size_max);
}

TEST_CASE("a collective of nobody is closed at once") {
    Three rig;
    rig.say(rig.caller, proto::Request{.sealed = sealed_request(1, 10s, "elsewhere")});
    CHECK(rig.sent<proto::Ack>(rig.caller).at(0).expected == 0);
    REQUIRE(rig.ups().size() == 1);
    CHECK(closed(rig.ups()));
    CHECK(last_ledger(rig.ups()).expected == 0);
    CHECK(rig.all<mesh::Perform>().empty());
}

TEST_CASE("members without a confirmed subscription get the request on their link") {
    Three rig;
    const auto three = rig.link(3);
    rig.forget();
    rig.ask(rig.caller, 1);
    CHECK(rig.all<mesh::Publish>().size() == 1);
    const auto copies = rig.sent<proto::Request>(three);
    REQUIRE(copies.size() == 1);
    CHECK(copies[0].sequence == 0);
    CHECK(rig.sent<proto::Request>(rig.one).empty());
}

TEST_CASE("without any subscription nothing is published") {
    Rig rig(50);
    const auto one = rig.link(1), caller = rig.client();
    rig.ask(caller, 1);
    CHECK(rig.all<mesh::Publish>().empty());
    CHECK(rig.sent<proto::Request>(one).size() == 1);
}

TEST_CASE("who is known to be down is named at once, with the time since when") {
    Three rig;
    rig.down(rig.two);
    rig.pass(3s);
    rig.ask(rig.caller, 1);
    rig.performed(1);
    rig.answer(rig.one, 1, 1);
    REQUIRE(closed(rig.ups()));
    const auto gone = missing(rig.ups(), 2);
    REQUIRE(gone);
    CHECK(gone->name == "node2");
    CHECK(gone->reason == Reason::down);
    CHECK(gone->outcome == Outcome::unreachable);
    CHECK(gone->since_ms == 3'000);
}

TEST_CASE("who left is not expected") {
    Three rig;
    rig.say(rig.two, proto::Bye{});
    rig.ask(rig.caller, 1);
    CHECK(rig.sent<proto::Ack>(rig.caller).at(0).expected == 2);
}

TEST_CASE("a member that is up but not linked gets the request when its link comes, or is named for want of one") {
    Three rig;
    rig.gossip(rig.one, record(3));
    rig.gossip(rig.one, record(4));
    rig.ask(rig.caller, 1);
    rig.pass(timing.ack_patience - 1us);
    const auto three = rig.link(3);
    CHECK(rig.sent<proto::Request>(three).size() == 1);
    CHECK(!missing(rig.ups(), 4));
    rig.pass(1us);
    rig.pass(timing.flush);
    REQUIRE(missing(rig.ups(), 4));
    CHECK(missing(rig.ups(), 4)->reason == Reason::no_link);
    CHECK(!missing(rig.ups(), 3));
}

TEST_CASE("silence is answered by asking again on the link, then by naming the member") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.performed(1);
    rig.answer(rig.two, 1, 2);
    rig.pass(timing.ack_patience - 1us);
    CHECK(rig.sent<proto::Request>(rig.one).empty());
    rig.pass(1us);
    CHECK(rig.sent<proto::Request>(rig.one).size() == 1);
    CHECK(rig.noticed(NoticeKind::resent));
    rig.pass(timing.resend_patience - 1us);
    CHECK(!closed(rig.ups()));
    rig.pass(1us);
    REQUIRE(closed(rig.ups()));
    CHECK(missing(rig.ups(), 1)->reason == Reason::no_ack);
    CHECK(missing(rig.ups(), 1)->outcome == Outcome::unreachable);
    CHECK(rig.sent<proto::Request>(rig.one).size() == 1);
}

TEST_CASE("who acknowledged is polled, and lost after so many polls without a sign of life") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.performed(1);
    rig.answer(rig.two, 1, 2);
    rig.say(rig.one, proto::Ack{.request = request_id(1)});
    rig.pass(timing.relay_poll_interval - 1us);
    CHECK(rig.sent<proto::Poll>(rig.one).empty());
    rig.pass(1us);
    CHECK(rig.sent<proto::Poll>(rig.one).size() == 1);
    rig.pass(timing.relay_poll_interval);
    // Anything it says is proof of life.
    rig.pass(1ms);
    rig.say(rig.one, proto::Pong{});
    rig.pass(timing.relay_poll_interval - 1ms);
    for (int i = 1; i < timing.polls_unanswered_max; ++i) rig.pass(timing.relay_poll_interval);
    CHECK(rig.sent<proto::Poll>(rig.one).size() == 5);
    rig.pass(timing.relay_poll_interval - 1us);
    CHECK(!closed(rig.ups()));
    rig.pass(1us);
    REQUIRE(closed(rig.ups()));
    CHECK(missing(rig.ups(), 1)->reason == Reason::silent);
    CHECK(missing(rig.ups(), 1)->outcome == Outcome::lost);
}

TEST_CASE("who does not know a request it was polled for is asked again, once a poll") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.say(rig.one, proto::Ack{.request = request_id(1)});
    const proto::Status unknown{.request = request_id(1), .progress = proto::Progress::unknown};
    rig.say(rig.one, unknown);
    CHECK(rig.sent<proto::Request>(rig.one).empty());
    rig.pass(timing.poll_interval);
    rig.say(rig.one, unknown);
    rig.say(rig.one, unknown);
    CHECK(rig.sent<proto::Request>(rig.one).size() == 1);
    CHECK(rig.noticed(NoticeKind::unknown_request));
}

TEST_CASE("a lost link names the member at once, by what it had said") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.performed(1);
    rig.say(rig.one, proto::Ack{.request = request_id(1)});
    rig.down(rig.one);
    rig.down(rig.two);
    REQUIRE(closed(rig.ups()));
    CHECK(missing(rig.ups(), 1)->outcome == Outcome::lost);
    CHECK(missing(rig.ups(), 2)->outcome == Outcome::unreachable);
    CHECK(missing(rig.ups(), 2)->reason == Reason::link_lost);
}

TEST_CASE("a second link keeps the member") {
    Three rig;
    rig.link(1, mesh::Side::dialled);
    rig.ask(rig.caller, 1);
    rig.down(rig.one);
    rig.pass(timing.flush);
    CHECK(!missing(rig.ups(), 1));
}

TEST_CASE("a restart is a loss for the requests of the process before") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.performed(1);
    rig.answer(rig.two, 1, 2);
    rig.say(rig.one, proto::Ack{.request = request_id(1)});
    rig.link(1, mesh::Side::accepted, 2);
    REQUIRE(closed(rig.ups()));
    CHECK(missing(rig.ups(), 1)->outcome == Outcome::lost);
}

TEST_CASE("the deadline closes, at the moment and not before, and says who was still working") {
    Three rig;
    rig.gossip(rig.one, record(3));
    rig.ask(rig.caller, 1, 1, 50ms);
    rig.say(rig.one, proto::Ack{.request = request_id(1)});
    rig.performed(1);
    rig.pass(50ms - 1us);
    CHECK(!closed(rig.ups()));
    rig.pass(1us);
    REQUIRE(closed(rig.ups()));
    CHECK(missing(rig.ups(), 1)->outcome == Outcome::expired);
    CHECK(missing(rig.ups(), 1)->reason == Reason::timeout);
    CHECK(missing(rig.ups(), 2)->outcome == Outcome::unreachable);
    CHECK(missing(rig.ups(), 2)->reason == Reason::no_ack);
    CHECK(missing(rig.ups(), 3)->reason == Reason::no_link);
    rig.pass(1h);
    CHECK(rig.ups().size() == 2);
}

TEST_CASE("a deadline beyond the limit is cut, and one that began before the spare goes on") {
    Three rig;
    rig.ask(rig.caller, 1, 1, 48h);
    const auto request = std::get<proto::Request>(*proto::decode(rig.all<mesh::Publish>().at(0).frame));
    CHECK(request.left_ms == std::chrono::milliseconds(proto::limits::request_timeout_max).count());
    rig.forget();
    rig.say(rig.caller, proto::Request{.attempt = 2, .left_ms = 400, .sealed = sealed_request(2)});
    CHECK(std::get<proto::Request>(*proto::decode(rig.all<mesh::Publish>().at(0).frame)).left_ms == 400);
}

TEST_CASE("late answers change nothing") {
    Three rig;
    rig.ask(rig.caller, 1, 1, 50ms);
    rig.pass(50ms);
    REQUIRE(closed(rig.ups()));
    const auto before = rig.ups().size();
    rig.answer(rig.one, 1, 1);
    rig.performed(1);
    rig.pass(1s);
    CHECK(rig.ups().size() == before);
    CHECK(rig.noticed(NoticeKind::late_reply));
}

TEST_CASE("a leaf speaks for itself only") {
    Three rig;
    const auto leaf = rig.leaf(3);
    rig.ask(rig.caller, 1);
    rig.answer(leaf, 1, 2);                     // for another
    rig.answer(leaf, 1, 3, Outcome::lost, {});  // what only we may say
    proto::Up both{.request = request_id(1)};
    both.answers = {{peer(3), Outcome::ok, {}}, {peer(2), Outcome::ok, {}}};
    rig.say(leaf, both);
    proto::Up bare{.request = request_id(1)};
    bare.bare = {{Outcome::ok, {peer(2)}}};
    rig.say(leaf, bare);
    proto::Up excuse{.request = request_id(1)};
    excuse.missing = {{.node = peer(3), .reason = Reason::down}};
    rig.say(leaf, excuse);
    rig.say(leaf, proto::Up{.request = request_id(1)});
    rig.pass(timing.flush);
    CHECK(rig.ups().empty());
    CHECK(rig.noticed(NoticeKind::malformed_frame));
}

TEST_CASE("a member may say that it is overloaded") {
    Three rig;
    const auto leaf = rig.leaf(3);
    rig.ask(rig.caller, 1);
    for (const auto& [link, number] : {std::pair(rig.one, 1), std::pair(leaf, 3)}) {
        proto::Up excuse{.request = request_id(1)};
        excuse.missing = {{.node = peer(static_cast<std::uint8_t>(number)), .name = "liar", .reason = Reason::overloaded}};
        rig.say(link, excuse);
    }
    rig.pass(timing.flush);
    for (const std::uint8_t number : {1, 3}) {
        REQUIRE(missing(rig.ups(), number));
        CHECK(missing(rig.ups(), number)->name == record(number).name);
        CHECK(missing(rig.ups(), number)->outcome == Outcome::unreachable);
    }
}

TEST_CASE("words about requests that are not ours are noted and nothing grows") {
    Three rig;
    rig.answer(rig.one, 9, 1);
    rig.say(rig.one, proto::Ack{.request = request_id(9)});
    rig.say(rig.one, proto::Status{.request = request_id(9)});
    rig.say(rig.one, proto::Cancel{.request = request_id(9)});
    rig.say(rig.caller, proto::Cancel{.request = request_id(9)});
    CHECK(rig.all<mesh::Notice>().size() == 5);
    CHECK(rig.effects().size() == 5);
    CHECK(rig.noticed(NoticeKind::unknown_request));
}

TEST_CASE("only nodes answer, only callers ask") {
    Three rig;
    rig.ask(rig.one, 1);
    rig.ask(rig.caller, 1);
    rig.answer(rig.caller, 1, 1);
    rig.say(rig.caller,
            proto::Request{.scope = proto::Scope::local, .accountant = peer(1), .sealed = sealed_request(2)});
    rig.pass(timing.flush);
    CHECK(rig.ups().empty());
    CHECK(rig.all<mesh::Perform>().size() == 1);
}

TEST_CASE("a client that comes again hears everything from the beginning") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.answer(rig.one, 1, 1);
    rig.pass(timing.flush);
    rig.down(rig.caller);
    rig.answer(rig.two, 1, 2);
    rig.pass(1s);
    const auto again = rig.client();
    rig.forget();
    rig.ask(again, 1, 2);
    const auto ups = rig.sent<proto::Up>(again);
    CHECK(rig.sent<proto::Ack>(again).at(0).attempt == 2);
    REQUIRE(ups.size() == 1);
    CHECK(ups[0].sequence == 1);
    CHECK(ups[0].attempt == 2);
    CHECK(ups[0].answers.size() == 2);
    rig.performed(1);
    CHECK(closed(rig.sent<proto::Up>(again)));
    CHECK(rig.all<mesh::Perform>().empty());
}

TEST_CASE("a closed account is told once for each attempt") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.performed(1);
    rig.answer(rig.one, 1, 1);
    rig.answer(rig.two, 1, 2);
    rig.ask(rig.caller, 1);
    CHECK(rig.noticed(NoticeKind::duplicate_request));
    CHECK(rig.ups().size() == 1);
    rig.ask(rig.caller, 1, 2);
    rig.ask(rig.caller, 1, 1);
    CHECK(rig.ups().size() == 2);
    CHECK(closed(rig.ups()));
}

TEST_CASE("another caller cannot take over a request") {
    Three rig;
    const auto thief = rig.client(201);
    rig.ask(rig.caller, 1);
    rig.ask(thief, 1, 2);
    REQUIRE(rig.sent<proto::Refused>(thief).size() == 1);
    CHECK(rig.sent<proto::Refused>(thief)[0].code == proto::Errc::denied);
    rig.say(thief, proto::Cancel{.request = request_id(1)});
    CHECK(rig.engine.live_requests() == 1);
    rig.say(thief, proto::Poll{.request = request_id(1)});
    CHECK(rig.sent<proto::Status>(thief).at(0).progress == proto::Progress::unknown);
}

TEST_CASE("cancelling closes what is owed, withdraws here, and tells the members") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.answer(rig.one, 1, 1);
    rig.say(rig.caller, proto::Cancel{.request = request_id(1)});
    REQUIRE(closed(rig.ups()));
    CHECK(last_ledger(rig.ups()).count(Outcome::cancelled) == 2);
    CHECK(last_ledger(rig.ups()).count(Outcome::ok) == 1);
    CHECK(answer_of(rig.ups(), 2)->outcome == Outcome::cancelled);
    CHECK(rig.sent<proto::Cancel>(rig.two).size() == 1);
    CHECK(rig.sent<proto::Cancel>(rig.one).empty());
    CHECK(rig.all<mesh::Withdraw>().size() == 1);
    rig.say(rig.caller, proto::Cancel{.request = request_id(1)});
    CHECK(rig.ups().size() == 1);
}

TEST_CASE("leaving closes our accounts as cancelled and takes no more") {
    Three rig;
    rig.ask(rig.caller, 1);
    rig.engine.leave(rig.now, "told to");
    REQUIRE(closed(rig.ups()));
    CHECK(last_ledger(rig.ups()).count(Outcome::cancelled) == 3);
    rig.ask(rig.caller, 2);
    CHECK(rig.sent<proto::Refused>(rig.caller).at(0).code == proto::Errc::unreachable);
}

TEST_CASE("one request more than there is room for is refused, and the others live") {
    Three rig;
    for (std::uint32_t i = 1; i <= proto::limits::live_requests_max; ++i) rig.ask(rig.caller, i);
    CHECK(rig.sent<proto::Refused>(rig.caller).empty());
    CHECK(rig.engine.live_requests() == proto::limits::live_requests_max);
    rig.ask(rig.caller, 9'999);
    REQUIRE(rig.sent<proto::Refused>(rig.caller).size() == 1);
    CHECK(rig.sent<proto::Refused>(rig.caller)[0].code == proto::Errc::overloaded);
    CHECK(rig.noticed(NoticeKind::refused_overload));
}

TEST_CASE("finished requests are remembered for their time, then forgotten") {
    Three rig;
    rig.ask(rig.caller, 1, 1, 10ms);
    rig.performed(1);
    rig.pass(10ms);
    rig.pass(std::chrono::duration_cast<proto::Duration>(timing.remember) - 10ms - 1us);
    rig.say(rig.caller, proto::Poll{.request = request_id(1)});
    CHECK(rig.sent<proto::Status>(rig.caller).back().progress == proto::Progress::done);
    rig.pass(10ms + 1us);
    rig.say(rig.caller, proto::Poll{.request = request_id(1)});
    CHECK(rig.sent<proto::Status>(rig.caller).back().progress == proto::Progress::unknown);
}

TEST_CASE("replies beyond the memory are told and let go, oldest requests first") {
    Three rig;
    const proto::Bytes large(proto::limits::reply_size_max);
    std::uint32_t number = 0;
    for (std::size_t held = 0; held <= 2 * proto::limits::cached_reply_bytes_max; held += large.size()) {
        rig.ask(rig.caller, ++number);
        rig.performed(number, Outcome::ok, {});
        rig.answer(rig.one, number, 1, Outcome::ok, large);
        rig.answer(rig.two, number, 2, Outcome::ok, {});
        rig.engine.check();
        rig.forget();
    }
    rig.say(rig.caller, proto::Poll{.request = request_id(1)});
    rig.say(rig.caller, proto::Poll{.request = request_id(number)});
    CHECK(rig.sent<proto::Status>(rig.caller).at(0).progress == proto::Progress::unknown);
    CHECK(rig.sent<proto::Status>(rig.caller).at(1).progress == proto::Progress::done);
}

TEST_CASE("equal inputs in equal order give equal effects") {
    const auto play = [] {
        Three rig;
        rig.ask(rig.caller, 1);
        rig.pass(timing.ack_patience);
        rig.answer(rig.two, 1, 2);
        rig.pass(timing.resend_patience);
        rig.performed(1);
        std::vector<proto::Bytes> frames;
        for (const auto& send : rig.all<mesh::Send>()) frames.push_back(send.frame);
        return frames;
    };
    CHECK(play() == play());
}

}  // namespace
