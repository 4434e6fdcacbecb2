#include "client/gather.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "security/envelope.hpp"

namespace mco::client {

using proto::Errc;
using proto::fail;

namespace {

std::uint32_t milliseconds_left(proto::Instant deadline, proto::Instant now) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
    return left > 0 ? static_cast<std::uint32_t>(left) : 0;
}

}  // namespace

Gather::Gather(EntryLink& entry, security::TrustStore& trust, const SealedCall& call, Watcher watcher)
    : entry_(entry), trust_(trust), call_(call), watcher_(std::move(watcher)) {
    result_.request = call.id;
}

proto::Result<Gathered> Gather::run() {
    if (auto attached = attach(); !attached) return tl::unexpected(attached.error());
    result_.sent = now_ = entry_.now();
    deadline_ = now_.mono + call_.timeout + beyond_entry;
    inject();
    while (!finished()) {
        const bool choosy = entry_.up() && entry_.has_alternative();
        const auto turn = entry_.wait(choosy ? std::min(deadline_, doubt_due_) : deadline_);
        now_ = entry_.now();
        if (turn.heard) {
            doubt_due_ = acknowledged_ ? now_.mono + quiet_patience : doubt_due_;
            pinged_ = false;
        }
        for (const auto& message : turn.messages) hear(message);
        if (turn.interrupted) interrupt();
        if (finished()) break;
        if (entry_.exhausted()) {
            stopped_ = true;
        } else if (turn.changed) {
            inject();
        } else if (now_.mono >= doubt_due_ && entry_.up() && entry_.has_alternative()) {
            doubt_entry();
        }
    }
    if (refused_) return tl::unexpected(*refused_);
    return conclude();
}

proto::Result<void> Gather::attach() {
    entry_.start();
    const auto patience_ends = entry_.now().mono + attach_patience;
    while (!entry_.up()) {
        if (entry_.exhausted() || entry_.now().mono >= patience_ends)
            return fail(Errc::unreachable,
                        fmt::format("no entry into the mesh is reachable:\n{}\n"
                                    "Is mcod running there? The entry lines of the configuration say where to look.",
                                    entry_.complaints()));
        if (entry_.wait(patience_ends).interrupted)
            return fail(Errc::cancelled, "interrupted before the request was sent");
    }
    return {};
}

void Gather::inject() {
    if (!entry_.up()) return;  // another entry will come up, or none; both are told by a turn
    ++attempt_;
    acknowledged_ = false;
    pinged_ = false;
    doubt_due_ = now_.mono + ack_patience;
    result_.attempts = attempt_;
    result_.entry = entry_.name();
    proto::Request request;
    request.scope = proto::Scope::inject;
    request.attempt = attempt_;
    request.left_ms = milliseconds_left(deadline_ - beyond_entry, now_.mono);
    request.sealed = call_.octets;
    entry_.send(request);  // a full queue shows as missing acknowledgement
}

void Gather::doubt_entry() {
    if (acknowledged_ && !pinged_) {
        pinged_ = true;
        doubt_due_ = now_.mono + quiet_patience;
        entry_.send(proto::Ping{});
        return;
    }
    entry_.give_up_entry();
    inject();
}

// The request is known to be in good hands; from here on the entry is only asked whether it lives.
void Gather::acknowledge() {
    if (!acknowledged_) doubt_due_ = now_.mono + quiet_patience;
    acknowledged_ = true;
}

bool Gather::finished() const {
    return closed_ || refused_ || stopped_ || now_.mono >= deadline_ || (!call_.wants_reply && acknowledged_);
}

void Gather::interrupt() {
    if (result_.interrupted) {
        stopped_ = true;
        return;
    }
    result_.interrupted = true;
    entry_.send(proto::Cancel{.request = call_.id});
    deadline_ = std::min(deadline_, now_.mono + cancel_patience);  // the entry closes the account in a round trip
}

void Gather::hear(const proto::Message& message) {
    if (const auto* ack = std::get_if<proto::Ack>(&message)) {
        if (ack->request != call_.id || ack->attempt != attempt_) return;
        acknowledge();
        result_.ledger.expected = std::max(result_.ledger.expected, ack->expected);
        watcher_.progress(result_.ledger);
    } else if (const auto* up = std::get_if<proto::Up>(&message)) {
        if (up->request == call_.id) hear_up(*up);
    } else if (const auto* refused = std::get_if<proto::Refused>(&message)) {
        if (refused->request != call_.id) return;
        if (refused->code == Errc::overloaded && entry_.has_alternative()) {
            doubt_due_ = now_.mono;  // what another entry says may be better
            acknowledged_ = false;
            return;
        }
        refused_ =
            proto::Error{refused->code, fmt::format("{} refused the request: {}", entry_.name(), refused->reason)};
    }
}

void Gather::hear_up(const proto::Up& up) {
    if (up.attempt > attempt_ || closed_) return;
    const bool newest = up.attempt == attempt_;
    if (newest) acknowledge();
    // Answers without octets are only counted, by the ledger.
    for (const auto& answer : up.answers) take_answer(answer);
    if (newest) {
        for (const auto& missing : up.missing) missing_.insert_or_assign(missing.node, missing);
    }
    const bool is_closed = up.ledger.closure == proto::Closure::closed;
    if (newest || (is_closed && up.ledger.missing() == 0)) {
        result_.ledger = up.ledger;
        if (is_closed) closed_ = up.ledger;
        watcher_.progress(result_.ledger);
    }
}

void Gather::take_answer(const proto::Answer& answer) {
    if (answer.sealed.empty()) return;  // nothing to say, or nothing we may know: the ledger counts it
    if (heard_.size() >= proto::limits::roster_max) return;
    const auto opened =
        security::open_reply(trust_, call_.reply_pair, call_.id, call_.digest, answer.sealed, now_.wall);
    if (!opened || opened->node.peer != answer.node) {
        ++unreadable_;
        return;
    }
    if (!heard_.insert(opened->node.serial).second) return;
    Reply reply;
    reply.peer = opened->node.peer;
    reply.node = opened->node.name;
    reply.status = opened->body.status;
    reply.message = opened->body.message;
    reply.data = opened->body.data;
    reply.took = now_.mono - result_.sent.mono;
    // The node's own status decides; of the entry's word only "denied" says more.
    reply.outcome = reply.status == proto::StatusCode::ok      ? proto::Outcome::ok
                    : answer.outcome == proto::Outcome::denied ? proto::Outcome::denied
                                                               : proto::Outcome::failed;
    result_.replies.push_back(std::move(reply));
    watcher_.reply(result_.replies.back());
}

// A node that the entry missed may have answered through the way before: then it is not missing.
void Gather::reconcile() {
    for (const auto& reply : result_.replies) {
        const auto found = missing_.find(reply.peer);
        if (found == missing_.end()) continue;
        auto& owed = result_.ledger.counts[static_cast<std::size_t>(found->second.outcome)];
        if (owed > 0) {
            --owed;
            result_.ledger.add(reply.outcome);
        }
        missing_.erase(found);
    }
}

Gathered Gather::conclude() {
    reconcile();
    result_.took = entry_.now().mono - result_.sent.mono;
    for (auto& [peer, missing] : missing_) result_.missing.push_back(std::move(missing));
    std::sort(result_.missing.begin(), result_.missing.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    if (!call_.wants_reply) {
        if (!acknowledged_) result_.trouble.push_back("no entry acknowledged the request; it may have run nowhere");
        return std::move(result_);
    }
    auto& ledger = result_.ledger;
    if (!closed_) {
        ledger.closure = proto::Closure::open;
        if (result_.interrupted) {
            result_.trouble.push_back("interrupted: what the other nodes did is not known");
        } else if (entry_.exhausted()) {
            result_.trouble.push_back(
                "the link to the mesh was lost; the request may have run on nodes that are not shown:\n" +
                entry_.complaints());
        } else {
            result_.trouble.push_back(fmt::format("{} did not close the account in time", entry_.name()));
        }
        return std::move(result_);
    }
    if (ledger.count(proto::Outcome::cancelled) > 0)
        result_.trouble.push_back("interrupted: the request was withdrawn");
    const auto opened = [&](proto::Outcome outcome) {
        return static_cast<std::uint32_t>(std::count_if(result_.replies.begin(), result_.replies.end(),
                                                        [&](const Reply& reply) { return reply.outcome == outcome; }));
    };
    // Denials may come without a reply, so their replies may be fewer.
    if (!ledger.balanced() || opened(proto::Outcome::ok) != ledger.count(proto::Outcome::ok) ||
        opened(proto::Outcome::failed) != ledger.count(proto::Outcome::failed) ||
        opened(proto::Outcome::denied) > ledger.count(proto::Outcome::denied) ||
        result_.missing.size() != ledger.missing()) {
        result_.trouble.push_back(fmt::format("{} counts {}, but {} replies could be verified{}", result_.entry,
                                              proto::to_text(ledger), result_.replies.size(),
                                              unreadable_ == 0 ? "" : fmt::format("; {} could not", unreadable_)));
    }
    return std::move(result_);
}

}  // namespace mco::client
