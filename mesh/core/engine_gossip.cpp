// The roster among relays: everything when digests differ, news as they are learned; leaves are told the relays only. And
// signs of life.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/milliseconds.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

namespace {

// Room for the array around the entries of one frame, and for the numbers beside each record.
constexpr std::size_t frame_slack = 1024;
constexpr std::size_t entry_slack = 16;
// So few members are told at once: a round trip less, when a small mesh forms.
constexpr std::size_t small_group = 64;
constexpr std::size_t first_tellers = 3;
constexpr std::size_t patient_pings = 3;

}  // namespace

// Returns whether others should hear of it: a record or a departure that was new to us. Ups and downs are not passed on,
// because each node judges its own links.
bool Engine::State::learn(proto::Now now, Roster::Word word) {
    const proto::PeerId peer = word.record->body.peer;
    const bool first_hand = word.first_hand;
    const auto* before = members.find(peer);
    const auto old_state = before != nullptr ? before->state : proto::MemberState::up;
    const auto old_key = before != nullptr ? before->record->body.curve_key : word.record->body.curve_key;
    word.wanted = before == nullptr || peer == members.self() || wants_link(peer);
    const auto learned = members.learn(now, std::move(word));
    switch (learned) {
        case Roster::Learned::stale:
            notice(NoticeKind::stale_record, peer);
            return false;
        case Roster::Learned::full:
            notice(NoticeKind::table_full, peer);
            return false;
        case Roster::Learned::joined:
            peers[peer].turned = peers[peer].known_since = now.mono;
            recalled.erase(peer);
            notice(NoticeKind::member_joined, peer);
            break;
        case Roster::Learned::restarted:
            // The process at the other end of the older links is gone, even if they do not show it yet.
            end_older_links(now, peer);
            if (peers.at(peer).links.empty()) peers.at(peer).turned = now.mono;
            peers.at(peer).shunned_until = {};
            if (!first_hand) redial(members.find(peer)->record->body.curve_key);
            break;
        case Roster::Learned::nothing:
        case Roster::Learned::renewed:
        case Roster::Learned::left:
            break;
    }
    if (peer == members.self()) return false;
    const auto& member = *members.find(peer);
    const bool turned = member.state != old_state;
    if (turned) {
        notice(member.state == proto::MemberState::up     ? NoticeKind::member_up
               : member.state == proto::MemberState::down ? NoticeKind::member_down
                                                          : NoticeKind::member_left,
               peer);
    }
    if (old_key != member.record->body.curve_key) {
        const auto owner = keys.find(old_key);
        if (owner != keys.end() && owner->second == peer) keys.erase(owner);
        if (dials.contains(old_key) && !is_seed(old_key)) undial(old_key);
    }
    keys[member.record->body.curve_key] = peer;
    if (turned || learned != Roster::Learned::nothing) {
        member_changed(now, peer);
    }
    return learned != Roster::Learned::nothing;
}

void Engine::State::end_older_links(proto::Now now, const proto::PeerId& peer) {
    const auto incarnation = members.find(peer)->record->body.incarnation;
    const auto theirs = peers.at(peer).links;
    for (const LinkId link : theirs) {
        const auto found = links.find(link);
        if (found != links.end() && found->second.incarnation < incarnation) hang_up(now, link, proto::Errc::expired);
    }
}

void Engine::State::member_changed(proto::Now now, const proto::PeerId& peer) {
    rank(now, peer);
    const auto* member = members.find(peer);
    const Timer timer{.kind = Timer::Kind::forget, .peer = peer};
    if (member->state == proto::MemberState::up) {
        timers.cancel(timer);
    } else {
        timers.set(timer, std::max(member->since + timing.forget_down, now.mono));
    }
}

void Engine::State::forget_member(proto::Now now, const proto::PeerId& peer) {
    const Timer timer{.kind = Timer::Kind::forget, .peer = peer};
    if (!peers.at(peer).links.empty()) {  // it said goodbye a day ago and still holds the line
        timers.set(timer, now.mono + timing.forget_down);
        return;
    }
    peer_unlinked(now, peer);  // whoever still waits for it, waits in vain
    const auto key = members.find(peer)->record->body.curve_key;
    for (const auto kind : {Timer::Kind::review, Timer::Kind::bench, Timer::Kind::forget})
        timers.cancel({.kind = kind, .peer = peer});
    if (dials.contains(key) && !is_seed(key)) undial(key);
    const auto owner = keys.find(key);
    if (owner != keys.end() && owner->second == peer) keys.erase(owner);
    ranking.forget(peer);
    roles_stale = true;
    news.erase(peer);
    members.forget(peer);
    peers.erase(peer);
    waiting.erase(peer);
}

// ------------------------------------------------------------------------------------------------ rosters

void Engine::State::roster_frame(proto::Now now, LinkId from, std::vector<OpenedEntry> entries) {
    const auto found = links.find(from);
    if (found == links.end() || found->second.caller) return;
    const proto::PeerId sender = found->second.peer;
    heard_from(now, found->second);
    if (!ours(sender)) return notice(NoticeKind::malformed_frame, sender);
    std::vector<proto::PeerId> fresh, denied;
    for (auto& one : entries) {
        const proto::PeerId peer = one.record->body.peer;
        const auto age = std::chrono::milliseconds(one.since_ms);
        const bool gone = one.state != proto::MemberState::up;
        // Of other groups their gateways tell; and what others are about to forget is not worth learning: it would go round
        // for ever.
        if (one.record->body.group != self.record->body.group) continue;
        if (gone && members.find(peer) == nullptr && age >= timing.forget_down) continue;
        const auto at = peers.find(peer);
        const bool first = at == peers.end();
        if (one.state == proto::MemberState::down && !first && at->second.standing == proto::Standing::primary &&
            one.record->body.incarnation <= members.find(peer)->record->body.incarnation)
            denied.push_back(peer);
        Roster::Word word{.record = std::move(one.record),
                          .state = one.state,
                          .since = now.mono - age,
                          .first_hand = false,
                          .linked = !first && !at->second.links.empty()};
        if (!learn(now, std::move(word))) continue;
        fresh.push_back(peer);
    }
    settle_roles(now);
    for (const auto& peer : fresh) {
        if (peers.contains(peer)) review(now, peer);
    }
    if (!relay) settle_homes(now);
    if (!fresh.empty()) pass_on(now, fresh, sender);
    // Somebody lost a leaf that is ours now: whoever heard it hears from us that it lives.
    for (const auto& peer : denied) {
        members.seen_now(now, peer);
        pass_on(now, {peer}, peer);
    }
}

// In a small group what is new goes on at once, and on and on until everybody knows. In a large one relays are told by who
// heard it first, in batches: they are all linked with each other, and digests find what was lost.
void Engine::State::pass_on(proto::Now now, const std::vector<proto::PeerId>& fresh, const proto::PeerId& source) {
    if (!relay) return;
    if (members.of_group() <= small_group) return spread(now, fresh, source);
    if (is_relay(source) && std::find(fresh.begin(), fresh.end(), source) == fresh.end()) return;
    news.insert(fresh.begin(), fresh.end());
    const Timer timer{.kind = Timer::Kind::gossip};
    if (!news.empty() && !timers.contains(timer)) timers.set(timer, now.mono + timing.gossip_delay);
}

void Engine::State::spread(proto::Now now, const std::vector<proto::PeerId>& fresh, const proto::PeerId& source) {
    std::vector<proto::PeerId> ours_only, relays_only;
    for (const auto& id : fresh) {
        if (!ours(id)) continue;
        ours_only.push_back(id);
        if (is_relay(id)) relays_only.push_back(id);
    }
    for (const auto& [id, peer] : peers) {
        const auto link = preferred(id);
        if (link && id != source && ours(id)) send_entries(now, *link, is_relay(id) ? ours_only : relays_only);
    }
}

void Engine::State::greet(proto::Now now, LinkId id) {
    const auto found = links.find(id);
    if (found == links.end()) return;
    const auto peer = found->second.peer;
    found->second.greeted = true;
    if (!ours(peer)) {
        ping(now, id);  // how far away it is decides how patient we are
        return send_groups(now, id);
    }
    // A leaf knows the relays only; one of them that comes back to it as its seed may know nobody else yet.
    if (!relay || !is_relay(peer)) return send_relays(now, id);
    if (gateway) send_groups(now, id);  // what came from them before, nobody else repeats
    if (members.of_group() <= small_group) {
        send_roster(now, id, {});
        return;
    }
    ping(now, id);  // the digest in it says whether there is anything to tell
}

// What we learned since then, or everything. False: there was nothing.
bool Engine::State::send_roster(proto::Now now, LinkId link, std::optional<proto::Instant> since) {
    std::vector<proto::PeerId> told;
    for (const auto& [id, member] : members.members()) {
        if (members.ours(member) && (!since || member.changed >= *since)) told.push_back(id);
    }
    if (told.empty()) return false;
    links.at(link).roster_sent = now.mono;
    send_entries(now, link, told);
    return true;
}

void Engine::State::send_entries(proto::Now now, LinkId link, const std::vector<proto::PeerId>& ids) {
    proto::Roster roster;
    std::size_t bytes = 0;
    const auto finish = [&] {
        if (!roster.entries.empty()) send(link, roster);
        roster.entries.clear();
        bytes = 0;
    };
    for (const auto& id : ids) {
        const auto* member = members.find(id);
        if (member == nullptr) continue;
        const std::size_t size = member->record->sealed.size() + entry_slack;
        if (roster.entries.size() == proto::limits::roster_entries_per_frame_max ||
            bytes + size > proto::limits::frame_size_max - frame_slack)
            finish();
        roster.entries.push_back({member->record->sealed, member->state, milliseconds(now.mono - member->since)});
        bytes += size;
    }
    finish();
}

// ------------------------------------------------------------------------------------------------ signs of life

void Engine::State::tick(proto::Now now) {
    timers.set({.kind = Timer::Kind::tick}, now.mono + timing.ping_interval);
    if (relay && !knows_less(now, 0)) told_members = 0;  // by now it has been told who they are
    for (const auto& [id, link] : links) {
        if (link.caller || link.ending) continue;
        ping(now, id);
        confirm(link.peer);
    }
    turn_dials();
    forget_groups(now);
    if (now.mono >= summary_at + timing.summary_interval) own_group_changed(now);
}

void Engine::State::ping(proto::Now now, LinkId id) {
    auto& link = links.at(id);
    link.ping_token = ++tokens;
    link.pinged = now.mono;
    send(id, proto::Ping{link.ping_token, members.digest(relays)});
}

void Engine::State::on_ping(proto::Now now, LinkId id, const proto::Ping& ping) {
    send(id, proto::Pong{ping.token});
    auto& link = links.at(id);
    if (link.caller || !ours(link.peer)) return;
    if (!is_relay(link.peer)) {
        // Not attached here, or listening to what is for relays: it may take itself for one.
        const bool attached = relay && peers.at(link.peer).standing != proto::Standing::none;
        if (!attached || has_subscribed(link.peer, relay_topic())) send_relays(now, id);
        return;
    }
    if (!relay) return;
    if (ping.roster_digest == members.digest(relays)) {
        link.differed = 0;
        return;
    }
    ++link.differed;
    // A new link wants to know at once, but not the same from everybody.
    if (!link.roster_sent) {
        if (link.differed > 1 || first_to_tell(link.peer)) send_roster(now, id, {});
        return;
    }
    if (link.differed == 1 || now.mono < *link.roster_sent + timing.ping_interval) return;  // news may be on the way
    // What we learned since is all that it cannot have from us. Where that is nothing, it knows more, and its turn is first.
    if (!send_roster(now, id, link.roster_sent) && link.differed > patient_pings) send_roster(now, id, {});
}

// Whoever becomes a relay links up with all of them. A few, others for each, tell it the roster; the rest wait for its next ping.
bool Engine::State::first_to_tell(const proto::PeerId& peer) const {
    std::vector<proto::PeerId> tellers;
    for (const auto& id : relays) {
        if (id != peer) tellers.push_back(id);
    }
    const auto order = homes(peer, tellers);
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), first_tellers));
    return std::find(order.begin(), end, members.self()) != end;
}

void Engine::State::on_pong(proto::Now now, LinkId id, const proto::Pong& pong) {
    auto& link = links.at(id);
    if (link.caller || link.ping_token == 0 || pong.token != link.ping_token) return;
    link.ping_token = 0;
    peers.at(link.peer).round_trip = now.mono - link.pinged;
}

void Engine::State::on_bye(proto::Now now, LinkId id) {
    const proto::PeerId peer = links.at(id).peer;
    if (!members.mark_left(now, peer)) return;
    notice(NoticeKind::member_left, peer);
    member_changed(now, peer);
    settle_roles(now);
    settle_homes(now);
    pass_on(now, {peer}, peer);
}

}  // namespace mco::mesh
