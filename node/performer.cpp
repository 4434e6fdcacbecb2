#include "node/performer.hpp"

#include <utility>

#include <fmt/format.h>

#include "node/reply.hpp"

namespace mco::node {
namespace {

constexpr std::size_t callers_kept = 64;  // sessions of callers whose pair key is not computed anew for each reply

using AuditKind = security::AuditEvent::Kind;

std::string_view word(proto::StatusCode status) {
    switch (status) {
        case proto::StatusCode::ok:
            return "ok";
        case proto::StatusCode::aborted:
            return "aborted";
        case proto::StatusCode::unknown_action:
            return "unknown_action";
        case proto::StatusCode::missing_data:
            return "missing_data";
        case proto::StatusCode::invalid_data:
            return "invalid_data";
        case proto::StatusCode::other:
            return "other";
    }
    return "other";
}

std::string_view word(Executor::End end, proto::StatusCode status) {
    switch (end) {
        case Executor::End::done:
            return word(status);
        case Executor::End::timed_out:
            return "timed_out";
        case Executor::End::too_late:
            return "too_late";
        case Executor::End::withdrawn:
            return "withdrawn";
        case Executor::End::judged:
            return "judged";
        case Executor::End::denied:
            return "policy_denied";
        case Executor::End::not_meant:
            return "not_matched";
    }
    return "other";
}

proto::Outcome outcome(Executor::End end, proto::StatusCode status) {
    switch (end) {
        case Executor::End::done:
            return status == proto::StatusCode::ok ? proto::Outcome::ok : proto::Outcome::failed;
        case Executor::End::timed_out:
        case Executor::End::too_late:
            return proto::Outcome::failed;
        case Executor::End::withdrawn:
            return proto::Outcome::cancelled;
        case Executor::End::judged:
            return proto::Outcome::ok;
        case Executor::End::denied:
            return proto::Outcome::denied;
        case Executor::End::not_meant:
            return proto::Outcome::not_matched;
    }
    return proto::Outcome::failed;
}

std::string_view word(NotMatched::Why why) {
    switch (why) {
        case NotMatched::Why::collective:
            return "it is for a collective this node is not in";
        case NotMatched::Why::agent:
            return "this node does not have its agent";
        case NotMatched::Why::filter:
            return "its filter does not mean this node";
    }
    return "";
}

std::string brief(const Subject& subject) {
    return fmt::format("request {} {}/{} of cert={}", subject.request.hex().substr(0, 12), subject.agent,
                       subject.action, subject.caller_name);
}

}  // namespace

Performer::Performer(Parts parts, Executor::Limits limits)
    : parts_(parts),
      admission_(parts.trust, replay_, counters_),
      executor_(limits),
      reply_keys_(parts.self.keys.seal.secret, callers_kept) {}

Performer::Performer(Parts parts, WorkerPool& shared)
    : parts_(parts),
      admission_(parts.trust, replay_, counters_),
      executor_(shared),
      reply_keys_(parts.self.keys.seal.secret, callers_kept) {}

void Performer::perform(proto::Now now, const proto::RequestId& request, proto::BytesView sealed) {
    auto ground = parts_.site.ground(now);
    ground.keys = &parts_.keys;
    tell_news();
    auto decision = admission_.decide(now, request, sealed, ground);
    if (auto* admitted = std::get_if<AdmittedCall>(&decision)) {
        admit(now, std::move(*admitted));
    } else if (const auto* refusal = std::get_if<Refusal>(&decision)) {
        refuse(now, *refusal);
    } else if (const auto* not_matched = std::get_if<NotMatched>(&decision)) {
        if (parts_.log.wants(LogLevel::debug, LogArea::request))
            parts_.log.debug(fmt::format("request {}: {}", request.hex().substr(0, 12), word(not_matched->why)), LogArea::request);
        answers_.push_back({request, proto::Outcome::not_matched, {}});
    }
}

void Performer::admit(proto::Now now, AdmittedCall admitted) {
    if (admitted.agent().sees_mesh() && parts_.look_at_mesh)
        admitted.show(std::make_shared<const MeshView>(parts_.look_at_mesh(now, admitted.subject().request)));
    const auto call = std::make_shared<const AdmittedCall>(std::move(admitted));
    if (stopping_) return refuse(now, Admission::refuse(*call, RefusalCode::stopping, "the daemon was told to stop"));
    const bool recorded =
        record(now, call->subject(),
               {.kind = AuditKind::decision,
                .code = call->open_policy() == nullptr ? "allowed" : "deferred",  // until data was asked
                .detail = call->decided_by()});
    const auto effect = call->agent().effect(call->call().action);
    if (!recorded && effect == Agent::Effect::changes)
        return refuse(now, Admission::refuse(*call, RefusalCode::audit_failed, "the audit trail cannot be written"));
    if (parts_.log.wants(LogLevel::debug, LogArea::request))
        parts_.log.debug(fmt::format("{}: allowed by {}", brief(call->subject()), call->decided_by()), LogArea::request);
    if (!enter(now, *call, effect))
        return refuse(now, Admission::refuse(*call, RefusalCode::journal_failed, "the journal cannot be written"));
    if (auto finished = Executor::run(call, now)) return finish(now, std::move(*finished));
    switch (executor_.start(call)) {
        case WorkerPool::Posted::accepted:
            return;
        case WorkerPool::Posted::full:
            ++counters_.overloaded;
            return refuse(
                now, Admission::refuse(*call, RefusalCode::overloaded, "all workers are busy and the queue is full"));
        case WorkerPool::Posted::stopped:
            return refuse(now, Admission::refuse(*call, RefusalCode::stopping, "the workers were told to stop"));
    }
}

void Performer::refuse(proto::Now now, const Refusal& refusal) {
    record(now, refusal.subject,
           {.kind = AuditKind::decision, .code = std::string(name(refusal.code)), .detail = refusal.detail});
    if (parts_.log.wants(LogLevel::debug, LogArea::request))
        parts_.log.debug(
            fmt::format("{}: refused ({}): {}", brief(refusal.subject), name(refusal.code), refusal.detail), LogArea::request);
    if (!refusal.reply_to) {
        answers_.push_back({refusal.subject.request, outcome(refusal.code), {}});
        return;
    }
    answer(*refusal.reply_to, outcome(refusal.code),
           {.status = status(refusal.code), .message = refusal.sentence, .data = {}});
}

void Performer::answer(const ReplyTo& to, proto::Outcome outcome, ActionReply reply) {
    Answer made{to.request, outcome, {}};
    if (to.wanted) {
        auto sealed = seal_answer(parts_.self, reply_keys_, to, std::move(reply));
        if (sealed) {
            made.sealed = std::move(*sealed);
            ++counters_.replies;
        } else {
            parts_.log.debug(fmt::format("request {}: no reply can be sealed: {}", to.request.hex().substr(0, 12),
                                         sealed.error().detail), LogArea::request);
        }
    }
    answers_.push_back(std::move(made));
}

void Performer::finish(proto::Now now, Executor::Finished finished) {
    const auto& call = *finished.call;
    if (journal_) journal_->ended(call.subject().request, call.subject().caller);
    if (finished.end == Executor::End::denied) {
        ++counters_.denied;
        return refuse(now, Admission::refuse(call, RefusalCode::policy_denied, std::move(finished.reply.message)));
    }
    const auto code = word(finished.end, finished.reply.status);
    if (finished.end == Executor::End::timed_out) ++counters_.timed_out;
    if (call.condition() != nullptr) ++(finished.end == Executor::End::not_meant ? counters_.filtered : counters_.passed);
    record(now, call.subject(),
           {.kind = AuditKind::outcome,
            .code = std::string(code),
            .detail = finished.reply.message,
            .duration_us = finished.took.count()});
    if (parts_.log.wants(LogLevel::debug, LogArea::request))
        parts_.log.debug(fmt::format("{}: {} after {} us", brief(call.subject()), code, finished.took.count()), LogArea::request);
    if (finished.end == Executor::End::not_meant && !finished.reply.message.empty()) {
        ++counters_.data_failures;
        parts_.log.warn(fmt::format("{}: its filter does not mean this node, as a data source failed: {}", brief(call.subject()), finished.reply.message), LogArea::request);
    }
    if (finished.end == Executor::End::not_meant) {  // not a word to the caller, as to whoever else is not matched
        answers_.push_back({call.subject().request, proto::Outcome::not_matched, {}});
        return;
    }
    answer(call.reply_to(), outcome(finished.end, finished.reply.status), std::move(finished.reply));
}

void Performer::collect(proto::Now now) {
    for (auto& finished : executor_.collect(now)) finish(now, std::move(finished));
}

void Performer::elapse(proto::Now now) {
    for (auto& finished : executor_.elapse(now)) finish(now, std::move(finished));
    if (!audit_) return;
    if (const auto settled = audit_->settle(now); !settled) parts_.log.error(settled.error().detail);
}

std::optional<proto::Instant> Performer::next_deadline() const {
    auto earliest = executor_.next_deadline();
    const auto checkpoint = audit_ ? audit_->next_deadline() : std::nullopt;
    if (checkpoint && (!earliest || *checkpoint < *earliest)) earliest = checkpoint;
    return earliest;
}

void Performer::withdraw(proto::Now now, const proto::RequestId& request) {
    if (auto finished = executor_.withdraw(now, request)) finish(now, std::move(*finished));
}

std::vector<Performer::Answer> Performer::take_answers() { return std::exchange(answers_, {}); }

void Performer::set_journal(Journal journal, proto::Now now) {
    using Fate = security::ReplayWindow::Fate;
    const auto past = journal.open(now.wall);
    if (!past.problem.empty())
        parts_.log.error(fmt::format("{}\nActions that change the machine are refused until it can be written.", past.problem));
    for (const auto& entry : past.ended) replay_.restore(entry.caller, entry.request, entry.until, Fate::ended);
    for (const auto& entry : past.interrupted) {
        replay_.restore(entry.caller, entry.request, entry.until, Fate::interrupted);
        Subject subject{.request = entry.request,
                        .caller = entry.caller,
                        .caller_name = entry.caller_name,
                        .agent = entry.agent,
                        .action = entry.action,
                        .collective = entry.collective};
        parts_.log.warn(fmt::format("{} ran when this node died; what became of it is unknown", brief(subject)), LogArea::request);
        record(now, subject, {.kind = AuditKind::outcome, .code = "unknown", .detail = "the node restarted"});
    }
    journal_.emplace(std::move(journal));
}

bool Performer::enter(proto::Now now, const AdmittedCall& call, Agent::Effect effect) {
    if (!journal_ || call.only_judged()) return true;
    const auto& subject = call.subject();
    const bool changes = effect == Agent::Effect::changes;
    const auto written = journal_->started({.request = subject.request,
                                            .caller = subject.caller,
                                            .until = call.until(),
                                            .collective = subject.collective,
                                            .caller_name = subject.caller_name,
                                            .agent = subject.agent,
                                            .action = subject.action},
                                           changes ? Journal::Written::on_disk : Journal::Written::soon, now.wall);
    if (written.has_value() == journal_broken_) {  // one line when it breaks, one when it is mended
        journal_broken_ = !written;
        if (written) {
            parts_.log.warn("the journal can be written again");
        } else {
            parts_.log.error(fmt::format("{}; actions that change the machine are refused until then", written.error().detail));
        }
    }
    if (!written) ++counters_.journal_failures;
    return written || !changes;
}

bool Performer::record(proto::Now now, const Subject& subject, security::AuditEvent event) {
    if (!audit_) return true;  // the operator chose to have none
    event.request = subject.whole.is_zero() ? subject.request : subject.whole;
    if (subject.purpose == proto::Purpose::judge) event.detail.insert(0, "only asked: ");
    event.caller = subject.caller;
    event.caller_name = subject.caller_name;
    event.agent = subject.agent;
    event.action = subject.action;
    event.collective = subject.collective;
    event.arguments = subject.arguments;
    if (event.kind == AuditKind::decision) event.inputs = subject.inputs;
    const auto written = audit_->append(event, now);
    if (!written) ++counters_.audit_failures;
    if (written.has_value() == audit_broken_) {  // one line when it breaks, one when it is mended
        audit_broken_ = !written;
        if (written) {
            parts_.log.warn("the audit trail can be written again");
        } else {
            parts_.log.error(fmt::format("{}; actions that change the machine are refused until it can be written",
                                         written.error().detail));
        }
    }
    return written.has_value();
}

void Performer::tell_news() {
    const auto news = parts_.site.take_news();
    for (const auto& line : news.worse) parts_.log.warn(line);
    for (const auto& line : news.better) parts_.log.info(line);
}

}  // namespace mco::node
