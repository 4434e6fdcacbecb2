// What a process leaves to the next one. Whom the one before knew is expected, and named as missing, until others say more;
// nothing is done on the strength of it: no link, no role.

#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/milliseconds.hpp"

namespace mco::mesh {

void Engine::State::recall(proto::Now now, Memory memory) {
    for (auto& one : memory.members) {
        const auto& body = one.record->body;
        const auto age = std::chrono::milliseconds(one.since_ms);
        const bool of_use = body.group == self.record->body.group && one.state != proto::MemberState::left &&
                            (one.state == proto::MemberState::up || age < timing.forget_down);
        if (!of_use || members.find(body.peer) != nullptr || recalled.size() >= proto::limits::roster_max) continue;
        const auto since = one.state == proto::MemberState::up ? now.mono : now.mono - age;
        recalled.try_emplace(body.peer, Roster::Member{.record = std::move(one.record), .state = one.state, .since = since});
    }
    for (auto& group : memory.groups) learn_group(now, std::move(group));
    if (!recalled.empty()) timers.set({.kind = Timer::Kind::recall}, now.mono + timing.recall);
}

// A leaf need not know; a relay goes on naming those who did not come back.
void Engine::State::recall_passed(proto::Now now) {
    std::vector<proto::PeerId> gone;
    for (auto& [peer, one] : std::exchange(recalled, {})) {
        if (!relay) continue;
        Roster::Word word{.record = one.record, .state = proto::MemberState::down, .since = one.since};
        if (learn(now, std::move(word))) gone.push_back(peer);
    }
    settle_roles(now);
    for (const auto& peer : gone) review(now, peer);
    pass_on(now, gone, {});
}

Engine::Memory Engine::State::memory(proto::Now now) const {
    Memory memory;
    const auto keep = [&](const Roster::Member& member) {
        memory.members.push_back({member.record, member.state, milliseconds(now.mono - member.since)});
    };
    for (const auto& [peer, member] : members.members()) {
        if (members.ours(member) && peer != members.self() && member.state != proto::MemberState::left) keep(member);
    }
    for (const auto& [peer, member] : recalled) keep(member);
    for (const auto& [name, group] : others) memory.groups.push_back({name, group.version, group.collectives, group.gateways});
    return memory;
}

}  // namespace mco::mesh
