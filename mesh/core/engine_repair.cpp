// What a lost publication or a lost relay left behind. A relay tells those it is standby of which requests it has; who hears
// of one and did not get it from its primary fetches it. When a relay is lost, its leaves are called by the others.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Standing;

namespace {

// A connection costs half a millisecond at each end, and a descriptor.
constexpr std::size_t visits_max = 256;

}  // namespace

// ------------------------------------------------------------------------------------------------ relay

void Engine::State::i_have_due(proto::Now, const proto::RequestId& id) {
    const auto& account = accounts.at(id);
    const auto topic = lazy_topic(account.collective);
    const auto frame = proto::encode(proto::IHave{.request = id, .attempt = account.attempt});
    bool publish_it = false;
    for (const auto& [peer_id, peer] : peers) {
        if (peer.standing != Standing::standby || !meant(*members.find(peer_id), account.collective)) continue;
        const auto link = preferred(peer_id);
        if (has_subscribed(peer_id, topic)) {
            publish_it = true;
        } else if (link) {
            effects.push_back(Send{*link, frame});
        }
    }
    if (publish_it) effects.push_back(Publish{topic, frame});
}

// Those that waited for the lost relay: they have us as standby, or came to us since.
void Engine::State::call_orphans(proto::Now, const proto::RequestId& id, Account& account, const proto::PeerId& relay_id) {
    const auto topic = lazy_topic(account.collective);
    const auto frame = proto::encode(proto::IHave{.request = id, .attempt = account.attempt, .orphans_of = relay_id});
    const auto call = account.whole ? proto::encode(proto::Orphans{id, relay_id}) : proto::Bytes();
    bool publish_it = false;
    for (const auto& [peer_id, peer] : peers) {
        const auto link = preferred(peer_id);
        if (!link || !ours(peer_id) || peer_id == relay_id) continue;
        if (is_relay(peer_id)) {
            if (account.whole) effects.push_back(Send{*link, call});
            continue;
        }
        const bool came_since = peer.standing == Standing::primary && peer.attached_at >= account.opened &&
                                !account.children.contains(peer_id);
        if (peer.standing == Standing::standby && has_subscribed(peer_id, topic)) {
            publish_it = true;
        } else if (peer.standing == Standing::standby || came_since) {
            effects.push_back(Send{*link, frame});
        }
    }
    if (publish_it) effects.push_back(Publish{topic, frame});
}

void Engine::State::on_orphans(proto::Now now, LinkId link, const proto::Orphans& orphans) {
    const auto& from = links.at(link).peer;
    const auto found = accounts.find(orphans.request);
    if (!relay || !is_relay(from) || found == accounts.end() || found->second.whole)
        return notice(NoticeKind::unknown_request, from, orphans.request);
    call_orphans(now, orphans.request, found->second, orphans.relay);
}

void Engine::State::on_fetch(proto::Now now, LinkId link, const proto::Fetch& fetch) {
    const auto from = links.at(link).peer;
    if (peers.at(from).standing == Standing::none && !is_relay(from))
        return notice(NoticeKind::unknown_request, from, fetch.request);
    if (fetch.request.is_zero()) {  // it saw that a publication was lost, and not which
        const std::vector<proto::RequestId> live(open.begin(), open.end());
        for (const auto& id : live) {
            auto& account = accounts.at(id);
            const auto child = account.children.find(from);
            if (child == account.children.end() || child->second.phase != Child::Phase::asked) continue;
            notice(NoticeKind::resent, from, id);
            ask(now, id, account, from, Child::Phase::asked_again);
        }
        return;
    }
    const auto found = accounts.find(fetch.request);
    if (found == accounts.end() || is_relay(from)) return notice(NoticeKind::unknown_request, from, fetch.request);
    notice(NoticeKind::fetched, from, fetch.request);
    adopt(now, fetch.request, found->second, from);
}

// The leaf reports to us from now on.
void Engine::State::adopt(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& leaf) {
    const auto link = preferred(leaf);
    if (!link || !meant(*members.find(leaf), account.collective)) return;
    if (account.closed) {
        if (now.mono >= account.deadline || account.adopted.size() >= proto::limits::relay_children_max) return;
        account.adopted.insert(leaf);
        effects.push_back(Send{*link, copy_for(now, account, {})});
        return;
    }
    if (account.gather.knows(leaf) && !account.gather.expects(leaf)) return;
    const auto child = account.children.find(leaf);
    if (child != account.children.end()) {
        if (child->second.phase == Child::Phase::asked) ask(now, id, account, leaf, Child::Phase::asked_again);
        return;
    }
    account.gather.adopt(leaf);
    account.excuses.erase(leaf);
    account.children[leaf] = {.phase = Child::Phase::asked};
    ask(now, id, account, leaf, Child::Phase::asked);
}

// All its homes are lost and it may not even know: it is dialled, if it can be, and asked as a child of ours.
bool Engine::State::visit(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& leaf) {
    const auto* member = members.find(leaf);
    if (!account.whole || leaving || member == nullptr || member->state != proto::MemberState::up ||
        account.visited.contains(leaf) || ways_to(member->record->body.curve_key).empty())
        return false;
    if (!visits.contains(leaf) && visits.size() >= visits_max) return false;
    account.visited.insert(leaf);
    ++visits[leaf];
    notice(NoticeKind::visited, leaf, id);
    account.children[leaf] = {};
    arm(now, id, leaf, timing.visit_patience);
    steer(now, member->record->body.curve_key);
    if (!linked(leaf)) return true;
    ask(now, id, account, leaf, Child::Phase::asked_again);  // it had its time to come by itself
    arm(now, id, leaf, timing.visit_patience);
    return true;
}

void Engine::State::end_visits(proto::Now now, Account& account) {
    for (const auto& leaf : std::exchange(account.visited, {})) {
        const auto found = visits.find(leaf);
        if (--found->second > 0) continue;
        visits.erase(found);
        if (peers.contains(leaf)) review(now, leaf);
    }
}

// ------------------------------------------------------------------------------------------------ leaf

// Whether publications are missing before this one. The first that comes tells nothing.
bool Engine::State::gap(const proto::PeerId& publisher, const std::string& topic, std::uint32_t sequence) {
    auto& sequences = peers.at(publisher).sequences;
    if (sequences.size() > proto::limits::collectives_max && !sequences.contains(topic)) return false;
    auto& last = sequences[topic];
    const bool missing = last != 0 && sequence > last + 1;
    last = std::max(last, sequence);
    return missing;
}

void Engine::State::on_i_have(proto::Now now, const proto::PeerId& from, const proto::IHave& have) {
    const auto peer = peers.find(from);
    if (relay || peer == peers.end() || peer->second.attached == Standing::none)
        return notice(NoticeKind::unknown_request, from, have.request);
    const auto link = preferred(from);
    if (!link) return;
    const auto duty = duties.find(have.request);
    if (duty != duties.end()) {
        const bool orphaned = !have.orphans_of.is_zero() &&
                              std::any_of(duty->second.to.begin(), duty->second.to.end(), [&](const Reporter& one) {
                                  return one.accountant == have.orphans_of;
                              });
        if (orphaned) send(*link, proto::Fetch{have.request});
        return;
    }
    if (!have.orphans_of.is_zero()) return send(*link, proto::Fetch{have.request});
    if (lazies.size() >= proto::limits::live_requests_max) return notice(NoticeKind::table_full, from, have.request);
    if (lazies.emplace(have.request, from).second)
        timers.set({.kind = Timer::Kind::lazy, .request = have.request}, now.mono + timing.lazy_patience);
}

void Engine::State::lazy_passed(proto::Now, const proto::RequestId& id) {
    const auto from = lazies.extract(id);
    if (from.empty() || duties.contains(id)) return;
    if (const auto link = preferred(from.mapped())) send(*link, proto::Fetch{id});
}

}  // namespace mco::mesh
