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

void Engine::State::local(proto::Now now, proto::Request request) {
    const proto::PeerId accountant = request.accountant;
    if (accountant == members.self() || members.find(accountant) == nullptr)
        return notice(NoticeKind::unknown_request, accountant);
    const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    if (!route) return notice(NoticeKind::malformed_frame, accountant);
    take_on(now, route->request, accountant, request.attempt, std::move(request.sealed));
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
    if (accountant == members.self())
        return missed(now, id, name_missing(now, accountant, Outcome::unreachable, proto::Reason::overloaded));
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
        if (owed_by(id, reporter.accountant) == nullptr) return;
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
    auto& duty = duties.at(id);
    for (auto& reporter : duty.to) {
        if (!reporter.spoken) speak(now, id, duty, reporter);
    }
}

void Engine::State::on_poll(LinkId id, const proto::Poll& poll) {
    const Link& link = links.at(id);
    proto::Status status{.request = poll.request, .attempt = poll.attempt, .progress = Progress::unknown};
    if (link.caller) {
        const auto account = accounts.find(poll.request);
        if (account != accounts.end() && account->second.caller == link.peer)
            status.progress = account->second.gather.closed() ? Progress::done : Progress::working;
        return send(id, status);
    }
    const auto found = duties.find(poll.request);
    const bool ours =
        found != duties.end() && std::any_of(found->second.to.begin(), found->second.to.end(),
                                             [&](const Reporter& one) { return one.accountant == link.peer; });
    if (!ours) {
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
    timers.cancel({.kind = Timer::Kind::ack, .request = id});
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
