// What a process leaves to the next one: who was there is missed, and not forgotten.

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/mesh/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using proto::Outcome;
using proto::Reason;

constexpr mesh::Timing timing;
constexpr std::uint64_t today = 1'800'000'000'000'000;  // as the rig's clock begins

mesh::Engine::OpenedEntry entry(std::uint8_t number, proto::MemberState state = proto::MemberState::up,
                                std::chrono::milliseconds since = 1min) {
    return {shared(record(number)), state, static_cast<std::uint32_t>(since.count())};
}

mesh::Engine::OpenedGroup dc2(std::uint64_t version) {
    return {.group = "dc2", .version = version, .collectives = {{"mcollective", 40}}, .gateways = {}};
}

struct Restarted : Rig {
    explicit Restarted(mesh::Engine::Memory memory) : Rig(50, {address(1)}, {}, std::move(memory)) { engine.start(now); }
    std::vector<proto::Up> asked(std::uint32_t number) {
        const auto caller = client();
        ask(caller, number);
        performed(number);
        pass(timing.ack_patience);
        pass(timing.ack_patience);
        return sent<proto::Up>(caller);
    }
    bool knows(std::uint8_t number) const {
        const auto members = engine.members();
        return std::any_of(members.begin(), members.end(), [&](const auto& one) { return one.peer == peer(number); });
    }
};

TEST_CASE("who was there before a restart is expected, and named by its name when it does not come back") {
    Restarted rig({.members = {entry(1), entry(2)}, .groups = {}});
    const auto first = rig.link(1);
    rig.subscribe(1);
    const auto caller = rig.client();
    rig.ask(caller, 1);
    CHECK(rig.sent<proto::Ack>(caller).at(0).expected == 3);
    rig.performed(1);
    rig.answer(first, 1, 1);
    CHECK(!closed(rig.sent<proto::Up>(caller)));
    rig.pass(timing.ack_patience);
    const auto ups = rig.sent<proto::Up>(caller);
    CHECK(closed(ups));
    const auto gone = missing(ups, 2);
    REQUIRE(gone);
    CHECK(gone->outcome == Outcome::unreachable);
    CHECK(gone->reason == Reason::no_link);
    CHECK(gone->name == record(2).name);
}

TEST_CASE("who comes back in the middle of a request is asked") {
    Restarted rig({.members = {entry(2)}, .groups = {}});
    const auto caller = rig.client();
    rig.ask(caller, 1);
    rig.performed(1);
    const auto back = rig.leaf(2);
    REQUIRE(!rig.sent<proto::Request>(back).empty());
    rig.answer(back, 1, 2);
    CHECK(closed(rig.sent<proto::Up>(caller)));
    CHECK(!missing(rig.sent<proto::Up>(caller), 2));
}

TEST_CASE("who was not heard of in time is down, and forgotten like everybody who is") {
    Restarted rig({.members = {entry(2)}, .groups = {}});
    CHECK(!rig.knows(2));  // nothing is done on the strength of it
    rig.pass(timing.recall);
    CHECK(rig.knows(2));
    const auto gone = missing(rig.asked(1), 2);
    REQUIRE(gone);
    CHECK(gone->reason == Reason::down);
    rig.pass(timing.forget_down);
    CHECK(!rig.knows(2));
    CHECK(!missing(rig.asked(2), 2));
}

TEST_CASE("who left, was down for a day or is of another group is not missed") {
    auto stranger = record(4);
    stranger.group = "dc2";
    Restarted rig({.members = {entry(2, proto::MemberState::left), entry(3, proto::MemberState::down, timing.forget_down),
                               {shared(stranger), proto::MemberState::up, 0}},
                   .groups = {}});
    CHECK(closed(rig.asked(1)));
    for (const std::uint8_t number : {2, 3, 4}) CHECK(!missing(rig.asked(number), number));
}

TEST_CASE("another group is remembered, and named as a whole while nobody leads there") {
    Restarted rig({.members = {}, .groups = {dc2(today)}});
    const auto ups = rig.asked(1);
    REQUIRE(closed(ups));
    const auto& named = ups.back().missing;
    REQUIRE(named.size() == 1);
    CHECK(named[0].name == "dc2");
    CHECK(named[0].nodes == 40);
}

TEST_CASE("a group that nobody has told of for a day, or that tells of a day to come, is not there") {
    Restarted rig({.members = {}, .groups = {dc2(today - proto::Duration(timing.forget_down).count() - 1)}});
    CHECK(rig.engine.other_groups().empty());
    Restarted other({.members = {}, .groups = {dc2(today + proto::Duration(2min).count())}});
    CHECK(other.engine.other_groups().empty());
    Restarted third({.members = {}, .groups = {dc2(today)}});
    CHECK(third.engine.other_groups().size() == 1);
    third.pass(timing.forget_down + timing.ping_interval);
    CHECK(third.engine.other_groups().empty());
}

TEST_CASE("what is remembered of before goes on to the next, with what was learnt since") {
    Restarted rig({.members = {entry(2)}, .groups = {dc2(today)}});
    rig.link(1);
    const auto memory = rig.engine.memory(rig.now);
    REQUIRE(memory.members.size() == 2);
    CHECK(memory.groups.size() == 1);
    CHECK(std::none_of(memory.members.begin(), memory.members.end(), [](const auto& one) { return one.record->body.peer == peer(50); }));
}

}  // namespace
