#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::NoticeKind;
using proto::Outcome;
using proto::Progress;

constexpr mesh::Timing timing;

// We are 50; 1 and 2 are accountants that we follow.
struct Member : Rig {
    Member() : Rig(50), one(link(1)), two(link(2)) { forget(); }

    mesh::LinkId one, two;
};

proto::Request copy_of(std::uint32_t number, std::uint8_t accountant, std::uint8_t attempt = 1) {
    return {.scope = proto::Scope::local,
            .attempt = attempt,
            .accountant = peer(accountant),
            .left_ms = 10'000,
            .sealed = sealed_request(number)};
}

TEST_CASE("a fast answer needs no acknowledgement") {
    Member rig;
    rig.publish(1, 1);
    REQUIRE(rig.all<mesh::Perform>().size() == 1);
    CHECK(rig.all<mesh::Perform>()[0].sealed == sealed_request(1));
    rig.pass(timing.ack_delay - 1us);
    rig.performed(1);
    rig.pass(1s);
    CHECK(rig.sent<proto::Ack>(rig.one).empty());
    const auto ups = rig.sent<proto::Up>(rig.one);
    REQUIRE(ups.size() == 1);
    CHECK(closed(ups));
    CHECK(answer_of(ups, 50)->sealed == proto::Bytes{7});
    CHECK(rig.sent<proto::Up>(rig.two).empty());
}

TEST_CASE("a request is known by who brought it first, and by what plane") {
    Member rig;
    CHECK(!rig.engine.request(request_id(1)));
    rig.publish(1, 1);
    rig.say(rig.two, copy_of(1, 2, 2));  // another accountant took over
    auto view = rig.engine.request(request_id(1));
    REQUIRE(view);
    CHECK(!view->caller);
    CHECK(view->from == peer(1));
    CHECK(view->published);
    CHECK(view->asked.empty());
    rig.say(rig.two, copy_of(2, 2));
    view = rig.engine.request(request_id(2));
    REQUIRE(view);
    CHECK(view->from == peer(2));
    CHECK(!view->published);
    rig.performed(1);
    rig.pass(timing.remember + 1s);
    CHECK(!rig.engine.request(request_id(1)));
}

TEST_CASE("work that takes longer is acknowledged, at the moment and not before") {
    Member rig;
    rig.publish(1, 1);
    rig.pass(timing.ack_delay - 1us);
    CHECK(rig.sent<proto::Ack>(rig.one).empty());
    rig.pass(1us);
    CHECK(rig.sent<proto::Ack>(rig.one).size() == 1);
    rig.pass(1s);
    CHECK(rig.sent<proto::Ack>(rig.one).size() == 1);
}

TEST_CASE("a request is performed once, by whatever planes and however often it comes") {
    Member rig;
    rig.publish(1, 1);
    rig.publish(1, 1);
    rig.say(rig.one, copy_of(1, 1));
    CHECK(rig.all<mesh::Perform>().size() == 1);
    CHECK(rig.noticed(NoticeKind::duplicate_request));
    CHECK(rig.sent<proto::Ack>(rig.one).size() == 2);  // whoever asks again wants a word now
    rig.performed(1);
    rig.say(rig.one, copy_of(1, 1));
    CHECK(rig.all<mesh::Perform>().size() == 1);
    CHECK(rig.sent<proto::Up>(rig.one).size() == 2);
}

TEST_CASE("another accountant gets the answer, too") {
    Member rig;
    rig.publish(1, 1);
    rig.publish(1, 2, 2);
    CHECK(rig.noticed(NoticeKind::reparented));
    CHECK(rig.sent<proto::Ack>(rig.two).size() == 1);
    rig.performed(1);
    CHECK(rig.sent<proto::Up>(rig.one).size() == 1);
    REQUIRE(rig.sent<proto::Up>(rig.two).size() == 1);
    CHECK(rig.sent<proto::Up>(rig.two)[0].attempt == 2);
    CHECK(rig.all<mesh::Perform>().size() == 1);
}

TEST_CASE("who asks from many places hears it at the latest ones") {
    Member rig;
    for (std::uint8_t number = 10; number < 20; ++number) rig.link(number);
    rig.publish(1, 1);
    for (std::uint8_t number = 10; number < 20; ++number) rig.publish(1, number, number);
    rig.forget();
    rig.performed(1);
    CHECK(rig.all<mesh::Send>().size() == 4);
    CHECK(rig.sent<proto::Up>(rig.one).empty());
}

TEST_CASE("an answer waits for a link to its accountant") {
    Member rig;
    rig.publish(1, 1);
    rig.down(rig.one);
    rig.pass(timing.ack_delay);
    rig.performed(1);
    CHECK(rig.all<mesh::Send>().empty());
    const auto again = rig.link(1);
    CHECK(rig.sent<proto::Up>(again).size() == 1);
    CHECK(rig.sent<proto::Ack>(again).empty());
}

TEST_CASE("a poll is answered at once: unknown, working, or done with the answer again") {
    Member rig;
    const proto::Poll poll{.request = request_id(1), .attempt = 3};
    rig.say(rig.one, poll);
    CHECK(rig.sent<proto::Status>(rig.one).at(0).progress == Progress::unknown);
    CHECK(rig.sent<proto::Status>(rig.one).at(0).attempt == 3);
    rig.publish(1, 1);
    rig.say(rig.one, poll);
    CHECK(rig.sent<proto::Status>(rig.one).at(1).progress == Progress::working);
    // Another one, that never asked us, shall ask first.
    rig.say(rig.two, poll);
    CHECK(rig.sent<proto::Status>(rig.two).at(0).progress == Progress::unknown);
    rig.performed(1);
    rig.forget();
    rig.say(rig.one, poll);
    CHECK(rig.sent<proto::Status>(rig.one).at(0).progress == Progress::done);
    CHECK(rig.sent<proto::Up>(rig.one).size() == 1);
}

TEST_CASE("a request for an accountant that nobody knows is not performed") {
    Member rig;
    rig.publish(1, 77);
    rig.publish(2, 50);
    CHECK(rig.all<mesh::Perform>().empty());
    CHECK(rig.noticed(NoticeKind::malformed_frame));
}

TEST_CASE("a request that cannot be read is not performed") {
    Member rig;
    auto broken = copy_of(1, 1);
    broken.sealed = {1, 2, 3};
    rig.say(rig.one, broken);
    CHECK(rig.all<mesh::Perform>().empty());
    CHECK(rig.noticed(NoticeKind::malformed_frame));
}

TEST_CASE("an accountant may cancel, once, and only its own") {
    Member rig;
    rig.publish(1, 1);
    rig.say(rig.two, proto::Cancel{.request = request_id(1)});
    CHECK(rig.all<mesh::Withdraw>().empty());
    rig.say(rig.one, proto::Cancel{.request = request_id(1)});
    rig.say(rig.one, proto::Cancel{.request = request_id(1)});
    CHECK(rig.all<mesh::Withdraw>().size() == 1);
    rig.performed(1, Outcome::cancelled, {});
    CHECK(answer_of(rig.sent<proto::Up>(rig.one), 50)->outcome == Outcome::cancelled);
}

TEST_CASE("one request more than we can work on is refused to its accountant") {
    Member rig;
    for (std::uint32_t i = 1; i <= proto::limits::live_requests_max; ++i) rig.publish(i, 1);
    CHECK(rig.all<mesh::Perform>().size() == proto::limits::live_requests_max);
    rig.forget();
    rig.publish(9'999, 1);
    CHECK(rig.all<mesh::Perform>().empty());
    const auto ups = rig.sent<proto::Up>(rig.one);
    REQUIRE(missing(ups, 50));
    CHECK(missing(ups, 50)->reason == proto::Reason::overloaded);
    // When one is done there is room again.
    rig.performed(1);
    rig.publish(9'999, 1);
    CHECK(rig.all<mesh::Perform>().size() == 1);
}

TEST_CASE("an answer that no frame can hold becomes a failure without a text") {
    Member rig;
    rig.publish(1, 1);
    rig.performed(1, Outcome::ok, proto::Bytes(proto::limits::reply_size_max + 1));
    const auto answer = answer_of(rig.sent<proto::Up>(rig.one), 50);
    REQUIRE(answer);
    CHECK(answer->outcome == Outcome::failed);
    CHECK(answer->sealed.empty());
}

TEST_CASE("what was performed is remembered for its time") {
    Member rig;
    rig.publish(1, 1);
    rig.performed(1);
    rig.pass(std::chrono::duration_cast<proto::Duration>(timing.remember) - 1us);
    rig.publish(1, 2);
    CHECK(rig.all<mesh::Perform>().size() == 1);
    rig.pass(1us);
    const auto two = rig.link(2);
    rig.say(two, proto::Poll{.request = request_id(1)});
    CHECK(rig.sent<proto::Status>(two).back().progress == Progress::unknown);
}

TEST_CASE("the number of remembered requests is bounded, the oldest goes first") {
    Member rig;
    for (std::uint32_t i = 1; i <= proto::limits::remembered_requests_max + 1; ++i) {
        rig.publish(i, 1);
        rig.performed(i, Outcome::ok, {});
        rig.forget();
    }
    rig.say(rig.one, proto::Poll{.request = request_id(1)});
    rig.say(rig.one, proto::Poll{.request = request_id(2)});
    CHECK(rig.sent<proto::Status>(rig.one).at(0).progress == Progress::unknown);
    CHECK(rig.sent<proto::Status>(rig.one).at(1).progress == Progress::done);
}

TEST_CASE("an answer to what nobody asked is noted") {
    Member rig;
    rig.performed(1);
    CHECK(rig.noticed(NoticeKind::unknown_request));
}

}  // namespace
