// What groups know of each other: how many members each collective has there, and who its gateways are. Relays of one group
// tell each other what they hear; gateways tell those of other groups.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

bool Engine::State::is_gateway_of(const proto::PeerId& id) const {
    const auto* member = members.find(id);
    if (member == nullptr || members.ours(*member)) return false;
    const auto group = others.find(member->record->body.group);
    return group != others.end() &&
           std::any_of(group->second.gateways.begin(), group->second.gateways.end(),
                       [&](const SharedRecord& one) { return one->body.peer == id; });
}

std::uint32_t Engine::State::members_of(const Group& group, std::string_view collective) const {
    for (const auto& one : group.collectives) {
        if (one.collective == collective) return one.members;
    }
    return 0;
}

proto::GroupSummary Engine::State::own_summary(proto::Now now) const {
    proto::GroupSummary summary;
    summary.group = self.record->body.group;
    std::map<std::string, std::uint32_t> counts;
    for (const auto& [id, member] : members.members()) {
        if (!members.ours(member) || member.state == proto::MemberState::left || !member.record->body.performs) continue;
        for (const auto& collective : member.record->body.collectives) ++counts[collective];
    }
    // A leaf knows the relays only, so what it says yields to every other word.
    summary.version = relay ? static_cast<std::uint64_t>(std::max<std::int64_t>(1, now.wall.time_since_epoch().count())) : 0;
    for (const auto& [collective, count] : counts) {
        if (summary.collectives.size() == proto::limits::collectives_max) break;
        if (!self.confined.contains(collective)) summary.collectives.push_back({collective, count});
    }
    for (const auto& id : RelayRanking::gateways(relay_records()))
        summary.gateways.push_back(members.find(id)->record->sealed);
    return summary;
}

void Engine::State::send_groups(proto::Now now, LinkId link) {
    proto::Groups groups;
    const auto& receiver = members.find(links.at(link).peer)->record->body.group;
    if (receiver != self.record->body.group) groups.groups.push_back(own_summary(now));
    for (const auto& [name, group] : others) {
        proto::GroupSummary summary{name, group.version, group.collectives, {}};
        for (const auto& gateway_record : group.gateways) summary.gateways.push_back(gateway_record->sealed);
        if (groups.groups.size() < proto::limits::groups_max) groups.groups.push_back(std::move(summary));
    }
    if (!groups.groups.empty()) send(link, groups);
}

void Engine::State::groups_frame(proto::Now now, LinkId link, std::vector<OpenedGroup> groups) {
    const auto found = links.find(link);
    if (found == links.end() || found->second.caller) return;
    const proto::PeerId sender = found->second.peer;
    heard_from(now, found->second);
    bool news_of_others = false;
    for (auto& group : groups) {
        if (group.group == self.record->body.group) {
            // From outside: members of our own group that we may not have met.
            for (auto& record : group.gateways) {
                const auto peer = record->body.peer;
                const auto at = peers.find(peer);
                const bool is_linked = at != peers.end() && !at->second.links.empty();
                if (record->body.group != group.group || peer == members.self()) continue;
                learn(now, {.record = std::move(record), .since = now.mono, .linked = is_linked});
                settle_roles(now);
                if (peers.contains(peer)) review(now, peer);
            }
        } else {
            news_of_others = learn_group(now, std::move(group)) || news_of_others;
        }
    }
    if (!news_of_others) return;
    for (const auto& [id, peer] : peers) {
        const auto way = preferred(id);
        const bool second_hand = ours(sender) ? !ours(id) : ours(id);  // each word once to each: in, or out
        if (way && relay && id != sender && second_hand && (is_relay(id) || !ours(id))) send_groups(now, *way);
    }
}

// A word of that time is worth hearing: none from the future, nor from longer ago than anybody is remembered. A leaf's bears no
// time.
bool Engine::State::timely(proto::Now now, std::uint64_t version) const {
    constexpr auto skew = static_cast<std::uint64_t>(proto::Duration(proto::limits::clock_skew_max).count());
    const auto today = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.wall.time_since_epoch().count()));
    const auto kept = static_cast<std::uint64_t>(proto::Duration(timing.forget_down).count());
    return version == 0 || (version <= today + skew && version + kept >= today);
}

void Engine::State::forget_groups(proto::Now now) {
    std::vector<SharedRecord> gateways;
    std::erase_if(others, [&](const auto& one) {
        if (timely(now, one.second.version)) return false;
        gateways.insert(gateways.end(), one.second.gateways.begin(), one.second.gateways.end());
        notice(NoticeKind::group_changed, {});
        return true;
    });
    for (const auto& record : gateways) {
        if (peers.contains(record->body.peer)) review(now, record->body.peer);
    }
}

// Whether it was news.
bool Engine::State::learn_group(proto::Now now, OpenedGroup told) {
    if (!timely(now, told.version)) return false;
    std::erase_if(told.gateways, [&](const SharedRecord& one) { return one->body.group != told.group; });
    if (!others.contains(told.group) && others.size() >= proto::limits::groups_max) {
        notice(NoticeKind::table_full, {});
        return false;
    }
    auto [at, fresh] = others.try_emplace(told.group);
    auto& group = at->second;
    if (!fresh && told.version <= group.version) return false;
    const auto same_gateways = [&] {
        return std::equal(group.gateways.begin(), group.gateways.end(), told.gateways.begin(), told.gateways.end(),
                          [](const SharedRecord& a, const SharedRecord& b) { return a->sealed == b->sealed; });
    };
    const auto before = group.gateways;
    const bool moved = !same_gateways();
    const auto same_count = [](const auto& a, const auto& b) { return a.collective == b.collective && a.members == b.members; };
    const bool counted = !std::equal(group.collectives.begin(), group.collectives.end(), told.collectives.begin(),
                                     told.collectives.end(), same_count);
    // It still exists: told on now and then, so that nobody forgets it.
    const bool renewed = told.version - group.version >= static_cast<std::uint64_t>(proto::Duration(timing.summary_interval).count() / 2);
    group.version = told.version;
    group.collectives = std::move(told.collectives);
    group.gateways = std::move(told.gateways);
    if (fresh || moved) notice(NoticeKind::group_changed, {});
    for (const auto& record : group.gateways) {
        const auto peer = record->body.peer;
        if (peer == members.self()) continue;
        const auto known = peers.find(peer);
        const bool is_linked = known != peers.end() && !known->second.links.empty();
        learn(now, {.record = record, .since = now.mono, .linked = is_linked});
        if (peers.contains(peer)) review(now, peer);
    }
    for (const auto& record : before) {
        if (peers.contains(record->body.peer)) review(now, record->body.peer);
    }
    return fresh || moved || counted || renewed;  // the same once more is no news, or it would go round for ever
}

void Engine::State::own_group_changed(proto::Now now) {
    if (!relay || !gateway) return;
    const Timer timer{.kind = Timer::Kind::summary};
    if (!timers.contains(timer)) timers.set(timer, now.mono + timing.gossip_delay);
}

// Counts and gateways, to the gateways of other groups, when they are others than we told last.
void Engine::State::tell_groups(proto::Now now) {
    if (!relay) return;
    const auto summary = own_summary(now);
    std::string told;
    for (const auto& one : summary.collectives) told += one.collective + '=' + std::to_string(one.members) + ' ';
    for (const auto& record : summary.gateways) told += std::string(proto::as_text(record));
    if (told == summary_told && now.mono < summary_at + timing.summary_interval) return;
    summary_at = now.mono;
    summary_told = std::move(told);
    proto::Groups groups;
    groups.groups.push_back(summary);
    for (const auto& [id, peer] : peers) {
        const auto link = preferred(id);
        if (link && !ours(id)) send(*link, groups);
    }
}

}  // namespace mco::mesh
