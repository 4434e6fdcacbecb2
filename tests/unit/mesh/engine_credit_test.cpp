#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>

#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using proto::Outcome;

constexpr mesh::Timing tight{.credit_window = 1'000, .credit_step = 100, .backlog_max = 500};

// Ourselves (50), the relays 1 and 2 with members of theirs, and a client.
struct Flow : Rig {
    Flow() : Rig(50, {}, tight), one(link(1)), two(link(2)), caller(client()) {
        for (std::uint8_t number = 3; number < 14; ++number) {
            auto body = record(number);
            body.relay = proto::RelayWish::never;
            gossip(one, body);
        }
        subscribe(1);
        subscribe(2);
        ask(caller, 1);
        forget();
    }
    // Relay 1 brings the answer of a member, so large, and has more.
    void bring(std::uint8_t member, std::size_t octets) {
        proto::Up up{.request = request_id(1), .sequence = ++sequence};
        up.answers.push_back({peer(member), Outcome::ok, proto::Bytes(octets)});
        up.ledger.expected = 14;
        for (std::uint32_t i = 0; i < sequence; ++i) up.ledger.add(Outcome::ok);
        say(one, up);
        pass(tight.flush);
    }
    std::size_t told() {
        std::size_t octets = 0;
        for (const auto& up : sent<proto::Up>(caller)) {
            for (const auto& answer : up.answers) octets += answer.sealed.size();
        }
        return octets;
    }
    std::size_t granted() {
        const auto credits = sent<proto::Credit>(one);
        return std::accumulate(credits.begin(), credits.end(), std::size_t{0},
                               [](std::size_t sum, const auto& credit) { return sum + credit.octets; });
    }
    mesh::LinkId one, two, caller;
    std::uint32_t sequence = 0;
};

TEST_CASE("who asked gets as much as its credit allows, and the rest with the next") {
    Flow rig;
    for (std::uint8_t member = 3; member < 9; ++member) rig.bring(member, 400);
    CHECK(rig.told() == 1'200);  // the last frame began within the window
    rig.say(rig.caller, proto::Credit{request_id(1), 100});
    CHECK(rig.told() == 1'200);
    rig.say(rig.caller, proto::Credit{request_id(1), 5'000});  // more than it had: it means all
    CHECK(rig.told() == 2'400);
}

TEST_CASE("a relay that brings answers is given credit as they are passed on, and none while the client is slow") {
    Flow rig;
    rig.bring(3, 60);
    CHECK(rig.granted() == 0);  // too little for a message of its own
    rig.bring(4, 60);
    CHECK(rig.granted() == 120);
    for (std::uint8_t member = 5; member < 9; ++member) rig.bring(member, 400);
    const auto before = rig.granted();
    for (std::uint8_t member = 9; member < 13; ++member) rig.bring(member, 400);
    CHECK(rig.granted() - before < 1'600);
    const auto stalled = rig.granted();
    rig.bring(13, 400);
    CHECK(rig.granted() == stalled);  // more waits for the client than is let come
    rig.say(rig.caller, proto::Credit{request_id(1), 1'000});
    rig.say(rig.caller, proto::Credit{request_id(1), 1'000});
    rig.say(rig.caller, proto::Credit{request_id(1), 1'000});
    CHECK(rig.granted() == 120 + 9 * 400);
}

TEST_CASE("credit for what was never asked is counted and changes nothing") {
    Flow rig;
    rig.say(rig.caller, proto::Credit{request_id(2), 100});
    CHECK(rig.noticed(mesh::NoticeKind::unknown_request));
    rig.forget();
    rig.say(rig.two, proto::Credit{request_id(1), 100});  // it did not ask
    CHECK(rig.noticed(mesh::NoticeKind::unknown_request));
    rig.bring(3, 400);
    CHECK(rig.told() == 400);
}

}  // namespace
