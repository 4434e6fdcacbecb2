// Who is a relay, and what that means for us: relays are linked with each other and compute the set from their roster; a leaf
// is told it, chooses its homes and attaches to them.

#include <algorithm>
#include <utility>

#include "mesh/core/digest.hpp"
#include "mesh/core/engine_state.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Standing;

bool Engine::State::ours(const proto::PeerId& peer) const {
    const auto* member = members.find(peer);
    return member != nullptr && members.ours(*member);
}

bool Engine::State::is_relay(const proto::PeerId& peer) const {
    return std::binary_search(relays.begin(), relays.end(), peer);
}

bool Engine::State::lonely() const {
    return std::none_of(peers.begin(), peers.end(), [&](const auto& one) {
        return relay ? !one.second.links.empty() && ours(one.first) : one.second.attached != Standing::none;
    });
}

bool Engine::State::wants_link(const proto::PeerId& id) const {
    const auto* member = members.find(id);
    if (member == nullptr || member->state == proto::MemberState::left || leaving) return false;
    if (!members.ours(*member)) return gateway && is_gateway_of(id);
    if (visits.contains(id)) return true;
    if (!is_relay(id)) return false;
    if (relay) return true;
    // As a leaf: the relays that we are attached to, or want to be.
    const auto& peer = peers.at(id);
    return peer.attached != Standing::none || std::find(wanted_homes.begin(), wanted_homes.end(), id) != wanted_homes.end();
}

// A seed brings us into the mesh; where its own place does not ask for a link, it is dialled while we have nobody else.
bool Engine::State::seed_is_of_use(const proto::CurvePublicKey& key) const {
    const auto owner = keys.find(key);
    if (owner == keys.end()) return relay || lonely();  // a relay never gives up: this is what joins parted meshes again
    const auto* member = members.find(owner->second);
    if (member->state == proto::MemberState::left) return relay || lonely();
    if (members.ours(*member)) return relay || lonely();
    const auto group = others.find(member->record->body.group);
    return lonely() || (relay && (group == others.end() || group->second.gateways.empty()));
}

std::vector<SharedRecord> Engine::State::relay_records() const {
    std::vector<SharedRecord> records;
    for (const auto& id : relays) {
        if (const auto* member = members.find(id)) records.push_back(member->record);
    }
    return records;
}

// ------------------------------------------------------------------------------------------------ relays

void Engine::State::rank(proto::Now now, const proto::PeerId& id) {
    roles_stale = true;
    if (!relay) return;
    const auto* member = members.find(id);
    if (member == nullptr || !members.ours(*member)) return ranking.forget(id);
    const Timer timer{.kind = Timer::Kind::bench, .peer = id};
    const bool down = member->state == proto::MemberState::down;
    const bool benched = down && now.mono >= member->since + timing.bench;
    if (down && !benched && can_relay(member->record->body)) {
        timers.set(timer, member->since + timing.bench);
    } else {
        timers.cancel(timer);
    }
    ranking.put(member->record->body, !benched && member->state != proto::MemberState::left);
}

void Engine::State::bench_passed(proto::Now now, const proto::PeerId& peer) { rank(now, peer); }

// After each input, and within it where the outcome matters.
void Engine::State::settle_roles(proto::Now now) {
    // Who has just become a relay holds a few members only, and would compute that it is none: until it has heard of as many as
    // there are said to be, the set that it was told is the better one.
    if (!roles_stale || (relay && knows_less(now, members.of_group()))) return;
    roles_stale = false;
    if (relay) set_relays(now, ranking.relays(members.of_group()));
    own_group_changed(now);
}

void Engine::State::set_relays(proto::Now now, std::vector<proto::PeerId> chosen) {
    const bool changed = chosen != relays;
    const auto before = std::exchange(relays, std::move(chosen));
    const bool was_gateway = gateway;
    const auto gateways = relay ? RelayRanking::gateways(relay_records()) : std::vector<proto::PeerId>();
    gateway = std::find(gateways.begin(), gateways.end(), members.self()) != gateways.end();
    if (!changed && gateway == was_gateway) return;
    if (relay && !is_relay(members.self())) {
        be_told(now, static_cast<std::uint32_t>(members.of_group()));
        return become_leaf(now);
    }
    // Their places changed, and so what we want from them.
    std::vector<proto::PeerId> moved;
    for (const auto& [id, peer] : peers) {
        const bool did = std::binary_search(before.begin(), before.end(), id);
        if (did != is_relay(id) || (gateway != was_gateway && !ours(id))) moved.push_back(id);
    }
    for (const auto& id : moved) {
        auto& peer = peers.at(id);
        if (peer.links.empty()) peer.turned = now.mono;
        review(now, id);
        // As a relay it was down to whoever had no link to it; of a leaf its home knows better, and says so.
        if (!is_relay(id) && members.find(id)->state == proto::MemberState::down) pass_on(now, {id}, id);
    }
    if (gateway && !was_gateway) {
        for (const auto& [id, peer] : peers) {
            const auto link = preferred(id);
            if (link && ours(id) && is_relay(id)) send_groups(now, *link);
        }
    }
    if (relay && changed) {
        for (const auto& [id, peer] : peers) {
            const auto link = preferred(id);
            if (!link || !ours(id)) continue;
            if (!is_relay(id)) {
                links.at(*link).greeted = true;
                send_relays(now, *link);
            } else if (!std::binary_search(before.begin(), before.end(), id)) {
                greet(now, *link);
            }
        }
    }
    settle_homes(now);
}

void Engine::State::become_relay(proto::Now now) {
    relay = true;
    timers.cancel({.kind = Timer::Kind::homeless});
    notice(NoticeKind::became_relay, members.self());
    for (const auto& [id, member] : members.members()) rank(now, id);
    for (auto& [id, peer] : peers) {
        const auto link = std::exchange(peer.attached, Standing::none) == Standing::none ? std::nullopt : preferred(id);
        if (link) send(*link, proto::Attach{});
    }
    wanted_homes.clear();
    std::vector<proto::PeerId> everybody;
    for (const auto& [id, peer] : peers) everybody.push_back(id);
    for (const auto& id : everybody) review(now, id);
    for (const auto& id : relays) {  // they think so, too, or will soon
        if (const auto link = id == members.self() ? std::nullopt : preferred(id)) greet(now, *link);
    }
}

void Engine::State::become_leaf(proto::Now now) {
    relay = gateway = false;
    ranking = {};
    news.clear();
    timers.cancel({.kind = Timer::Kind::gossip});
    notice(NoticeKind::became_leaf, members.self());
    // Our leaves learn from us where to go; what they still owe us comes on the links that stand.
    std::vector<proto::PeerId> everybody;
    for (auto& [id, peer] : peers) {
        everybody.push_back(id);
        timers.cancel({.kind = Timer::Kind::bench, .peer = id});
        peer.standing = Standing::none;
        if (peer.links.empty()) peer.turned = now.mono;
        const auto link = preferred(id);
        if (link && ours(id) && !is_relay(id)) send_relays(now, *link);
    }
    settle_homes(now);
    for (const auto& id : everybody) {
        const auto* member = members.find(id);
        // A leaf holds no roster: whom it has no business with is forgotten.
        if (member != nullptr && peers.at(id).links.empty() && !is_relay(id) && !is_seed(member->record->body.curve_key)) {
            forget_member(now, id);
        } else {
            review(now, id);
        }
    }
}

void Engine::State::send_relays(proto::Now now, LinkId link) {
    std::vector<proto::PeerId> known;
    for (const auto& id : relays) {
        if (members.find(id) != nullptr) known.push_back(id);
    }
    send_entries(now, link, known);
    const auto count = relay ? static_cast<std::uint32_t>(members.of_group()) : told_members;
    send(link, proto::Relays{count, relays});
}

// Than we were told lately. For two ticks only: a group may shrink, and who told us may have been wrong.
bool Engine::State::knows_less(proto::Now now, std::size_t of_group) const {
    return of_group < told_members && now.mono < told_at + 2 * timing.ping_interval;
}

void Engine::State::be_told(proto::Now now, std::uint32_t of_group) {
    told_members = of_group;
    told_at = now.mono;
}

void Engine::State::on_relays(proto::Now now, LinkId link, proto::Relays told) {
    const auto from = links.at(link).peer;
    if (!ours(from) || !std::is_sorted(told.relays.begin(), told.relays.end()))
        return notice(NoticeKind::malformed_frame, from);
    if (told.relays.empty()) return;  // it knows none, which is no news
    const bool by_relay = std::binary_search(told.relays.begin(), told.relays.end(), from);
    const bool named = std::binary_search(told.relays.begin(), told.relays.end(), members.self());
    if (relay) {
        // Who knows less believes who knows more; relays that know the same compute the same.
        if (named || told.members <= std::max<std::size_t>(told_members, members.of_group())) return;
        be_told(now, told.members);
        relays = std::move(told.relays);
        return become_leaf(now);
    }
    const bool at_home = std::any_of(peers.begin(), peers.end(), [&](const auto& one) {
        return one.first != from && one.second.attached != Standing::none && !one.second.links.empty();
    });
    if (!by_relay && told.members <= told_members && (at_home || told.relays == relays)) {
        // Those who know more named it a relay, and it does not know.
        if (is_relay(from) && told.relays != relays) send_relays(now, link);
        return;
    }
    // Nor is somebody believed who was not told yet what we were: a mesh that grows would call us a relay and a leaf by turns.
    if (knows_less(now, told.members) && (named || at_home)) {
        if (told.relays != relays) send_relays(now, link);
        return;
    }
    be_told(now, told.members);
    if (named && can_relay(self.record->body)) {
        relays = std::move(told.relays);
        return become_relay(now);
    }
    const bool changed = told.relays != relays;  // otherwise two that disagree would answer each other for ever
    set_relays(now, std::move(told.relays));
    if (changed) confirm(from);
}

// The relay may have forgotten us while it was none, or taken us for one.
void Engine::State::confirm(const proto::PeerId& id) {
    const auto peer = peers.find(id);
    if (peer == peers.end() || peer->second.attached == Standing::none) return;
    if (const auto link = preferred(id)) send(*link, proto::Attach{peer->second.attached, digest_of(relays)});
}

// ------------------------------------------------------------------------------------------------ leaf

// The first so many relays in our own order that can be reached; of those linked, the first is our primary.
void Engine::State::settle_homes(proto::Now now) {
    if (relay || leaving) return;
    std::vector<proto::PeerId> able;
    for (const auto& id : relays) {
        const auto peer = peers.find(id);
        if (peer != peers.end() && members.find(id)->state != proto::MemberState::left &&
            (now.mono >= peer->second.shunned_until || !peer->second.links.empty()))
            able.push_back(id);
    }
    auto order = homes(members.self(), able);
    if (order.size() > self.homes) order.resize(self.homes);
    const auto before = std::exchange(wanted_homes, order);
    bool primary = false;
    for (const auto& id : order) {
        if (peers.at(id).links.empty()) continue;
        attach(now, id, primary ? Standing::standby : Standing::primary);
        primary = true;
    }
    const Timer homeless{.kind = Timer::Kind::homeless};
    if (primary) {
        timers.cancel(homeless);
    } else if (can_relay(self.record->body) && !timers.contains(homeless)) {
        timers.set(homeless, now.mono + timing.bench);
    }
    std::vector<proto::PeerId> touched = before;
    for (const auto& [id, peer] : peers) {
        const bool wanted = std::find(order.begin(), order.end(), id) != order.end();
        if (peer.attached != Standing::none && !wanted) touched.push_back(id);
        if (wanted && peer.links.empty()) touched.push_back(id);
        if (!ours(id) || is_seed(members.find(id)->record->body.curve_key)) touched.push_back(id);
    }
    for (const auto& id : touched) {
        const auto peer = peers.find(id);
        if (peer == peers.end()) continue;
        // What we leave is left only when its place is taken.
        const bool wanted = std::find(order.begin(), order.end(), id) != order.end();
        if (!wanted && primary && peer->second.attached != Standing::none) attach(now, id, Standing::none);
        steer(now, members.find(id)->record->body.curve_key);
        if (wanted && peer->second.links.empty() && !timers.contains({.kind = Timer::Kind::review, .peer = id})) {
            peer->second.turned = now.mono;
            timers.set({.kind = Timer::Kind::review, .peer = id}, now.mono + timing.dial_grace);
        }
    }
}

// All relays of the group are gone, and nobody but them could have named others. As at the first start, each is a relay of
// those it knows until somebody knows more.
void Engine::State::homeless_passed(proto::Now now) {
    told_members = 0;
    become_relay(now);
}

void Engine::State::attach(proto::Now, const proto::PeerId& id, Standing standing) {
    auto& peer = peers.at(id);
    if (peer.attached == standing) return;
    peer.attached = standing;
    follow(id);
    const auto link = preferred(id);
    if (!link) return;
    send(*link, proto::Attach{standing, digest_of(relays)});
    if (standing != Standing::none) notice(NoticeKind::attached, id);
}

void Engine::State::on_redirect(proto::Now now, LinkId link, const proto::Redirect& redirect) {
    const auto from = links.at(link).peer;
    auto& peer = peers.at(from);
    if (relay || !redirect.request.is_zero() || peer.attached == Standing::none)
        return notice(NoticeKind::malformed_frame, from);
    notice(NoticeKind::redirected, from);
    peer.attached = Standing::none;
    follow(from);
    peer.shunned_until = now.mono + timing.shun;
    hang_up(now, link, proto::Errc::overloaded);
    settle_homes(now);
    timers.set({.kind = Timer::Kind::review, .peer = from}, now.mono + timing.shun);
}

// ------------------------------------------------------------------------------------------------ relay

void Engine::State::on_attach(proto::Now now, LinkId link, const proto::Attach& attach) {
    const auto from = links.at(link).peer;
    auto& peer = peers.at(from);
    if (!ours(from)) return notice(NoticeKind::malformed_frame, from);
    const auto full = [&] {  // rarely so many links: the children are not counted each time
        if (peer.standing == Standing::primary || links.size() < proto::limits::relay_children_max) return false;
        const auto children = std::count_if(peers.begin(), peers.end(), [](const auto& one) {
            return one.second.standing == Standing::primary;
        });
        return static_cast<std::size_t>(children) >= proto::limits::relay_children_max;
    };
    if (attach.standing != Standing::none && (!relay || leaving || full())) {
        notice(NoticeKind::redirected, from);
        if (!relay) send_relays(now, link);
        return send(link, proto::Redirect{});
    }
    // It may not know yet, or have heard what is not so any more.
    if (attach.standing != Standing::none && (is_relay(from) || attach.relays != digest_of(relays))) send_relays(now, link);
    const bool newly = attach.standing == Standing::primary && peer.standing != Standing::primary;
    if (attach.standing != peer.standing) peer.attached_at = now.mono;
    peer.standing = attach.standing;
    if (!newly) return;
    members.seen_now(now, from);
    pass_on(now, {from}, from);  // it is up, and where it can be asked
    const std::vector<proto::RequestId> live(open.begin(), open.end());
    for (const auto& id : live) {
        // Its relay was lost; who joined after the request was made, is not meant by it.
        auto& account = accounts.at(id);
        if (peer.known_since <= account.opened || account.gather.expects(from)) adopt(now, id, account, from);
    }
}

}  // namespace mco::mesh
