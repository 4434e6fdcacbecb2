#include "client/gather.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/words.hpp"
#include "security/envelope.hpp"

namespace mco::client {

using proto::Errc;
using proto::fail;

namespace {

std::uint32_t milliseconds_left(proto::Instant deadline, proto::Instant now) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
    return left > 0 ? static_cast<std::uint32_t>(left) : 0;
}

// A named relay's endpoint is foreign text: never a socket of this machine, nothing that shows as something else.
bool is_remote(std::string_view endpoint) {
    return endpoint.starts_with("tcp://") && std::all_of(endpoint.begin(), endpoint.end(), [](char character) {
               return character > ' ' && character < '\x7f';
           });
}

}  // namespace

Gather::Gather(EntryLink& entry, ReplyOpener& opener, const SealedCall& call, Watcher watcher)
    : entry_(entry), opener_(opener), call_(call), watcher_(std::move(watcher)) {
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
        for (const auto& heard : turn.messages) hear(heard);
        if (turn.interrupted) interrupt();
        if (finished()) break;
        if (entry_.exhausted()) {
            stopped_ = true;
        } else if (turn.changed || ask_again_) {
            inject();
        } else if (now_.mono >= doubt_due_ && entry_.up() && entry_.has_alternative()) {
            doubt_entry();
        }
    }
    if (const auto failed = failure()) return tl::unexpected(*failed);
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
    ask_again_ = false;
    // What the operator withdrew is not asked again, and who comes up now knows nothing that could be waited for.
    if (result_.interrupted) stopped_ = true;
    if (!entry_.up() || stopped_) return;  // another entry will come up, or none; both are told by a turn
    asked_.insert(entry_.link());
    ++attempt_;
    acknowledged_ = false;
    pinged_ = false;
    doubt_due_ = now_.mono + ack_patience;
    result_.attempts = attempt_;
    result_.entry = entry_.name();
    result_.entry_node = entry_.peer();
    result_.entry_round_trip.reset();
    injected_ = now_.mono;
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
    entry_.give_up_entry("linked, but did not answer the request");
    inject();
}

// The request is known to be in good hands; from here on the entry is only asked whether it lives.
void Gather::acknowledge() {
    if (!acknowledged_) doubt_due_ = now_.mono + quiet_patience;
    acknowledged_ = true;
}

bool Gather::finished() const {
    return closed_ || refused_ || stopped_ || misled_ || now_.mono >= deadline_ ||
           (!call_.wants_reply && acknowledged_);
}

void Gather::interrupt() {
    if (result_.interrupted) {
        stopped_ = true;
        return;
    }
    result_.interrupted = true;
    stopped_ = !entry_.up() || asked_.empty();
    entry_.send(proto::Cancel{.request = call_.id});
    deadline_ = std::min(deadline_, now_.mono + cancel_patience);  // the entry closes the account in a round trip
}

void Gather::hear(const EntryLink::Heard& heard) {
    if (const auto* revocations = std::get_if<proto::Revocations>(&heard.message)) {
        for (const auto& list : revocations->lists) (void)opener_.trust().adopt(list);  // for this command: whoever is revoked is not believed
        return;
    }
    if (const auto* ack = std::get_if<proto::Ack>(&heard.message)) {
        if (ack->request != call_.id || ack->attempt != attempt_) return;
        if (!acknowledged_) result_.entry_round_trip = now_.mono - injected_;
        acknowledge();
        result_.ledger.expected = std::max(result_.ledger.expected, ack->expected);
        watcher_.progress(result_.ledger);
    } else if (const auto* up = std::get_if<proto::Up>(&heard.message)) {
        if (up->request != call_.id) return;
        hear_up(*up);
        give_credit(heard.from, *up);
    } else if (const auto* refused = std::get_if<proto::Refused>(&heard.message)) {
        if (refused->request == call_.id) hear_refused(heard.from, *refused);
    } else if (const auto* redirect = std::get_if<proto::Redirect>(&heard.message)) {
        if (redirect->request == call_.id) hear_redirect(heard.from, *redirect);
    }
}

void Gather::hear_refused(Links::LinkId from, const proto::Refused& refused) {
    if (entry_.up() && from != entry_.link()) return;  // a former entry: another one is asked already
    const bool elsewhere = refused.code == Errc::overloaded || refused.code == Errc::unreachable;
    if (elsewhere && entry_.link() == from && entry_.has_alternative()) {
        asked_.erase(from);
        entry_.give_up_entry("refused the request: " + refused.reason);
        ask_again_ = true;
        return;
    }
    refused_ = proto::Error{refused.code, fmt::format("{} refused the request: {}", entry_.name(from), refused.reason)};
}

// Where the named relays are; `who` becomes their names, or what is wrong with all of them.
std::vector<Entry> Gather::read_relays(const proto::Redirect& redirect, std::string& who) const {
    std::vector<Entry> relays;
    std::vector<std::string> names;
    std::string trouble = "nobody";
    for (const auto& record : redirect.records) {
        const auto body = security::open_record(opener_.trust(), record, now_.wall);
        if (!body) {
            trouble = "nobody who can be trusted: " + body.error().detail;
        } else if (!is_remote(body->link_endpoint)) {
            trouble = fmt::format("only {}, which cannot be dialled", body->name);
        } else if (relays.size() < proto::limits::redirect_records_max) {
            relays.push_back({body->link_endpoint, body->curve_key});
            names.push_back(fmt::format("{} ({})", body->name, body->link_endpoint));
        }
    }
    who = relays.empty() ? trouble : enumerate(names);
    return relays;
}

void Gather::hear_redirect(Links::LinkId from, const proto::Redirect& redirect) {
    if (asked_.erase(from) == 0) return;  // who was not asked has nobody to name
    const bool from_entry = from == entry_.link() || !entry_.up();
    if (redirects_.size() >= redirects_max) {
        misled_ = misled_ || from_entry;
        return;
    }
    std::string who;
    const auto relays = read_relays(redirect, who);
    redirects_.push_back(fmt::format("{} takes no requests and names {}", entry_.name(from), who));
    entry_.redirect(from, relays, "takes no requests and names " + who);
    if (!from_entry) return;
    ask_again_ = true;
    // Nobody but itself is left, and asking again would bring the same.
    if (relays.empty() && entry_.link() == from) stopped_ = true;
}

void Gather::hear_up(const proto::Up& up) {
    if (up.attempt > attempt_ || closed_) return;
    const bool newest = up.attempt == attempt_;
    if (newest) acknowledge();
    // Answers without octets are only counted, by the ledger.
    auto opened = opener_.open({call_.id, call_.digest}, up.answers, now_.wall);
    for (std::size_t i = 0; i < opened.size(); ++i) take_answer(up.answers[i], std::move(opened[i]));
    if (newest) {
        for (const auto& missing : up.missing) {
            if (missing_.size() >= nodes_max) {
                ++beyond_;
                continue;
            }
            missing_.insert_or_assign({missing.node, is_group(missing) ? missing.name : std::string()}, missing);
        }
    }
    const bool is_closed = up.ledger.closure == proto::Closure::closed;
    if (newest || (is_closed && up.ledger.missing() == 0)) {
        result_.ledger = up.ledger;
        if (is_closed) closed_ = up.ledger;
        watcher_.progress(result_.ledger);
    }
}

// The entry has only so much under way that we have not taken.
void Gather::give_credit(Links::LinkId from, const proto::Up& up) {
    if (from != entry_.link()) return;  // a former one is of no use to us any more
    for (const auto& answer : up.answers) taken_ += answer.sealed.size();
    if (taken_ < proto::limits::credit_step) return;
    entry_.send(proto::Credit{.request = call_.id, .octets = static_cast<std::uint32_t>(taken_)});
    taken_ = 0;
}

void Gather::take_answer(const proto::Answer& answer, std::optional<security::OpenedReply> opened) {
    if (answer.sealed.empty()) return;  // nothing to say, or nothing we may know: the ledger counts it
    if (heard_.size() >= nodes_max) {
        ++beyond_;
        return;
    }
    if (!opened) {
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
    if (missing_.empty()) return;
    for (const auto& reply : result_.replies) {
        const auto found = missing_.find({reply.peer, {}});
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
    for (auto& [who, missing] : missing_) result_.missing.push_back(std::move(missing));
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
        } else if (misled_) {
            result_.trouble.push_back(
                fmt::format("redirected {} times; the last: {}", redirects_max, redirects_.back()));
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
    check_account();
    return std::move(result_);
}

// Whether the entry's account is what came of it. Replies may be fewer than denials: a stranger is not answered.
void Gather::check_account() {
    const auto& ledger = result_.ledger;
    std::array<std::uint32_t, proto::outcome_count> opened{};
    for (const auto& reply : result_.replies) ++opened[static_cast<std::size_t>(reply.outcome)];
    const auto of = [&](proto::Outcome outcome) { return opened[static_cast<std::size_t>(outcome)]; };
    std::uint64_t missing = 0;
    for (const auto& one : result_.missing) missing += node_count(one);
    const bool agrees = ledger.balanced() && of(proto::Outcome::ok) == ledger.count(proto::Outcome::ok) &&
                        of(proto::Outcome::failed) == ledger.count(proto::Outcome::failed) &&
                        of(proto::Outcome::denied) <= ledger.count(proto::Outcome::denied) &&
                        missing == ledger.missing();
    if (agrees && beyond_ == 0) return;
    std::string text = fmt::format("{} counts {}, but {} replies could be verified", result_.entry,
                                   proto::to_text(ledger), result_.replies.size());
    if (unreadable_ > 0) text += fmt::format("; {} could not", unreadable_);
    if (missing != ledger.missing()) text += fmt::format("; {} are named as missing", missing);
    if (beyond_ > 0) text += fmt::format("; {} were left out, as {} nodes are the most", beyond_, nodes_max);
    result_.trouble.push_back(std::move(text));
}

// Why there is no result: somebody said no, or nobody took the request.
std::optional<proto::Error> Gather::failure() const {
    if (refused_) return refused_;
    if (closed_ || !asked_.empty() || !heard_.empty()) return std::nullopt;
    if (result_.interrupted) return proto::Error{Errc::cancelled, "interrupted before a relay took the request"};
    std::string text = misled_ ? fmt::format("no relay took the request, which was redirected {} times:", redirects_max)
                               : "no relay took the request:";
    for (const auto& line : redirects_) text += "\n  " + line;
    return proto::Error{Errc::unreachable, text + "\nThe ways into the mesh:\n" + entry_.complaints()};
}

}  // namespace mco::client
