// The account itself: what becomes known is written down once, told to the client in few frames, and kept for a while.

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
constexpr std::size_t frame_slack = 1024;

std::size_t size_of(const proto::Answer& answer) { return answer.sealed.size() + entry_slack; }
std::size_t size_of(const proto::Missing& missing) { return missing.name.size() + entry_slack; }

}  // namespace

void Engine::State::answered(proto::Now now, const proto::RequestId& id, proto::Answer answer) {
    auto& account = accounts.at(id);
    const proto::PeerId member = answer.node;
    const std::size_t bytes = size_of(answer);
    ensure(account.gather.settle(member, answer.outcome), "an answer is written down once");
    held_bytes += answer.sealed.size();
    account.answers.push_back(std::move(answer));
    settled(now, id, account, member, bytes);
}

void Engine::State::missed(proto::Now now, const proto::RequestId& id, proto::Missing missing) {
    auto& account = accounts.at(id);
    const proto::PeerId member = missing.node;
    const std::size_t bytes = size_of(missing);
    ensure(account.gather.settle(member, missing.outcome), "a missing node is named once");
    account.missing.push_back(std::move(missing));
    settled(now, id, account, member, bytes);
}

void Engine::State::settled(proto::Now now, const proto::RequestId& id, Account& account, const proto::PeerId& member,
                            std::size_t bytes) {
    if (account.children.erase(member) > 0)
        timers.cancel({.kind = Timer::Kind::patience, .request = id, .peer = member});
    account.untold_bytes += bytes;
    if (account.gather.closed()) return close_account(now, id, account);
    if (account.client == 0) return keep_within_bounds(id);
    if (account.untold_bytes >= timing.flush_bytes) return tell(id, account);
    const Timer flush{.kind = Timer::Kind::flush, .request = id};
    if (!timers.contains(flush)) timers.set(flush, now.mono + timing.flush);
}

proto::Missing Engine::State::name_missing(proto::Now now, const proto::PeerId& member, Outcome outcome,
                                           proto::Reason reason) const {
    proto::Missing missing{.node = member, .name = {}, .reason = reason, .outcome = outcome, .since_ms = 0};
    const auto* known = members.find(member);
    if (known == nullptr) return missing;
    missing.name = known->record.name;
    if (known->state == proto::MemberState::down) missing.since_ms = milliseconds(now.mono - known->since);
    return missing;
}

void Engine::State::close_account(proto::Now now, const proto::RequestId& id, Account& account) {
    timers.cancel({.kind = Timer::Kind::deadline, .request = id});
    open.erase(id);
    held_bytes -= account.sealed.size();
    account.sealed = {};
    tell(id, account);
    remember(now, Remembered::What::account, id);
}

// All that the client does not know yet, in as few frames as the limits allow. Only the last one may say `closed`.
void Engine::State::tell(const proto::RequestId& id, Account& account) {
    timers.cancel({.kind = Timer::Kind::flush, .request = id});
    if (account.client == 0) return;
    const proto::Ledger& ledger = account.gather.ledger();
    const auto all_told = [&] {
        return account.answers_told == account.answers.size() && account.missing_told == account.missing.size();
    };
    const bool closing = account.gather.closed() && !account.closing_told;
    if (all_told() && !closing) return;
    do {
        proto::Up up{.request = id, .attempt = account.attempt, .sequence = ++account.sequence};
        std::size_t room = proto::limits::frame_size_max - frame_slack;
        const auto fits = [&](std::size_t size, std::size_t count) {
            if (size > room || count == proto::limits::results_per_frame_max) return false;
            room -= size;
            return true;
        };
        while (account.missing_told < account.missing.size() &&
               fits(size_of(account.missing[account.missing_told]), up.missing.size()))
            up.missing.push_back(account.missing[account.missing_told++]);
        while (account.answers_told < account.answers.size() &&
               fits(size_of(account.answers[account.answers_told]), up.answers.size()))
            up.answers.push_back(account.answers[account.answers_told++]);
        up.ledger = ledger;
        if (!all_told()) up.ledger.closure = proto::Closure::open;
        send(account.client, up);
    } while (!all_told());
    account.closing_told = account.gather.closed();
    account.untold_bytes = 0;
    keep_within_bounds(id);
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
