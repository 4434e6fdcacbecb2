// Our own part in a request: performed once, whoever asks how often; the answer goes to every accountant that asked.

#include <algorithm>
#include <utility>

#include "mesh/core/engine_state.hpp"
#include "mesh/core/invariant.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

using proto::Outcome;
using proto::Progress;

namespace {

// A client has two entries and rarely a third; whoever asks from more places hears the answer at the latest ones.
constexpr std::size_t reporters_max = 4;

}  // namespace

// From the accountant of the group, or from our relay. A relay with leaves accounts for them.
void Engine::State::from_above(proto::Now now, proto::Request request) {
    const proto::PeerId accountant = request.accountant;
    if (accountant == members.self() || !ours(accountant)) return notice(NoticeKind::unknown_request, accountant);
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    if (!route) return notice(NoticeKind::malformed_frame, accountant);
    const auto id = route->request;
    if (lazies.erase(id) > 0) timers.cancel({.kind = Timer::Kind::lazy, .request = id});
    const bool accounts_for_others =
        request.scope == proto::Scope::local &&
        (accounts.contains(id) || (relay && (request.gateway == members.self() || (gateway && !others.empty()) ||
                                             std::any_of(peers.begin(), peers.end(), [](const auto& one) {
                                                 return one.second.standing != proto::Standing::none;
                                             }))));
    const bool by_fanout = request.sequence != 0, repeated = duties.contains(id);
    if (accounts_for_others) {
        relay_request(now, std::move(request), *route);
    } else if (meant(*members.find(members.self()), route->collective)) {
        take_on(now, id, accountant, request.attempt, std::move(request.sealed));
    } else {
        return nothing_to_do(id, accountant, request.attempt);
    }
    if (const auto duty = duties.find(id); duty != duties.end() && !repeated) duty->second.published = by_fanout;
}

// Nobody here is meant: whoever asked need not wait.
void Engine::State::nothing_to_do(const proto::RequestId& id, const proto::PeerId& accountant, std::uint8_t attempt) {
    const auto link = preferred(accountant);
    if (!link) return;
    proto::Up up{.request = id, .attempt = attempt, .sequence = 1};
    up.ledger.closure = proto::Closure::closed;
    send(*link, up);
}

void Engine::State::take_on(proto::Now now, const proto::RequestId& id, const proto::PeerId& accountant,
                            std::uint8_t attempt, proto::Bytes sealed) {
    const auto known = duties.find(id);
    if (known != duties.end()) return asked_again(now, id, known->second, accountant, attempt);
    if (working >= proto::limits::live_requests_max) return overloaded(now, id, accountant, attempt);
    auto& duty = duties[id];
    duty.to.push_back({accountant, attempt});
    ++working;
    effects.push_back(Perform{id, std::move(sealed)});
    if (accountant == members.self()) return accepted(now, id, accountant);
    timers.set({.kind = Timer::Kind::ack, .request = id}, now.mono + timing.ack_delay);
}

void Engine::State::asked_again(proto::Now now, const proto::RequestId& id, Duty& duty, const proto::PeerId& accountant,
                                std::uint8_t attempt) {
    auto reporter =
        std::find_if(duty.to.begin(), duty.to.end(), [&](const Reporter& one) { return one.accountant == accountant; });
    const bool newer = reporter == duty.to.end() || attempt > reporter->attempt;
    notice(newer ? NoticeKind::reparented : NoticeKind::duplicate_request, accountant, id);
    if (reporter == duty.to.end()) {
        if (duty.to.size() == reporters_max) {
            forget_waiting(duty.to.front().accountant, id);
            duty.to.erase(duty.to.begin());
        }
        duty.to.push_back({accountant, attempt});
        reporter = std::prev(duty.to.end());
    }
    if (newer) reporter->attempt = attempt;
    speak(now, id, duty, *reporter);
}

void Engine::State::overloaded(proto::Now now, const proto::RequestId& id, const proto::PeerId& accountant,
                               std::uint8_t attempt) {
    notice(NoticeKind::refused_overload, accountant, id);
    if (accountant == members.self()) {
        missed(now, id, name_missing(now, accountant, Outcome::unreachable, proto::Reason::overloaded));
        return;
    }
    const auto link = preferred(accountant);
    if (!link) return;  // it will hear of us, or name us, without this
    proto::Up up{.request = id, .attempt = attempt, .sequence = 1};
    up.missing.push_back(name_missing(now, members.self(), Outcome::unreachable, proto::Reason::overloaded));
    up.ledger.expected = 1;
    up.ledger.add(Outcome::unreachable);
    up.ledger.closure = proto::Closure::closed;
    send(*link, up);
}

// ------------------------------------------------------------------------------------------------ words

// Says where we are with it: now, or when there is a link.
void Engine::State::speak(proto::Now now, const proto::RequestId& id, const Duty& duty, Reporter& reporter) {
    if (reporter.accountant == members.self()) {
        const auto account = accounts.find(id);
        if (account == accounts.end() || account->second.closed || !account->second.gather.expects(members.self())) return;
        if (duty.progress == Progress::working) return accepted(now, id, reporter.accountant);
        return answered(now, id, {.node = members.self(), .outcome = duty.outcome, .sealed = duty.reply});
    }
    const auto link = preferred(reporter.accountant);
    if (!link) {
        waiting[reporter.accountant].insert(id);
        return;
    }
    reporter.spoken = true;
    send_word(*link, id, duty, reporter.attempt);
}

void Engine::State::send_word(LinkId link, const proto::RequestId& id, const Duty& duty, std::uint8_t attempt) {
    if (duty.progress == Progress::working) return send(link, proto::Ack{.request = id, .attempt = attempt});
    proto::Up up{.request = id, .attempt = attempt, .sequence = 1};
    up.answers.push_back({.node = members.self(), .outcome = duty.outcome, .sealed = duty.reply});
    up.ledger.expected = 1;
    up.ledger.add(duty.outcome);
    up.ledger.closure = proto::Closure::closed;
    send(link, up);
}

void Engine::State::speak_waiting(proto::Now now, const proto::PeerId& accountant) {
    const auto found = waiting.find(accountant);
    if (found == waiting.end() || !linked(accountant)) return;
    const auto ids = std::move(found->second);
    waiting.erase(found);
    for (const auto& id : ids) {
        auto& duty = duties.at(id);
        for (auto& reporter : duty.to) {
            if (reporter.accountant == accountant) speak(now, id, duty, reporter);
        }
    }
}

void Engine::State::forget_waiting(const proto::PeerId& accountant, const proto::RequestId& id) {
    const auto found = waiting.find(accountant);
    if (found == waiting.end()) return;
    found->second.erase(id);
    if (found->second.empty()) waiting.erase(found);
}

void Engine::State::ack_due(proto::Now now, const proto::RequestId& id) {
    if (const auto account = accounts.find(id); account != accounts.end()) {
        for (auto& parent : account->second.parents) {
            const auto way = way_to(parent);
            if (parent.spoken || !way) continue;
            parent.spoken = true;
            send(*way, proto::Ack{id, parent.attempt, total(account->second).expected});
        }
    }
    const auto found = duties.find(id);
    if (found == duties.end()) return;
    auto& duty = found->second;
    for (auto& reporter : duty.to) {
        if (!reporter.spoken) speak(now, id, duty, reporter);
    }
}

void Engine::State::on_poll(proto::Now, LinkId id, const proto::Poll& poll) {
    const Link& link = links.at(id);
    proto::Status status{.request = poll.request, .attempt = poll.attempt, .progress = Progress::unknown};
    if (const auto account = accounts.find(poll.request); account != accounts.end()) {
        auto& parents = account->second.parents;
        const auto parent = std::find_if(parents.begin(), parents.end(), [&](const Parent& one) {
            return one.peer == link.peer && one.caller == link.caller;
        });
        if (parent != parents.end()) {
            status.progress = account->second.closed ? Progress::done : Progress::working;
            send(id, status);
            if (!account->second.closed || link.caller) return;
            parent->answers_told = parent->missing_told = 0;
            parent->octets_told = parent->untaken = 0;
            parent->closing_told = false;
            return tell(poll.request, account->second, *parent);
        }
    }
    if (link.caller) return send(id, status);
    const auto found = duties.find(poll.request);
    const bool asked_by_it =
        found != duties.end() && std::any_of(found->second.to.begin(), found->second.to.end(),
                                             [&](const Reporter& one) { return one.accountant == link.peer; });
    if (!asked_by_it) {
        notice(NoticeKind::unknown_request, link.peer, poll.request);
        return send(id, status);
    }
    status.progress = found->second.progress;
    send(id, status);
    if (status.progress == Progress::done) send_word(id, poll.request, found->second, poll.attempt);
}

// ------------------------------------------------------------------------------------------------ the end

void Engine::State::performed(proto::Now now, const proto::RequestId& id, Outcome outcome, proto::Bytes reply) {
    ensure(is_answer(outcome), "a node that performed a request has an answer");
    const auto found = duties.find(id);
    if (found == duties.end() || found->second.progress == Progress::done)
        return notice(NoticeKind::unknown_request, members.self(), id);
    auto& duty = found->second;
    if (reply.size() > proto::limits::reply_size_max) {  // nobody would take the frame; that it ran must be known
        reply.clear();
        outcome = Outcome::failed;
    }
    duty.progress = Progress::done;
    duty.outcome = outcome;
    duty.reply = std::move(reply);
    held_bytes += duty.reply.size();
    --working;
    if (!accounts.contains(id)) timers.cancel({.kind = Timer::Kind::ack, .request = id});
    for (auto& reporter : duty.to) speak(now, id, duty, reporter);
    remember(now, Remembered::What::duty, id);
}

// Whether it is our request to withdraw, for this asker. One that runs already runs on.
bool Engine::State::withdraw(const proto::RequestId& id, const proto::PeerId& asked_by) {
    const auto found = duties.find(id);
    if (found == duties.end()) return false;
    auto& duty = found->second;
    const bool known =
        std::any_of(duty.to.begin(), duty.to.end(), [&](const Reporter& one) { return one.accountant == asked_by; });
    if (!known) return false;
    if (duty.progress == Progress::working && !duty.withdrawn) {
        duty.withdrawn = true;
        effects.push_back(Withdraw{id});
    }
    return true;
}

void Engine::State::drop_duty(const proto::RequestId& id) {
    const auto found = duties.find(id);
    held_bytes -= found->second.reply.size();
    for (const auto& reporter : found->second.to) forget_waiting(reporter.accountant, id);
    duties.erase(found);
}

}  // namespace mco::mesh
