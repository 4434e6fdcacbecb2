// What children say about a request, and when nobody is left to say anything.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Outcome;
using proto::Reason;

void Engine::State::on_ack(proto::Now now, LinkId link, const proto::Ack& ack) {
    const proto::PeerId from = links.at(link).peer;
    const auto found = accounts.find(ack.request);
    if (found == accounts.end() || found->second.closed) return not_owed(ack.request, from);
    auto& account = found->second;
    if (account.children.contains(from)) return accepted(now, ack.request, from);
    auto* branch = branch_of(account, from);
    if (branch == nullptr) return not_owed(ack.request, from);
    branch->acknowledged = true;
    auto& asked = branch->asked.at(from);
    asked = {.acknowledged = true};
    timers.set({.kind = Timer::Kind::branch, .request = ack.request, .peer = from},
               now.mono + patience_with(from, timing.relay_poll_interval));
}

void Engine::State::accepted(proto::Now now, const proto::RequestId& id, const proto::PeerId& peer) {
    auto& account = accounts.at(id);
    account.gather.accepted(peer);
    const auto child = account.children.find(peer);
    if (child == account.children.end() || child->second.phase == Child::Phase::working) return;
    child->second = {.phase = Child::Phase::working, .relay = child->second.relay};
    arm(now, id, peer, patience_with(peer, child->second.relay ? timing.relay_poll_interval : timing.poll_interval));
}

// A word about a request that is settled for this peer, or was never ours.
void Engine::State::not_owed(const proto::RequestId& id, const proto::PeerId& peer) {
    notice(accounts.contains(id) ? NoticeKind::late_reply : NoticeKind::unknown_request, peer, id);
}

void Engine::State::on_up(proto::Now now, LinkId link, proto::Up up) {
    const proto::PeerId from = links.at(link).peer;
    const auto id = up.request;
    const auto found = accounts.find(id);
    if (found == accounts.end()) return not_owed(id, from);
    auto& account = found->second;
    const auto octets = octets_of(up);
    if (!ours(from)) {
        if (account.closed || branch_of(account, from) == nullptr) return not_owed(id, from);
        branch_words(now, id, account, from, up);
        return took(id, account, from, octets);
    }
    const auto child = account.children.find(from);
    const bool for_others = account.whole && (is_relay(from) || (child != account.children.end() && child->second.relay));
    // A leaf reports itself only, and it cannot be missing to itself, but overloaded.
    const auto own = [&](const proto::PeerId& node) { return for_others || node == from; };
    bool sound = std::all_of(up.answers.begin(), up.answers.end(),
                             [&](const auto& one) { return own(one.node) && is_answer(one.outcome); });
    for (const auto& bare : up.bare)
        sound = sound && is_answer(bare.outcome) && std::all_of(bare.nodes.begin(), bare.nodes.end(), own);
    sound = sound && std::all_of(up.missing.begin(), up.missing.end(), [&](const auto& one) {
                return !is_answer(one.outcome) && (for_others || (one.node == from && one.reason == Reason::overloaded));
            });
    if (!sound) return notice(NoticeKind::malformed_frame, from, id);
    if (account.closed) {
        if (account.adopted.contains(from)) return pass_late(now, id, account, from, std::move(up));
        return not_owed(id, from);
    }
    if (!for_others && child == account.children.end()) return not_owed(id, from);
    const bool done = up.ledger.closure == proto::Closure::closed;
    if (!done && child != account.children.end()) accepted(now, id, from);  // it speaks, so it works
    take_words(now, id, account, from, up);
    if (!account.closed && done) child_done(now, id, from);
    if (!account.closed) review_account(now, id);
    if (!account.closed && account.gateway == from) tell_all(id, account);
    if (for_others) took(id, account, from, octets);
}

void Engine::State::take_words(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                               proto::Up& up) {
    for (auto& answer : up.answers) {
        if (account.closed) return;
        take_answer(now, id, account, from, std::move(answer));
    }
    for (const auto& bare : up.bare) {
        for (const auto& node : bare.nodes) {
            if (account.closed) return;
            take_answer(now, id, account, from, {.node = node, .outcome = bare.outcome, .sealed = {}});
        }
    }
    for (auto& missing : up.missing) {
        if (account.closed) return;
        if (missing.node == from) {  // its own excuse
            if (account.gather.expects(from) && missing.reason == Reason::overloaded) missed(now, id, name_missing(now, from, Outcome::unreachable, Reason::overloaded));
        } else if (account.gather.expects(missing.node)) {
            account.excuses.insert_or_assign(missing.node, std::move(missing));
        } else if (account.gateway == from && !ours(missing.node)) {
            const auto key = missing.node.is_zero() ? missing.name : std::string();
            account.foreign_missing[key].insert_or_assign(missing.node, std::move(missing));
        }
    }
    if (account.closed || account.gateway != from) return;
    // Last, because they may close the account.
    for (auto& group : up.groups) {
        if (group.group == self.record->body.group) {
            const auto child = account.children.find(from);
            if (child != account.children.end()) child->second.told_own = group.ledger.closure == proto::Closure::closed;
        } else if (account.abroad.size() < proto::limits::groups_max || account.abroad.contains(group.group))
            account.abroad[group.group] = group.ledger;
    }
}

void Engine::State::take_answer(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                                proto::Answer answer) {
    if (account.gather.expects(answer.node)) return answered(now, id, std::move(answer));
    if (account.gather.knows(answer.node)) return;  // told again, or by two
    if (!ours(answer.node)) {  // of another group; or so new that nobody expects it
        if (account.gateway == from) write_foreign(account, std::move(answer));
        return;
    }
    // It joined after we looked at the roster.
    if (!account.whole || account.gather.ledger().expected >= proto::limits::roster_max)
        return notice(NoticeKind::unknown_request, answer.node, id);
    notice(NoticeKind::adopted, answer.node, id);
    account.gather.adopt(answer.node);
    answered(now, id, std::move(answer));
}

void Engine::State::child_done(proto::Now now, const proto::RequestId& id, const proto::PeerId& peer) {
    auto& account = accounts.at(id);
    if (account.children.erase(peer) > 0) timers.cancel({.kind = Timer::Kind::patience, .request = id, .peer = peer});
    // Where the gateway did not ask, it knows of nobody: another one may.
    if (account.gateway == peer && !abroad_closed(account)) gateway_lost(now, id, account);
}

// A leaf that came to us after we had reported: its word goes on, and changes nothing that we said.
void Engine::State::pass_late(proto::Now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                              proto::Up up) {
    account.adopted.erase(from);
    notice(NoticeKind::adopted, from, id);
    up.ledger = account.gather.ledger();
    up.groups.clear();
    for (auto& parent : account.parents) {
        if (parent.caller) continue;
        const auto way = way_to(parent);
        if (!way) continue;
        up.attempt = parent.attempt;
        up.sequence = ++parent.sequence;
        send(*way, up);
    }
}

void Engine::State::on_status(proto::Now now, LinkId link, const proto::Status& status) {
    const proto::PeerId from = links.at(link).peer;
    const auto id = status.request;
    const auto found = accounts.find(id);
    if (found == accounts.end() || found->second.closed) return not_owed(id, from);
    auto& account = found->second;
    const auto child = account.children.find(from);
    if (child != account.children.end() && child->second.polled) {
        // Only once a poll, so that nobody can make us send a large request again and again.
        child->second.polled = false;
        child->second.unanswered = 0;
        if (status.progress == proto::Progress::unknown) ask(now, id, account, from, Child::Phase::asked_again);
        return;  // if it is done, its answer follows
    }
    auto* branch = branch_of(account, from);
    if (branch == nullptr || !branch->asked.at(from).polled) return notice(NoticeKind::unknown_request, from, id);
    branch->asked.at(from).polled = false;
    branch->asked.at(from).unanswered = 0;
    if (status.progress == proto::Progress::unknown) branch_lost(now, id, from);
}

// ------------------------------------------------------------------------------------------------ the end

// Nobody is left who could report one of ours.
bool Engine::State::all_told_ours(const Account& account) {
    return std::all_of(account.children.begin(), account.children.end(), [](const auto& one) { return one.second.told_own; });
}

// Closes it if nothing is owed; names who is missing when nobody is left who could report them.
void Engine::State::review_account(proto::Now now, const proto::RequestId& id) {
    auto& account = accounts.at(id);
    if (account.closed) return;
    if (account.gather.closed()) {
        if (abroad_closed(account)) close_account(now, id, account);
        return;
    }
    if (!all_told_ours(account)) return;
    bool waiting_for_others = false;
    for (const auto& member : account.gather.owed()) {
        if (member == members.self() && duties.contains(id)) continue;
        const auto excuse = account.excuses.find(member);
        if (excuse != account.excuses.end() && excuse->second.reason != Reason::link_lost) {
            missed(now, id, excuse->second);
        } else if (excuse == account.excuses.end() && members.find(member) != nullptr &&
                   members.find(member)->state == proto::MemberState::down) {
            missed(now, id, name_missing(now, member, Outcome::unreachable, Reason::down));
        } else {
            waiting_for_others = true;
        }
        if (account.closed) return;
    }
    const Timer timer{.kind = Timer::Kind::orphans, .request = id};
    if (!waiting_for_others || timers.contains(timer)) return;
    timers.set(timer, now.mono + (recalled.empty() ? timing.orphan_patience : timing.ack_patience));
}

void Engine::State::orphans_passed(proto::Now now, const proto::RequestId& id) {
    auto& account = accounts.at(id);
    if (!all_told_ours(account)) return;  // somebody is waited for again
    bool visiting = false;
    for (const auto& member : account.gather.owed()) {
        const bool told_of = account.excuses.contains(member) || (member == members.self() && duties.contains(id));
        if (!told_of && visit(now, id, account, member)) visiting = true;
    }
    if (visiting) return;
    for (const auto& member : account.gather.owed()) {
        if (member == members.self() && duties.contains(id)) continue;
        const auto excuse = account.excuses.find(member);
        if (excuse != account.excuses.end()) {
            missed(now, id, excuse->second);
        } else if (account.relay_lost) {
            missed(now, id, name_missing(now, member, Outcome::lost, Reason::orphaned));
        } else {
            missed(now, id, name_missing(now, member, Outcome::unreachable, Reason::no_link));
        }
        if (account.closed) return;
    }
}

}  // namespace mco::mesh
