// The account itself: what becomes known is written down once, told to whoever asked in few frames, and kept for a while.

#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "mesh/core/milliseconds.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Outcome;

namespace {

// More than one answer or missing node takes on the wire beside its sealed octets or its name.
constexpr std::size_t entry_slack = 48;
constexpr std::size_t bare_size = 18;  // an id among others with the same outcome
constexpr std::size_t frame_slack = 1024;
// To another group: small enough that what there is to tell is spread over the connections of the link (mesh/io), each of
// which may have some 14 KiB under way at first.
constexpr std::size_t far_frame = 4 * 1024;

std::size_t size_of(const proto::Answer& answer) { return answer.sealed.size() + entry_slack; }
std::size_t size_of(const proto::Missing& missing) { return missing.name.size() + entry_slack; }

}  // namespace

void Engine::State::answered(proto::Now now, const proto::RequestId& id, proto::Answer answer) {
    auto& account = accounts.at(id);
    const std::size_t bytes = size_of(answer);
    ensure(account.gather.settle(answer.node, answer.outcome), "an answer is written down once");
    held_bytes += answer.sealed.size();
    account.octets += answer.sealed.size();
    account.excuses.erase(answer.node);
    // A leaf has said all there is; a relay may have more to tell.
    const auto child = account.children.find(answer.node);
    if (child != account.children.end() && !child->second.relay) {
        timers.cancel({.kind = Timer::Kind::patience, .request = id, .peer = answer.node});
        account.children.erase(child);
    }
    account.answers.push_back(std::move(answer));
    written(now, id, account, bytes);
}

void Engine::State::missed(proto::Now now, const proto::RequestId& id, proto::Missing missing) {
    auto& account = accounts.at(id);
    const std::size_t bytes = size_of(missing);
    const auto node = missing.node;
    ensure(account.gather.settle(node, missing.outcome), "a missing node is named once");
    account.excuses.erase(node);
    const auto child = account.children.find(node);
    if (child != account.children.end() && !child->second.relay) {
        timers.cancel({.kind = Timer::Kind::patience, .request = id, .peer = node});
        account.children.erase(child);
    }
    account.missing.push_back(std::move(missing));
    written(now, id, account, bytes);
}

void Engine::State::written(proto::Now now, const proto::RequestId& id, Account& account, std::size_t bytes) {
    account.untold_bytes += bytes;
    if (account.gather.closed() && abroad_closed(account)) return close_account(now, id, account);
    if (account.gather.closed() || account.untold_bytes >= timing.flush_bytes) return tell_all(id, account);
    const Timer flush{.kind = Timer::Kind::flush, .request = id};
    if (!timers.contains(flush)) timers.set(flush, now.mono + timing.flush);
}

proto::Missing Engine::State::name_missing(proto::Now now, const proto::PeerId& member, Outcome outcome,
                                           proto::Reason reason) const {
    proto::Missing missing{.node = member, .name = {}, .reason = reason, .outcome = outcome, .since_ms = 0};
    const auto* known = members.find(member);
    if (known == nullptr) {
        const auto before = recalled.find(member);
        if (before != recalled.end()) missing.name = before->second.record->body.name;
        return missing;
    }
    missing.name = known->record->body.name;
    if (known->state == proto::MemberState::down) missing.since_ms = milliseconds(now.mono - known->since);
    return missing;
}

proto::Ledger Engine::State::total(const Account& account) const {
    proto::Ledger ledger = account.gather.ledger();
    for (const auto& [group, one] : account.abroad) {
        ledger.expected += one.expected;
        for (std::size_t i = 0; i < proto::outcome_count; ++i) ledger.counts[i] += one.counts[i];
    }
    ledger.closure = account.closed ? proto::Closure::closed : proto::Closure::open;
    return ledger;
}

// Callers hear of everything, and so does the accountant for whom we ask the other groups.
bool Engine::State::told_of_others(const Account& account, const Parent& parent) const {
    return parent.caller || (account.gateway == members.self() && ours(parent.peer));
}

bool Engine::State::closed_for(const Account& account, const Parent& parent) const {
    return account.closed || (account.gather.closed() && !told_of_others(account, parent));
}

void Engine::State::close_account(proto::Now now, const proto::RequestId& id, Account& account) {
    account.closed = true;
    open.erase(id);
    for (const auto kind : {Timer::Kind::deadline, Timer::Kind::orphans}) timers.cancel({.kind = kind, .request = id});
    for (const auto& [peer, child] : account.children)
        timers.cancel({.kind = Timer::Kind::patience, .request = id, .peer = peer});
    for (const auto& [group, branch] : account.branches) {
        for (const auto& [peer, asked] : branch.asked) timers.cancel({.kind = Timer::Kind::branch, .request = id, .peer = peer});
    }
    account.children.clear();
    account.excuses.clear();
    end_visits(now, account);
    write_foreign_missing(account);
    tell_all(id, account);
    remember(now, Remembered::What::account, id);
}

void Engine::State::reopen(proto::Now now, const proto::RequestId& id) {
    auto& account = accounts.at(id);
    if (!account.closed) return;
    account.closed = false;
    open.insert(id);
    std::erase_if(finished, [&](const Remembered& one) { return one.what == Remembered::What::account && one.request == id; });
    const Timer memory{.kind = Timer::Kind::remember};
    finished.empty() ? timers.cancel(memory) : timers.set(memory, finished.front().until);
    timers.set({.kind = Timer::Kind::deadline, .request = id}, std::max(account.deadline, now.mono));
    for (auto& parent : account.parents) parent.closing_told = false;
}

std::optional<LinkId> Engine::State::way_to(const Parent& parent) const {
    if (!parent.caller) return preferred(parent.peer);
    return parent.link == 0 ? std::nullopt : std::optional(parent.link);
}

void Engine::State::tell_all(const proto::RequestId& id, Account& account) {
    timers.cancel({.kind = Timer::Kind::flush, .request = id});
    account.untold_bytes = 0;
    for (auto& parent : account.parents) tell(id, account, parent);
    keep_within_bounds(id);
}

// All that this one does not know yet, in as few frames as the limits allow. Only the last one may say `closed`.
void Engine::State::tell(const proto::RequestId& id, Account& account, Parent& parent) {
    const auto way = way_to(parent);
    if (!way) return;
    const auto all_told = [&] {
        return parent.answers_told == account.answers.size() && parent.missing_told == account.missing.size();
    };
    const bool closing = closed_for(account, parent) && !parent.closing_told;
    if (parent.untaken >= timing.credit_window) return;  // its credit brings the rest
    if (all_told() && !closing) return;
    const bool others_too = told_of_others(account, parent);
    const auto concerns = [&](const proto::PeerId& node) { return others_too || account.gather.knows(node); };
    bool nothing = !closing;
    do {
        proto::Up up{.request = id, .attempt = parent.attempt, .sequence = ++parent.sequence};
        const bool far = !parent.caller && !ours(parent.peer);
        std::size_t room = far ? far_frame : proto::limits::frame_size_max - frame_slack, bare = 0;
        bool first = true;  // which has to fit, however large
        const auto fits = [&](std::size_t size, std::size_t count) {
            if ((size > room && !first) || count == proto::limits::results_per_frame_max) return false;
            room -= std::min(size, room);
            first = false;
            return true;
        };
        for (; parent.missing_told < account.missing.size(); ++parent.missing_told) {
            const auto& missing = account.missing[parent.missing_told];
            if (!concerns(missing.node)) continue;
            if (!fits(size_of(missing), up.missing.size())) break;
            up.missing.push_back(missing);
        }
        std::map<Outcome, std::vector<proto::PeerId>> merged;
        for (; parent.answers_told < account.answers.size(); ++parent.answers_told) {
            const auto& answer = account.answers[parent.answers_told];
            if (!concerns(answer.node)) continue;
            const auto size = answer.sealed.empty() ? bare_size : size_of(answer);
            if (!fits(size, std::max(up.answers.size(), bare))) break;
            if (answer.sealed.empty()) {
                merged[answer.outcome].push_back(answer.node);
                ++bare;
            } else {
                up.answers.push_back(answer);
            }
        }
        for (auto& [outcome, nodes] : merged) up.bare.push_back({outcome, std::move(nodes)});
        up.ledger = others_too ? total(account) : account.gather.ledger();
        up.ledger.closure = all_told() && closed_for(account, parent) ? proto::Closure::closed : proto::Closure::open;
        nothing = nothing && up.missing.empty() && up.answers.empty() && up.bare.empty();
        if (nothing && all_told()) {  // all that is new concerns others
            --parent.sequence;
            break;
        }
        // Other groups' accounts go with the last of what belongs to them; an open one counts what was told. That of our own part
        // goes with them, so that nobody waits for it until the farthest group has spoken.
        if (all_told() && !parent.caller && others_too) {
            if (!account.abroad.empty()) up.groups.push_back({self.record->body.group, account.gather.ledger()});
            for (const auto& [name, ledger] : account.abroad) {
                auto told = ledger;
                if (ledger.closure == proto::Closure::open) {
                    told = account.branches.at(name).written;
                    told.expected = std::max(ledger.expected, told.accounted());
                }
                up.groups.push_back({name, told});
            }
        }
        const auto octets = octets_of(up);
        parent.octets_told += octets;
        parent.untaken += octets;
        send(*way, up);
        parent.spoken = true;
    } while (!all_told() && parent.untaken < timing.credit_window);
    parent.closing_told = all_told() && closed_for(account, parent);
}

// ------------------------------------------------------------------------------------------------ memory

void Engine::State::remember(proto::Now now, Remembered::What what, const proto::RequestId& id) {
    finished.push_back({now.mono + timing.remember, what, id});
    if (finished.size() == 1) timers.set({.kind = Timer::Kind::remember}, finished.front().until);
    make_room(0);
}

// Forgets finished requests, oldest first, until there is room for so many octets, if that can be had.
void Engine::State::make_room(std::size_t wanted) {
    while (!finished.empty() && (finished.size() > proto::limits::remembered_requests_max ||
                                 held_bytes + wanted > proto::limits::cached_reply_bytes_max))
        forget_oldest();
}

// After all answers were told, or cannot be told now: what there is no room to keep is let go. A client that asks again then
// hears the outcomes only.
void Engine::State::keep_within_bounds(const proto::RequestId& id) {
    make_room(0);
    const auto found = accounts.find(id);
    if (held_bytes <= proto::limits::cached_reply_bytes_max || found == accounts.end()) return;
    for (auto& answer : found->second.answers) {
        held_bytes -= answer.sealed.size();
        answer.sealed = {};
    }
}

void Engine::State::forget_oldest() {
    const auto oldest = finished.front();
    finished.pop_front();
    switch (oldest.what) {
        case Remembered::What::account: {
            const auto found = accounts.find(oldest.request);
            held_bytes -= found->second.sealed.size();
            timers.cancel({.kind = Timer::Kind::i_have, .request = oldest.request});
            if (!duties.contains(oldest.request)) timers.cancel({.kind = Timer::Kind::ack, .request = oldest.request});
            for (const auto& answer : found->second.answers) held_bytes -= answer.sealed.size();
            accounts.erase(found);
            break;
        }
        case Remembered::What::duty:
            drop_duty(oldest.request);
            break;
    }
    const Timer timer{.kind = Timer::Kind::remember};
    finished.empty() ? timers.cancel(timer) : timers.set(timer, finished.front().until);
}

void Engine::State::forget_finished(proto::Now now) {
    while (!finished.empty() && finished.front().until <= now.mono) forget_oldest();
    if (!finished.empty()) timers.set({.kind = Timer::Kind::remember}, finished.front().until);
}

}  // namespace mco::mesh
