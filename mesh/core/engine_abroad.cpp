// A request in other groups. The accountant names one of its gateways; that one asks a gateway of each other group, which
// accounts for its own, and a second one stands by. What they tell is passed on, group by group.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Closure;
using proto::Outcome;
using proto::Reason;

namespace {

// Of each outcome the larger count: the same node has the same outcome, whoever told it.
void keep_answers(proto::Ledger& kept, const proto::Ledger& told) {
    for (std::size_t i = 0; i < proto::outcome_count; ++i) {
        if (is_answer(static_cast<Outcome>(i))) kept.counts[i] = std::max(kept.counts[i], told.counts[i]);
    }
}

}  // namespace

bool Engine::State::abroad_closed(const Account& account) const {
    return std::all_of(account.abroad.begin(), account.abroad.end(),
                       [](const auto& one) { return one.second.closure == Closure::closed; });
}

// ------------------------------------------------------------------------------------------------ accountant

void Engine::State::choose_gateway(const proto::RequestId& id, Account& account) {
    for (const auto& [name, group] : others) {
        const auto count = members_of(group, account.collective);
        if (count > 0) account.abroad.try_emplace(name, proto::Ledger{.expected = count});
    }
    if (account.abroad.empty()) return;
    account.gateway = {};
    std::optional<proto::PeerId> best;
    for (const auto& candidate : RelayRanking::gateways(relay_records())) {
        if (account.gateways_tried.contains(candidate)) continue;
        if (candidate == members.self()) {
            best = candidate;  // a hop less
            break;
        }
        if (linked(candidate) && (!best || share(id, candidate) > share(id, *best))) best = candidate;
    }
    if (best) {
        account.gateways_tried.insert(*best);
        account.gateway = *best;
        return;
    }
    const auto groups = account.abroad;
    for (const auto& [name, ledger] : groups) {
        if (ledger.closure == Closure::open) give_up_group(account, name, Reason::group_unreachable);
    }
}

// Another gateway is asked for all of it; what it tells of nodes that are written down already changes nothing.
void Engine::State::gateway_lost(proto::Now now, const proto::RequestId& id, Account& account) {
    account.foreign_missing.clear();
    for (auto& [name, ledger] : account.abroad) {
        keep_answers(account.told_before[name], ledger);
        ledger = {.expected = ledger.expected};
    }
    choose_gateway(id, account);
    if (account.gateway.is_zero()) return;
    if (account.gateway == members.self()) return go_abroad(now, id, account);
    auto& child = account.children[account.gateway];
    child = {.phase = Child::Phase::asked, .relay = true};
    ask(now, id, account, account.gateway, Child::Phase::asked);
}

// ------------------------------------------------------------------------------------------------ gateway

void Engine::State::go_abroad(proto::Now now, const proto::RequestId& id, Account& account) {
    // Where we asked already, what we know stands.
    std::erase_if(account.abroad, [&](const auto& one) { return !account.branches.contains(one.first); });
    if (!gateway) return;
    const bool confined = self.confined.contains(account.collective);
    for (const auto& [name, group] : others) {
        const auto count = members_of(group, account.collective);
        if (count == 0 || account.branches.contains(name)) continue;
        if (confined) {  // it does not leave the group, so nobody there is meant; that must be said
            account.abroad.emplace(name, proto::Ledger{.closure = Closure::closed});
            continue;
        }
        account.abroad.emplace(name, proto::Ledger{.expected = count});
        account.branches.try_emplace(name);
    }
    std::vector<std::string> names;
    for (const auto& [name, branch] : account.branches) names.push_back(name);
    for (const auto& name : names) {
        auto& branch = account.branches.at(name);
        const bool open_yet = account.abroad.at(name).closure == Closure::open;
        if (open_yet && branch.tried.empty()) ask_branch(now, id, account, name, branch);
    }
}

void Engine::State::ask_branch(proto::Now now, const proto::RequestId& id, Account& account, const std::string& name,
                               Branch& branch) {
    const auto group = others.find(name);
    std::vector<proto::PeerId> able;
    if (group != others.end()) {
        for (const auto& record : group->second.gateways) {
            if (linked(record->body.peer) && !branch.tried.contains(record->body.peer)) able.push_back(record->body.peer);
        }
    }
    if (able.empty()) return give_up_group(account, name, Reason::group_unreachable);
    std::sort(able.begin(), able.end(),
              [&](const auto& a, const auto& b) { return share(id, a) > share(id, b); });
    const bool first = branch.tried.empty();
    const auto& chosen = able.front();
    branch.tried.insert(chosen);
    branch.asked[chosen] = {};
    send(*preferred(chosen), request_for(now, account, proto::Scope::group));
    timers.set({.kind = Timer::Kind::branch, .request = id, .peer = chosen},
               now.mono + patience_with(chosen, timing.ack_patience));
    if (!first || able.size() < 2) return;
    branch.asked[able[1]] = {};
    send(*preferred(able[1]), request_for(now, account, proto::Scope::standby));
}

Branch* Engine::State::branch_of(Account& account, const proto::PeerId& peer) {
    const auto* member = members.find(peer);
    if (member == nullptr) return nullptr;
    const auto found = account.branches.find(member->record->body.group);
    return found != account.branches.end() && found->second.asked.contains(peer) ? &found->second : nullptr;
}

void Engine::State::branch_words(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& from,
                                 proto::Up& up) {
    const std::string name = members.find(from)->record->body.group;
    auto& branch = account.branches.at(name);
    if (account.abroad.at(name).closure == Closure::closed) return not_owed(id, from);
    const bool sound =
        std::all_of(up.answers.begin(), up.answers.end(),
                    [&](const auto& one) { return is_answer(one.outcome) && !account.gather.knows(one.node); }) &&
        std::all_of(up.bare.begin(), up.bare.end(), [](const auto& one) { return is_answer(one.outcome); }) &&
        std::all_of(up.missing.begin(), up.missing.end(), [](const auto& one) { return !is_answer(one.outcome); }) &&
        up.ledger.balanced() && up.ledger.expected <= proto::limits::roster_max;
    if (!sound) return notice(NoticeKind::malformed_frame, from, id);
    branch.acknowledged = true;
    branch.asked.at(from) = {.acknowledged = true};
    const auto write = [&](proto::Answer answer) {
        if (account.gather.knows(answer.node)) return;
        if (branch.heard.insert(answer.node).second) branch.written.add(answer.outcome);
        write_foreign(account, std::move(answer));
    };
    for (auto& answer : up.answers) write(std::move(answer));
    for (const auto& bare : up.bare) {
        for (const auto& node : bare.nodes) write({.node = node, .outcome = bare.outcome, .sealed = {}});
    }
    for (auto& missing : up.missing) account.foreign_missing[name].insert_or_assign(missing.node, std::move(missing));
    const Timer timer{.kind = Timer::Kind::branch, .request = id, .peer = from};
    if (up.ledger.closure == Closure::open) {
        account.abroad[name].expected = std::max(up.ledger.expected, account.abroad[name].expected);
        timers.set(timer, now.mono + patience_with(from, timing.relay_poll_interval));
        return tell_all(id, account);
    }
    account.abroad[name] = close_branch(account, name, branch);
    for (const auto& [peer, asked] : branch.asked) timers.cancel({.kind = Timer::Kind::branch, .request = id, .peer = peer});
    review_account(now, id);
    if (!account.closed) tell_all(id, account);
}

// What was heard from there, whoever told it, and who was named without having been heard.
proto::Ledger Engine::State::close_branch(Account& account, const std::string& name, const Branch& branch) {
    proto::Ledger ledger = branch.written;
    for (auto& [node, missing] : account.foreign_missing[name]) {
        if (!node.is_zero() && branch.heard.contains(node)) continue;
        ledger.counts[static_cast<std::size_t>(missing.outcome)] += missing.nodes;
        account.missing.push_back(std::move(missing));
    }
    account.foreign_missing.erase(name);
    ledger.expected = ledger.accounted();
    ledger.closure = Closure::closed;
    return ledger;
}

void Engine::State::branch_lost(proto::Now now, const proto::RequestId& id, const proto::PeerId& peer) {
    auto& account = accounts.at(id);
    auto* branch = branch_of(account, peer);
    if (branch == nullptr) return;
    const std::string name = members.find(peer)->record->body.group;
    timers.cancel({.kind = Timer::Kind::branch, .request = id, .peer = peer});
    branch->asked.erase(peer);
    if (account.abroad.at(name).closure == Closure::closed) return;
    account.foreign_missing.erase(name);
    notice(NoticeKind::orphaned, peer, id);
    const bool another = std::any_of(branch->asked.begin(), branch->asked.end(),
                                     [](const auto& one) { return one.second.acknowledged; });
    if (!another) ask_branch(now, id, account, name, *branch);
    review_account(now, id);
}

void Engine::State::branch_patience(proto::Now now, const proto::RequestId& id, const proto::PeerId& peer) {
    auto& account = accounts.at(id);
    auto* branch = branch_of(account, peer);
    if (branch == nullptr) return;
    auto& asked = branch->asked.at(peer);
    if (!asked.acknowledged) return branch_lost(now, id, peer);
    const bool lives = !asked.polled || peers.at(peer).heard > asked.polled_at;
    asked.unanswered = lives ? 0 : asked.unanswered + 1;
    if (asked.unanswered >= timing.polls_unanswered_max) return branch_lost(now, id, peer);
    asked.polled = true;
    asked.polled_at = now.mono;
    if (const auto link = preferred(peer)) send(*link, proto::Poll{id, account.attempt});
    timers.set({.kind = Timer::Kind::branch, .request = id, .peer = peer},
               now.mono + patience_with(peer, timing.relay_poll_interval));
}

// ------------------------------------------------------------------------------------------------ both

// Nobody can say any more, or in time, what became of it: what did not answer is missing, as a whole.
void Engine::State::give_up_group(Account& account, const std::string& name, Reason reason) {
    auto& ledger = account.abroad.at(name);
    const auto branch = account.branches.find(name);
    const bool asked_here = branch != account.branches.end();
    proto::Ledger kept = asked_here ? branch->second.written : proto::Ledger{};
    if (!asked_here) keep_answers(kept, ledger);
    if (const auto before = account.told_before.find(name); before != account.told_before.end())
        keep_answers(kept, before->second);
    const bool may_have_run = asked_here ? branch->second.acknowledged : !account.gateways_tried.empty();
    kept.expected = std::max(ledger.expected, kept.accounted());
    const auto rest = kept.expected - kept.accounted();
    account.foreign_missing.erase(name);
    if (rest > 0) {
        const auto outcome = !may_have_run              ? Outcome::unreachable
                             : reason == Reason::timeout ? Outcome::expired
                                                         : Outcome::lost;
        kept.counts[static_cast<std::size_t>(outcome)] += rest;
        account.foreign_missing[name].insert_or_assign(
            proto::PeerId{}, proto::Missing{.node = {}, .name = name, .reason = reason, .outcome = outcome, .nodes = rest});
    }
    kept.closure = Closure::closed;
    ledger = kept;
    if (!asked_here) return;
    for (auto& [node, missing] : account.foreign_missing[name]) account.missing.push_back(std::move(missing));
    account.foreign_missing.erase(name);
}

// Not told at once: what came in one frame is passed on in one.
void Engine::State::write_foreign(Account& account, proto::Answer answer) {
    if (account.foreign.size() >= proto::limits::roster_max * proto::limits::groups_max) return;
    if (!account.foreign.emplace(answer.node, answer.outcome).second) return;
    held_bytes += answer.sealed.size();
    account.octets += answer.sealed.size();
    account.answers.push_back(std::move(answer));
}

// The end of what others told. Where gateways took turns, or only told us, the sum is made anew of what was written down: a
// later one may not know what an earlier one brought.
void Engine::State::write_foreign_missing(Account& account) {
    proto::Ledger sum;
    for (const auto& [node, outcome] : account.foreign) sum.add(outcome);
    for (auto& [group, missing] : account.foreign_missing) {
        for (auto& [node, one] : missing) {
            if (node.is_zero()) {
                const auto before = account.told_before.find(group);
                const auto now_told = account.abroad.find(group);
                if (before != account.told_before.end() && now_told != account.abroad.end()) {
                    proto::Ledger last;
                    keep_answers(last, now_told->second);
                    const auto last_count = last.accounted();
                    keep_answers(last, before->second);
                    one.nodes -= std::min(one.nodes, last.accounted() - last_count);
                }
                if (one.nodes == 0) continue;
                // The last gateway did not get there; one before it may have.
                if (one.outcome == Outcome::unreachable && account.gateways_tried.size() > 1) one.outcome = Outcome::lost;
            } else if (account.foreign.contains(node)) {
                continue;
            }
            sum.counts[static_cast<std::size_t>(one.outcome)] += one.nodes;
            account.missing.push_back(std::move(one));
        }
    }
    account.foreign_missing.clear();
    if (account.abroad.empty() || (account.gateway == members.self() && account.told_before.empty())) return;
    for (const auto& [group, branch] : account.branches) {  // closed here, and written down then
        const auto& ledger = account.abroad.at(group);
        for (std::size_t i = 0; i < proto::outcome_count; ++i) {
            if (!is_answer(static_cast<Outcome>(i))) sum.counts[i] += ledger.counts[i];
        }
    }
    sum.expected = sum.accounted();
    sum.closure = Closure::closed;
    account.abroad.clear();
    account.abroad.emplace("", sum);
}

}  // namespace mco::mesh
