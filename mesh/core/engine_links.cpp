// Connections: which there are, which one is used, and which should be dialled.
//
// Two peers may dial each other at the same moment. Of two links the one that the peer with the larger id dialled is used,
// and only the other's dialler ends the other one, so that both never hang up at once.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Errc;

void Engine::State::link_up(proto::Now now, Linked linked) {
    if (links.contains(linked.link)) return;
    if (links.size() >= proto::limits::links_max) {
        notice(NoticeKind::table_full, linked.peer);
        effects.push_back(Hangup{linked.link, Errc::overloaded});
        return;
    }
    if (!linked.caller) return peer_link_up(now, std::move(linked));
    Link link;
    link.peer = linked.peer;
    link.side = linked.side;
    link.caller = true;
    link.since = link.heard = now.mono;
    links.emplace(linked.link, link);
}

void Engine::State::peer_link_up(proto::Now now, Linked linked) {
    const proto::PeerId peer = linked.peer;
    if (!linked.record || linked.record->body.peer != peer || peer == members.self()) {
        notice(NoticeKind::malformed_frame, peer);
        effects.push_back(Hangup{linked.link, Errc::invalid});
        return;
    }
    Link link;
    link.peer = peer;
    link.side = linked.side;
    link.key = linked.record->body.curve_key;
    link.incarnation = linked.record->body.incarnation;
    link.since = link.heard = now.mono;

    const auto* known = members.find(peer);
    const auto found = peers.find(peer);
    const bool zombie = known != nullptr && found != peers.end() && !found->second.links.empty() &&
                        link.incarnation < known->record->body.incarnation;
    const bool no_room = known == nullptr && members.members().size() >= proto::limits::roster_max;
    if (zombie || no_room) {  // the process at the other end was replaced already; or there is no place for it
        notice(zombie ? NoticeKind::stale_record : NoticeKind::table_full, peer);
        effects.push_back(Hangup{linked.link, zombie ? Errc::expired : Errc::overloaded});
        return;
    }
    const bool fresh = learn(now, {.record = std::move(linked.record),
                                   .state = proto::MemberState::up,
                                   .since = now.mono,
                                   .first_hand = true,
                                   .linked = true});
    auto& theirs = peers.at(peer);
    const auto older = theirs.links;
    links.emplace(linked.link, link);
    theirs.links.push_back(linked.link);
    // A peer keeps one dial to us and we keep one to it: of two links of one side the older is dead, whoever notices when.
    for (const LinkId other : older) {
        if (links.at(other).side != link.side) continue;
        notice(NoticeKind::link_replaced, peer);
        hang_up(now, other, Errc::expired);
    }
    theirs.heard = now.mono;
    timers.set({.kind = Timer::Kind::silence, .link = linked.link}, now.mono + timing.link_silence_max);
    if (older.empty()) first_link(now, peer);
    settle_roles(now);
    if (const auto at = links.find(linked.link); at != links.end() && !at->second.greeted) greet(now, linked.link);
    if (fresh) pass_on(now, {peer}, peer);
    review(now, peer);
    peer_linked(now, peer);
    speak_waiting(now, peer);
}

void Engine::State::first_link(proto::Now now, const proto::PeerId& peer) {
    peers[peer].turned = now.mono;
    peers[peer].shunned_until = {};
    if (members.mark_up(now, peer)) notice(NoticeKind::member_up, peer);
    member_changed(now, peer);
}

void Engine::State::link_down(proto::Now now, LinkId link) { forget_link(now, link); }

void Engine::State::hang_up(proto::Now now, LinkId link, Errc why) {
    if (!links.contains(link)) return;
    effects.push_back(Hangup{link, why});
    forget_link(now, link);
}

void Engine::State::forget_link(proto::Now now, LinkId id) {
    const auto found = links.find(id);
    if (found == links.end()) return;
    const Link link = found->second;
    links.erase(found);
    if (link.caller) return client_gone(id);
    timers.cancel({.kind = Timer::Kind::silence, .link = id});
    auto& peer = peers.at(link.peer);
    std::erase(peer.links, id);
    if (peer.links.empty()) {
        last_link_gone(now, link.peer);
    } else {
        review(now, link.peer);
    }
}

void Engine::State::last_link_gone(proto::Now now, const proto::PeerId& id) {
    auto& peer = peers.at(id);
    const bool was_child = peer.standing == proto::Standing::primary;
    peer.turned = now.mono;
    ++peer.flaps;
    peer.topics.clear();  // the host tells them again when there is a link
    peer.standing = peer.attached = proto::Standing::none;
    follow(id);
    // A leaf that only had a link to us, and is another's, is not down because it gave that up.
    if ((was_child || (wants_link(id) && !visits.contains(id))) && members.mark_down(now, id)) notice(NoticeKind::member_down, id);
    member_changed(now, id);
    if (was_child && ours(id)) pass_on(now, {id}, id);  // the other relays have no link to judge by
    peer_unlinked(now, id);
    review(now, id);
    settle_homes(now);
}

// What we subscribe to at a peer, by its place and ours.
std::vector<std::string> Engine::State::topics_at(const proto::PeerId& id) const {
    std::vector<std::string> topics;
    const auto& peer = peers.at(id);
    if (peer.links.empty() || !ours(id)) return topics;
    const auto& collectives = self.record->body.collectives;
    if (relay && is_relay(id)) {
        topics.push_back(relay_topic());
    } else if (peer.attached == proto::Standing::primary) {
        for (const auto& collective : collectives) topics.push_back(eager_topic(collective));
    } else if (peer.attached == proto::Standing::standby) {
        for (const auto& collective : collectives) topics.push_back(lazy_topic(collective));
    }
    if (!topics.empty()) topics.push_back(presence_topic(members.self()));
    return topics;
}

void Engine::State::follow(const proto::PeerId& id) {
    auto& peer = peers.at(id);
    const auto& record = members.find(id)->record->body;
    auto topics = topics_at(id);
    std::optional<Address> wanted;
    if (!topics.empty() && !record.fanout_endpoint.empty()) wanted = Address{record.fanout_endpoint, record.curve_key};
    if (wanted == peer.following && (!wanted || topics == peer.following_topics)) return;
    if (peer.following && wanted != peer.following) effects.push_back(Unfollow{*peer.following});
    if (wanted) effects.push_back(Follow{*wanted, topics});
    peer.sequences.clear();
    peer.following_topics = wanted ? std::move(topics) : std::vector<std::string>();
    peer.following = std::move(wanted);
}

bool Engine::State::dialled_by_larger(const Link& link) const {
    return (link.side == Side::dialled) == (members.self() > link.peer);
}

std::optional<LinkId> Engine::State::preferred(const proto::PeerId& id) const {
    const auto found = peers.find(id);
    if (found == peers.end()) return std::nullopt;
    std::optional<LinkId> best;
    for (const LinkId one : found->second.links) {
        const Link& link = links.at(one);
        if (!link.ending && (!best || dialled_by_larger(link))) best = one;
    }
    return best;
}

void Engine::State::heard_from(proto::Now now, Link& link) {
    link.heard = now.mono;
    if (link.caller) return;
    peers.at(link.peer).heard = now.mono;
    if (!std::exchange(link.spoke, true)) review(now, link.peer);
}

bool Engine::State::has_subscribed(const proto::PeerId& peer, std::string_view topic) const {
    const auto& topics = peers.at(peer).topics;
    return std::binary_search(topics.begin(), topics.end(), topic);
}

// The timer is not moved at each frame; it looks when it fires, and sleeps on for what is left.
void Engine::State::silence_passed(proto::Now now, LinkId id) {
    const auto until = links.at(id).heard + timing.link_silence_max;
    if (until > now.mono) {
        timers.set({.kind = Timer::Kind::silence, .link = id}, until);
        return;
    }
    hang_up(now, id, Errc::unreachable);
}

// ------------------------------------------------------------------------------------------------ subscriptions

void Engine::State::subscribed(const proto::PeerId& id, std::string_view topic) {
    const auto found = peers.find(id);
    if (found == peers.end() || found->second.links.empty()) return;
    auto& topics = found->second.topics;
    const auto at = std::lower_bound(topics.begin(), topics.end(), topic);
    if (at != topics.end() && *at == topic) return;
    if (topics.size() > 2 * proto::limits::collectives_max + 2) return notice(NoticeKind::table_full, id);
    topics.emplace(at, topic);
}

void Engine::State::unsubscribed(proto::Now now, const proto::PeerId& id, std::string_view topic) {
    const auto found = peers.find(id);
    if (found == peers.end()) return;
    std::erase(found->second.topics, topic);
    if (topic != presence_topic(id)) return;
    // Its process is probably gone: sending is how a ROUTER finds out, and what the host tells us then counts.
    const auto theirs = found->second.links;
    for (const LinkId link : theirs) {
        if (links.at(link).side == Side::accepted) ping(now, link);
    }
}

// ------------------------------------------------------------------------------------------------ dials

bool Engine::State::is_seed(const proto::CurvePublicKey& key) const {
    return std::any_of(self.seeds.begin(), self.seeds.end(), [&](const Address& seed) { return seed.key == key; });
}

std::vector<Address> Engine::State::ways_to(const proto::CurvePublicKey& key) const {
    std::vector<Address> ways;
    if (key == self.record->body.curve_key) return ways;
    const auto add = [&](const Address& way) {
        if (std::find(ways.begin(), ways.end(), way) == ways.end()) ways.push_back(way);
    };
    for (const auto& seed : self.seeds) {
        if (seed.key == key) add(seed);
    }
    const auto owner = keys.find(key);
    if (owner == keys.end()) return ways;
    const auto* member = members.find(owner->second);
    if (member->state != proto::MemberState::left && !member->record->body.link_endpoint.empty())
        add({member->record->body.link_endpoint, key});
    return ways;
}

bool Engine::State::wants_dial(proto::Now now, const proto::CurvePublicKey& key) const {
    const bool dialling = dials.contains(key);
    const auto owner = keys.find(key);
    if (owner == keys.end()) return !ways_to(key).empty() && seed_is_of_use(key);
    const auto& id = owner->second;
    const auto& peer = peers.at(id);
    if (!wants_link(id)) return is_seed(key) && seed_is_of_use(key) && !ways_to(key).empty();
    const bool leaf_of_it = ours(id) && !relay;
    const bool grace_over = now.mono >= peer.turned + timing.dial_grace;
    if (peer.links.empty()) {
        if (ways_to(key).empty()) return false;
        return dialling || is_seed(key) || leaf_of_it || lonely() || visits.contains(id) || members.self() > id || grace_over;
    }
    if (!dialling) return false;
    const auto has = [&](Side side) {
        return std::any_of(peer.links.begin(), peer.links.end(),
                           [&](LinkId link) { return links.at(link).side == side && !links.at(link).ending; });
    };
    if (!has(Side::accepted)) return true;
    // Theirs is the one to use, once it works there too: before, ours may be the only one they have.
    if (members.self() < id) {
        return std::none_of(peer.links.begin(), peer.links.end(),
                            [&](LinkId link) { return links.at(link).side == Side::accepted && links.at(link).spoke; });
    }
    return has(Side::dialled) || !grace_over;
}

void Engine::State::steer(proto::Now now, const proto::CurvePublicKey& key) {
    if (leaving) return;  // nothing new, and what stands carries the last answers
    const auto current = dials.find(key);
    if (!wants_dial(now, key)) {
        if (current != dials.end()) undial(key);
        return;
    }
    const auto ways = ways_to(key);
    if (current != dials.end()) {
        const auto owner = keys.find(key);
        const bool linked_now = owner != keys.end() && !peers.at(owner->second).links.empty();
        if (linked_now || std::find(ways.begin(), ways.end(), current->second) != ways.end()) return;
        undial(key);
    }
    dials.emplace(key, ways.front());
    effects.push_back(Dial{ways.front()});
}

void Engine::State::undial(const proto::CurvePublicKey& key) {
    const auto found = dials.find(key);
    effects.push_back(Undial{found->second});
    dials.erase(found);
    const auto owner = keys.find(key);
    if (owner == keys.end()) return;
    // Its end is told by the host; until then the link is there and not used.
    for (const LinkId id : peers.at(owner->second).links) {
        auto& link = links.at(id);
        if (link.side == Side::dialled && link.key == key) link.ending = true;
    }
}

void Engine::State::redial(const proto::CurvePublicKey& key) {
    const auto found = dials.find(key);
    if (found == dials.end()) return;
    effects.push_back(Undial{found->second});
    effects.push_back(Dial{found->second});
}

// A peer may be known under several addresses, of which some lead nowhere: without a link they take turns.
void Engine::State::turn_dials() {
    for (auto& [key, where] : dials) {
        const auto owner = keys.find(key);
        if (owner != keys.end() && !peers.at(owner->second).links.empty()) continue;
        const auto ways = ways_to(key);
        const auto current = std::find(ways.begin(), ways.end(), where);
        if (ways.size() < 2 || current == ways.end()) continue;
        effects.push_back(Undial{where});
        where = std::next(current) == ways.end() ? ways.front() : *std::next(current);
        effects.push_back(Dial{where});
    }
}

void Engine::State::review(proto::Now now, const proto::PeerId& id) {
    auto& peer = peers.at(id);
    const auto* member = members.find(id);
    const auto key = member->record->body.curve_key;
    follow(id);
    steer(now, key);
    const Timer timer{.kind = Timer::Kind::review, .peer = id};
    const auto first = peer.turned + timing.dial_grace;
    const auto second = first + timing.dial_grace;
    if (!peer.links.empty()) {
        const bool may_be_needless = dials.contains(key) && now.mono < first;
        may_be_needless ? timers.set(timer, first) : timers.cancel(timer);
        return;
    }
    if (!wants_link(id) || visits.contains(id)) {
        // A home that is left alone for a while is thought of again.
        const bool shunned = !relay && is_relay(id) && now.mono < peer.shunned_until;
        return shunned ? timers.set(timer, peer.shunned_until) : timers.cancel(timer);
    }
    if (now.mono < second) {
        timers.set(timer, now.mono < first ? first : second);
    } else if (member->state == proto::MemberState::up && members.mark_down(now, id)) {
        // Others may reach it; we had the time to, and did not.
        notice(NoticeKind::member_down, id);
        member_changed(now, id);
    }
    if (!relay && ours(id) && now.mono >= first && now.mono >= peer.shunned_until) {
        peer.shunned_until = now.mono + timing.shun;  // the next relay in our order takes its place meanwhile
        settle_homes(now);
        timers.set(timer, peer.shunned_until);
    }
}

}  // namespace mco::mesh
