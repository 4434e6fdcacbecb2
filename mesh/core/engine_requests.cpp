// A request comes from a caller, from the accountant of our group, or from another group; an account is opened, and it is
// handed out to children, who get as much patience as each silence deserves.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "mesh/core/milliseconds.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Errc;
using proto::Outcome;
using proto::Reason;
using proto::Scope;
using proto::Standing;

namespace {

// Fan-out topics that carry a number; requests of further collectives go on the links.
constexpr std::size_t published_topics_max = 1024;
// A client has two entries and rarely a third; whoever else asks takes the place of the oldest.
constexpr std::size_t parents_max = 4;
constexpr std::size_t standbys_max = 256;
// Half around the world and back, until it is measured.
constexpr proto::Duration far_away = std::chrono::milliseconds(300);

std::optional<proto::Route> route_of(const proto::Request& request) {
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    return route ? std::optional(std::move(*route)) : std::nullopt;
}

}  // namespace

// ------------------------------------------------------------------------------------------------ the way in

void Engine::State::on_request(proto::Now now, LinkId link, proto::Request request) {
    const bool caller = links.at(link).caller;
    if (caller != (request.scope == Scope::inject)) return notice(NoticeKind::malformed_frame, links.at(link).peer);
    if (caller) return inject(now, link, std::move(request));
    const auto from = links.at(link).peer;
    switch (request.scope) {
        case Scope::local:
        case Scope::deliver:
            return from_above(now, std::move(request));
        case Scope::group:
        case Scope::standby: {
            const auto route = route_of(request);
            if (!route || ours(from)) return notice(NoticeKind::malformed_frame, from);
            if (request.scope == Scope::group) return group_request(now, from, std::move(request), *route);
            return standby_request(now, from, std::move(request), *route);
        }
        case Scope::inject:
            return;
    }
}

void Engine::State::refuse(LinkId link, const proto::RequestId& id, Errc code, std::string reason) {
    send(link, proto::Refused{id, code, std::move(reason)});
}

// A leaf cannot account for the group; its relays can.
void Engine::State::redirect_caller(LinkId link, const proto::RequestId& id) {
    proto::Redirect redirect{.request = id, .records = {}};
    const auto name = [&](const proto::PeerId& peer) {
        const auto* member = members.find(peer);
        if (member == nullptr || member->state != proto::MemberState::up) return;
        if (redirect.records.size() < proto::limits::redirect_records_max)
            redirect.records.push_back(member->record->sealed);
    };
    for (const auto& peer : wanted_homes) {
        if (linked(peer)) name(peer);
    }
    if (redirect.records.empty()) {
        for (const auto& peer : relays) name(peer);
    }
    if (redirect.records.empty())
        return refuse(link, id, Errc::unreachable, "this node is a leaf and has no link to a relay");
    notice(NoticeKind::redirected, links.at(link).peer, id);
    send(link, redirect);
}

bool Engine::State::room_for(const proto::Request& request) {
    make_room(request.sealed.size());
    return open.size() < proto::limits::live_requests_max &&
           held_bytes + request.sealed.size() <= proto::limits::cached_reply_bytes_max;
}

void Engine::State::inject(proto::Now now, LinkId link, proto::Request request) {
    const proto::PeerId caller = links.at(link).peer;
    const auto route = route_of(request);
    if (!route) return notice(NoticeKind::malformed_frame, caller);
    const proto::RequestId id = route->request;
    const Parent parent{.peer = caller, .link = link, .caller = true, .attempt = request.attempt};
    const auto known = accounts.find(id);
    if (known != accounts.end()) {
        auto& account = known->second;
        if (account.sealed != request.sealed || (!account.caller.is_zero() && account.caller != caller))
            return refuse(link, id, Errc::denied, "another caller made a request with this id");
        account.caller = caller;
        return add_parent(now, id, parent);
    }
    if (!relay) return redirect_caller(link, id);
    if (leaving) return refuse(link, id, Errc::unreachable, "this node is leaving the mesh");
    if (!room_for(request)) {
        notice(NoticeKind::refused_overload, caller, id);
        return refuse(link, id, Errc::overloaded, "this node has as many requests under way as it can account for");
    }
    auto& account = open_account(now, std::move(request), *route, true, parent);
    account.caller = caller;
    begin(now, id);
}

// From the accountant of our group.
void Engine::State::relay_request(proto::Now now, proto::Request request, const proto::Route& route) {
    const auto id = route.request;
    const Parent parent{.peer = request.accountant, .attempt = request.attempt};
    const bool to_go_abroad = request.gateway == members.self();
    const auto known = accounts.find(id);
    if (known == accounts.end()) {
        if (!room_for(request)) return overloaded(now, id, request.accountant, request.attempt);
        auto& account = open_account(now, std::move(request), route, false, parent);
        if (to_go_abroad) account.gateway = members.self();
        // We may have answered it for ourselves alone before; from now on the account speaks.
        if (const auto duty = duties.find(id); duty != duties.end()) {
            forget_waiting(parent.peer, id);
            std::erase_if(duty->second.to, [&](const Reporter& one) { return one.accountant == parent.peer; });
            duty->second.to.push_back({members.self(), account.attempt});
        }
        return begin(now, id);
    }
    auto& account = known->second;
    if (to_go_abroad && account.gateway != members.self()) {
        reopen(now, id);
        account.gateway = members.self();
        go_abroad(now, id, account);
    }
    add_parent(now, id, parent);
    review_account(now, id);
}

// From a gateway of another group: we account for ours.
void Engine::State::group_request(proto::Now now, const proto::PeerId& from, proto::Request request,
                                  const proto::Route& route) {
    const auto id = route.request;
    const Parent parent{.peer = from, .attempt = request.attempt};
    if (self.confined.contains(route.collective) || !relay || leaving) {
        notice(NoticeKind::unknown_request, from, id);
        return nothing_to_do(id, from, request.attempt);
    }
    standbys.erase(id);
    timers.cancel({.kind = Timer::Kind::standby, .request = id});
    if (accounts.contains(id)) return add_parent(now, id, parent);
    if (!room_for(request)) return overloaded(now, id, from, request.attempt);
    open_account(now, std::move(request), route, true, parent);
    begin(now, id);
}

// We are second: the first gateway had the same, and its copy for our group should come at any moment.
void Engine::State::standby_request(proto::Now now, const proto::PeerId& from, proto::Request request,
                                    const proto::Route& route) {
    const auto id = route.request;
    if (accounts.contains(id) || duties.contains(id)) return;  // the first one's copy was quicker
    if (standbys.size() >= standbys_max) return notice(NoticeKind::table_full, from, id);
    request.scope = Scope::group;
    timers.set({.kind = Timer::Kind::standby, .request = id}, now.mono + timing.standby_patience);
    // The deadline of what is kept counts on from here.
    standbys.insert_or_assign(id, std::pair(from, std::move(request)));
}

void Engine::State::standby_due(proto::Now now, const proto::RequestId& id) {
    auto kept = standbys.extract(id);
    if (kept.empty() || accounts.contains(id) || duties.contains(id)) return;
    auto& [from, request] = kept.mapped();
    const auto waited = milliseconds(timing.standby_patience);
    request.left_ms = request.left_ms > waited ? request.left_ms - waited : 1;
    const auto route = route_of(request);
    if (route) group_request(now, from, std::move(request), *route);
}

// ------------------------------------------------------------------------------------------------ opening

bool Engine::State::meant(const Roster::Member& member, std::string_view collective) const {
    const auto& body = member.record->body;
    return members.ours(member) && member.state != proto::MemberState::left && body.performs &&
           std::find(body.collectives.begin(), body.collectives.end(), collective) != body.collectives.end();
}

std::vector<proto::PeerId> Engine::State::expected_of_group(std::string_view collective) const {
    std::vector<proto::PeerId> expected;
    for (const auto& [id, member] : members.members()) {
        if (meant(member, collective)) expected.push_back(id);
    }
    for (const auto& [id, one] : recalled) {
        if (meant(one, collective)) expected.push_back(id);
    }
    return expected;
}

Account& Engine::State::open_account(proto::Now now, proto::Request request, const proto::Route& route,
                                                    bool whole, Parent parent) {
    std::vector<proto::PeerId> expected;
    if (whole) {
        expected = expected_of_group(route.collective);
    } else {
        if (meant(*members.find(members.self()), route.collective)) expected.push_back(members.self());
        for (const auto& [id, peer] : peers) {
            if (peer.standing == Standing::primary && meant(*members.find(id), route.collective)) expected.push_back(id);
        }
    }
    const auto id = route.request;
    auto& account = accounts.try_emplace(id, std::span<const proto::PeerId>(expected)).first->second;
    account.whole = whole;
    account.collective = route.collective;
    account.opened = now.mono;
    account.attempt = request.attempt;
    account.sealed = std::move(request.sealed);
    held_bytes += account.sealed.size();
    account.parents.push_back(parent);
    open.insert(id);
    // The client counts down from when it first asked, so a spare does not begin anew.
    const auto stated = request.left_ms == 0 ? route.timeout_ms : std::min(request.left_ms, route.timeout_ms);
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(proto::limits::request_timeout_max);
    account.deadline = now.mono + std::min(std::chrono::milliseconds(stated), most);
    return account;
}

void Engine::State::begin(proto::Now now, const proto::RequestId& id) {
    auto& account = accounts.at(id);
    auto& parent = account.parents.front();
    timers.set({.kind = Timer::Kind::deadline, .request = id}, account.deadline);
    if (account.whole) {
        if (parent.caller) choose_gateway(id, account);
        if (const auto way = way_to(parent)) {
            parent.spoken = true;
            send(*way, proto::Ack{id, parent.attempt, total(account).expected});
        }
    } else {
        timers.set({.kind = Timer::Kind::ack, .request = id}, now.mono + timing.ack_delay);
    }
    hand_out(now, id, account, true, account.whole);
    if (account.gateway == members.self()) go_abroad(now, id, account);
    const bool standby_of_some = std::any_of(peers.begin(), peers.end(), [](const auto& one) {
        return one.second.standing == Standing::standby;
    });
    if (standby_of_some) timers.set({.kind = Timer::Kind::i_have, .request = id}, now.mono + timing.ihave_delay);
    if (account.gather.expects(members.self()))
        take_on(now, id, members.self(), account.attempt, account.sealed);
    review_account(now, id);
}

// We did a relay's part in it, and now have to account for the whole group.
void Engine::State::promote(proto::Now now, const proto::RequestId& id) {
    reopen(now, id);
    auto& account = accounts.at(id);
    account.whole = true;
    for (const auto& member : expected_of_group(account.collective)) account.gather.adopt(member);
    hand_out(now, id, account, false, true);
}

// The same request again: a client that lost its link or its patience, another accountant, another gateway. What is known
// is told from the beginning.
void Engine::State::add_parent(proto::Now now, const proto::RequestId& id, Parent parent) {
    auto& account = accounts.at(id);
    const auto same = std::find_if(account.parents.begin(), account.parents.end(), [&](const Parent& one) {
        return one.peer == parent.peer && one.caller == parent.caller;
    });
    if (same != account.parents.end()) {
        const bool alive = !same->caller || links.contains(same->link);
        const bool again = parent.caller ? parent.attempt < same->attempt || (parent.attempt == same->attempt && alive)
                                         : parent.attempt < same->attempt;
        if (again) return notice(NoticeKind::duplicate_request, parent.peer, id);
        parent.attempt = std::max(parent.attempt, same->attempt);
        account.parents.erase(same);
    } else if (account.parents.size() == parents_max) {
        account.parents.erase(account.parents.begin());
    }
    notice(NoticeKind::reparented, parent.peer, id);
    account.parents.push_back(parent);
    const bool whole_wanted = parent.caller || !ours(parent.peer);
    if (whole_wanted && !account.whole) {
        promote(now, id);
        if (parent.caller) choose_gateway(id, account);
        if (account.gateway == members.self()) go_abroad(now, id, account);
    }
    auto& told = account.parents.back();
    told.spoken = true;
    if (const auto way = way_to(told)) send(*way, proto::Ack{id, told.attempt, total(account).expected});
    tell(id, account, told);
    review_account(now, id);
}

// ------------------------------------------------------------------------------------------------ handing out

proto::Request Engine::State::request_for(proto::Now now, const Account& account, Scope scope) const {
    proto::Request request;
    request.scope = scope;
    request.attempt = account.attempt;
    request.accountant = members.self();
    if (scope == Scope::local) request.gateway = account.gateway;
    request.left_ms = std::max<std::uint32_t>(1, milliseconds(account.deadline - now.mono));
    request.sealed = account.sealed;
    return request;
}

proto::Bytes Engine::State::copy_for(proto::Now now, const Account& account, const Child& child) const {
    return proto::encode(request_for(now, account, child.relay ? Scope::local : Scope::deliver));
}

void Engine::State::publish(proto::Now now, const Account& account, Scope scope, const std::string& topic) {
    auto request = request_for(now, account, scope);
    request.sequence = ++published[topic];
    effects.push_back(Publish{topic, proto::encode(request)});
}

// Once on the fan-out for all who have subscribed, and on the link to the others. Relays that are down are not asked: they
// are named with the rest.
void Engine::State::hand_out(proto::Now now, const proto::RequestId& id, Account& account, bool to_leaves, bool to_relays) {
    const std::string eager = eager_topic(account.collective);
    const auto room = [&](const std::string& topic) {
        return published.contains(topic) || published.size() < published_topics_max;
    };
    bool publish_eager = false, publish_local = false;
    proto::Bytes copies[2];  // for all links the same
    for (const auto& [peer_id, peer] : peers) {
        if (account.children.contains(peer_id)) continue;
        const auto& member = *members.find(peer_id);
        const bool to_relay = to_relays && is_relay(peer_id);
        const bool to_leaf = to_leaves && !to_relay && peer.standing == Standing::primary && meant(member, account.collective);
        if (!to_relay && !to_leaf) continue;
        if (account.gather.knows(peer_id) && !account.gather.expects(peer_id) && to_leaf) continue;
        const auto link = preferred(peer_id);
        if (!link && member.state != proto::MemberState::up) continue;
        auto& child = account.children[peer_id];
        child.relay = to_relay;
        arm(now, id, peer_id, patience_with(peer_id, timing.ack_patience));
        if (!link) continue;
        child.phase = Child::Phase::asked;
        const auto& topic = to_relay ? relay_topic() : eager;
        if (room(topic) && has_subscribed(peer_id, topic)) {
            (to_relay ? publish_local : publish_eager) = true;
            continue;
        }
        auto& copy = copies[to_relay ? 1 : 0];
        if (copy.empty()) copy = copy_for(now, account, child);
        effects.push_back(Send{*link, copy});
    }
    if (publish_local) publish(now, account, Scope::local, relay_topic());
    if (publish_eager) publish(now, account, Scope::deliver, eager);
}

// ------------------------------------------------------------------------------------------------ patience

proto::Duration Engine::State::patience_with(const proto::PeerId& peer, std::chrono::milliseconds patience) const {
    const auto found = peers.find(peer);
    if (found == peers.end()) return patience;
    const bool unknown = found->second.round_trip.count() == 0 && !ours(peer);
    return patience + (unknown ? far_away : proto::Duration(found->second.round_trip)) * 3 / 2;
}

void Engine::State::arm(proto::Now now, const proto::RequestId& id, const proto::PeerId& child,
                        proto::Duration patience) {
    timers.set({.kind = Timer::Kind::patience, .request = id, .peer = child}, now.mono + patience);
}

void Engine::State::ask(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& peer,
                        Child::Phase phase) {
    const auto link = preferred(peer);
    if (!link) return;
    auto& child = account.children.at(peer);
    child.phase = phase;
    effects.push_back(Send{*link, copy_for(now, account, child)});
    arm(now, id, peer, patience_with(peer, phase == Child::Phase::asked ? timing.ack_patience : timing.resend_patience));
}

void Engine::State::patience_passed(proto::Now now, const proto::RequestId& id, const proto::PeerId& peer) {
    auto& account = accounts.at(id);
    switch (account.children.at(peer).phase) {
        case Child::Phase::unlinked:
            return lose(now, id, peer, account.relay_lost && account.visited.contains(peer) ? Reason::orphaned
                                                                                        : Reason::no_link);
        case Child::Phase::asked:
            if (linked(peer)) {
                notice(NoticeKind::resent, peer, id);
                return ask(now, id, account, peer, Child::Phase::asked_again);
            }
            // Its link is being closed by us at this moment; its end will say the rest.
            return arm(now, id, peer, timing.resend_patience);
        case Child::Phase::asked_again:
            return lose(now, id, peer, Reason::no_ack);
        case Child::Phase::working:
            return poll(now, id, account, peer);
    }
}

void Engine::State::poll(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& peer) {
    auto& child = account.children.at(peer);
    // Whoever says anything lives: a long answer to somebody else may stand before ours.
    const bool lives = !child.polled || peers.at(peer).heard > child.polled_at;
    child.unanswered = lives ? 0 : child.unanswered + 1;
    if (child.unanswered >= timing.polls_unanswered_max) return lose(now, id, peer, Reason::silent);
    child.polled = true;
    child.polled_at = now.mono;
    if (const auto link = preferred(peer)) send(*link, proto::Poll{id, account.attempt});
    arm(now, id, peer, patience_with(peer, child.relay ? timing.relay_poll_interval : timing.poll_interval));
}

// Nobody waits for this child any more. A leaf of a relay that was lost may still come by its standby.
void Engine::State::lose(proto::Now now, const proto::RequestId& id, const proto::PeerId& peer, Reason reason) {
    auto& account = accounts.at(id);
    const auto child = account.children.extract(peer);
    timers.cancel({.kind = Timer::Kind::patience, .request = id, .peer = peer});
    if (child.empty()) return;
    if (account.gather.expects(peer)) {
        // Whom we visited, a lost relay may have asked before.
        const bool may_have_run =
            account.gather.has_accepted(peer) || (account.relay_lost && account.visited.contains(peer));
        const auto outcome = may_have_run ? Outcome::lost : Outcome::unreachable;
        missed(now, id, name_missing(now, peer, outcome, reason));
    }
    if (account.closed) return;
    if (child.mapped().relay) {
        account.relay_lost = account.relay_lost || reason != Reason::no_link;
        notice(NoticeKind::orphaned, peer, id);
        if (account.gateway == peer) gateway_lost(now, id, account);
        if (!account.closed) call_orphans(now, id, account, peer);
    }
    review_account(now, id);
}

void Engine::State::peer_unlinked(proto::Now now, const proto::PeerId& peer) {
    const std::vector<proto::RequestId> live(open.begin(), open.end());
    for (const auto& id : live) {
        if (!open.contains(id)) continue;
        auto& account = accounts.at(id);
        if (account.children.contains(peer)) lose(now, id, peer, Reason::link_lost);
        if (open.contains(id) && branch_of(account, peer) != nullptr) branch_lost(now, id, peer);
    }
}

void Engine::State::peer_linked(proto::Now now, const proto::PeerId& peer) {
    const std::vector<proto::RequestId> live(open.begin(), open.end());
    for (const auto& id : live) {
        auto& account = accounts.at(id);
        const auto child = account.children.find(peer);
        if (child != account.children.end() && child->second.phase == Child::Phase::unlinked)
            ask(now, id, account, peer, Child::Phase::asked);
    }
    // Accounts that could not be told while the link was away.
    for (auto& [id, account] : accounts) {
        for (auto& parent : account.parents) {
            if (parent.caller || parent.peer != peer) continue;
            parent.untaken = 0;  // it went with the link, and was not taken
            tell(id, account, parent);
        }
    }
}

// ------------------------------------------------------------------------------------------------ the end

void Engine::State::deadline_passed(proto::Now now, const proto::RequestId& id) {
    auto& account = accounts.at(id);
    for (const auto& [group, ledger] : std::map(account.abroad)) {
        if (ledger.closure == proto::Closure::open) give_up_group(account, group, Reason::timeout);
    }
    // A relay that has not reported may have leaves at work.
    const bool hidden = account.relay_lost || std::any_of(account.children.begin(), account.children.end(), [](const auto& one) {
        return one.second.relay && one.second.phase == Child::Phase::working;
    });
    for (const auto& member : account.gather.owed()) {
        const auto child = account.children.find(member);
        const bool working_on_it = account.gather.has_accepted(member) || (child == account.children.end() && hidden);
        const bool asked = child != account.children.end() && child->second.phase != Child::Phase::unlinked;
        const auto excuse = account.excuses.find(member);
        if (excuse != account.excuses.end()) {
            missed(now, id, excuse->second);
            continue;
        }
        missed(now, id,
               name_missing(now, member, working_on_it ? Outcome::expired : Outcome::unreachable,
                            working_on_it ? Reason::timeout
                            : asked       ? Reason::no_ack
                                          : Reason::no_link));
    }
    if (!account.closed) close_account(now, id, account);
}

void Engine::State::on_cancel(proto::Now now, LinkId link, const proto::Cancel& cancel) {
    const Link& from = links.at(link);
    const auto found = accounts.find(cancel.request);
    if (!from.caller) {
        const bool known = withdraw(cancel.request, from.peer);
        const bool parent = found != accounts.end() &&
                            std::any_of(found->second.parents.begin(), found->second.parents.end(),
                                        [&](const Parent& one) { return !one.caller && one.peer == from.peer; });
        if (parent && found->second.parents.size() == 1 && open.contains(cancel.request))
            return cancel_account(now, cancel.request);
        if (!known && !parent) notice(NoticeKind::unknown_request, from.peer, cancel.request);
        return;
    }
    if (found == accounts.end() || found->second.caller != from.peer)
        return notice(NoticeKind::unknown_request, from.peer, cancel.request);
    if (open.contains(cancel.request)) cancel_account(now, cancel.request);
}

void Engine::State::cancel_account(proto::Now now, const proto::RequestId& id) {
    withdraw(id, members.self());
    auto& account = accounts.at(id);
    const auto tell_it = [&](const proto::PeerId& peer) {
        if (const auto link = preferred(peer)) send(*link, proto::Cancel{id});
    };
    for (const auto& [peer, child] : account.children) tell_it(peer);
    for (const auto& [group, branch] : account.branches) {
        for (const auto& [peer, asked] : branch.asked) tell_it(peer);
    }
    for (const auto& member : account.gather.owed())
        answered(now, id, {.node = member, .outcome = Outcome::cancelled, .sealed = {}});
    // Other groups name theirs themselves; their word is on its way.
    review_account(now, id);
}

void Engine::State::client_gone(LinkId link) {
    for (auto& [id, account] : accounts) {
        for (auto& parent : account.parents) {
            if (parent.caller && parent.link == link) parent.link = 0;
        }
    }
}

}  // namespace mco::mesh
