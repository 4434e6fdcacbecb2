#include "mesh/sim/workload.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::sim {

namespace {

constexpr std::size_t redirects_max = 8;   // then it is sent in circles
constexpr std::size_t complaints_max = 10;  // one mistake may repeat itself with every node

}  // namespace

Client::Client(Plan plan) : plan_(std::move(plan)), entries_(plan_.entries) {
    proto::Route route;
    route.collective = plan_.collective;
    route.request = plan_.request;
    route.created = plan_.created;
    route.ttl_ms = static_cast<std::uint32_t>(plan_.ttl.count());
    route.timeout_ms = static_cast<std::uint32_t>(plan_.timeout.count());
    proto::SealedRequest sealed;
    sealed.route = proto::pack(route);
    sealed.body = proto::pack(proto::RequestBody{.agent = "discovery", .action = "ping"});
    sealed_ = proto::pack(sealed);
}

void Client::complain(std::string what) {
    if (complaints_.size() < complaints_max) complaints_.push_back(std::move(what));
}

void Client::ask(proto::Now now, std::size_t entry) {
    entry_ = entry;
    ++attempt_;
    heard_ = false;
    sequence_ = 0;
    taken_ = 0;
    nodes_.clear();
    groups_.clear();
    counted_ = {};
    closed_.reset();
    answered_at_.reset();
    closed_at_.reset();
    if (!asked_at_) asked_at_ = now.mono;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*asked_at_ + plan_.timeout - now.mono);
    proto::Request request;
    request.attempt = attempt_;
    request.left_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(left.count(), 1));
    request.sealed = sealed_;
    out_.push_back({entry, proto::encode(request)});
    patience_ends_ = now.mono + plan_.patience;
}

// Another entry than the last, if there is one with a link; the last again if it is the only one. Who sent us on is asked
// only when there is nobody else.
void Client::ask_next(proto::Now now) {
    if (closed_ || cancelled_ || refused_ || linked_.empty()) return;
    if (asked_at_ && now.mono >= *asked_at_ + plan_.timeout) return;
    std::vector<std::size_t> usable;
    std::set_difference(linked_.begin(), linked_.end(), useless_.begin(), useless_.end(), std::back_inserter(usable));
    if (usable.empty()) usable.assign(linked_.begin(), linked_.end());
    const auto next = entry_ ? std::upper_bound(usable.begin(), usable.end(), *entry_) : usable.begin();
    ask(now, next == usable.end() ? usable.front() : *next);
}

void Client::link_up(proto::Now now, std::size_t entry) {
    linked_.insert(entry);
    if (!entry_ && entry == 0) return ask(now, 0);
    if (!entry_) return;
    // The one asked is gone, or sent us here.
    if (!linked_.contains(*entry_)) return ask_next(now);
    if (useless_.contains(*entry_) && !closed_ && !cancelled_ && !refused_) ask(now, entry);
}

void Client::link_down(proto::Now now, std::size_t entry) {
    linked_.erase(entry);
    if (entry_ == entry || (!entry_ && entry == 0)) ask_next(now);
}

void Client::elapse(proto::Now now) {
    if (!patience_ends_ || *patience_ends_ > now.mono) return;
    patience_ends_.reset();
    if (!heard_ && (linked_.size() > 1 || (entry_ && useless_.contains(*entry_)))) ask_next(now);
}

void Client::cancel(proto::Now) {
    cancelled_ = true;
    if (entry_ && linked_.contains(*entry_)) out_.push_back({*entry_, proto::encode(proto::Cancel{plan_.request})});
}

void Client::repeat(proto::Now now, std::size_t entry) {
    if (linked_.contains(entry)) ask(now, entry);
}

std::optional<proto::Instant> Client::next_deadline() const { return patience_ends_; }
std::vector<Client::Out> Client::take() { return std::exchange(out_, {}); }
std::vector<proto::Bytes> Client::take_dials() { return std::exchange(dials_, {}); }

void Client::frame(proto::Now now, std::size_t entry, proto::BytesView octets) {
    auto message = proto::decode(octets);
    if (!message) return complain("a frame that cannot be read");
    if (const auto* ack = std::get_if<proto::Ack>(&*message)) {
        if (entry == entry_ && ack->attempt == attempt_) heard_ = true;
    } else if (const auto* up = std::get_if<proto::Up>(&*message)) {
        if (entry != entry_ || up->attempt != attempt_) return;
        on_up(now, *up);
        for (const auto& answer : up->answers) taken_ += answer.sealed.size();
        if (taken_ < plan_.credit_step || plan_.slow) return;
        out_.push_back({entry, proto::encode(proto::Credit{plan_.request, static_cast<std::uint32_t>(std::exchange(taken_, 0))})});
    } else if (const auto* refused = std::get_if<proto::Refused>(&*message)) {
        if (entry == entry_) refused_ = refused->code;
    } else if (auto* redirect = std::get_if<proto::Redirect>(&*message)) {
        if (entry == entry_) on_redirect(now, entry, std::move(*redirect));
    }
}

// The relays that a leaf names are asked instead of it, the first one that can be reached.
void Client::on_redirect(proto::Now now, std::size_t entry, proto::Redirect redirect) {
    if (redirect.request != plan_.request) return complain("sent on for another request");
    if (redirect.records.empty()) return complain("sent on, but not told where to");
    useless_.insert(entry);
    if (closed_ || cancelled_) return;
    if (++redirects_ > redirects_max) return;  // its timeout ends it
    patience_ends_ = now.mono + plan_.patience;  // for one of them to be reached
    entries_ += redirect.records.size();
    for (auto& record : redirect.records) dials_.push_back(std::move(record));
}

void Client::write_down(const proto::PeerId& node, Seen seen) {
    if (!nodes_.emplace(node, seen).second) return complain("a node is accounted twice: " + node.hex());
    counted_.add(seen.outcome);
}

void Client::write_down(const proto::Missing& missing) {
    if (!missing.node.is_zero()) {
        if (missing.nodes != 1) complain(fmt::format("one node counts for {}", missing.nodes));
        return write_down(missing.node, {missing.outcome, missing.reason});
    }
    if (!groups_.emplace(missing.name, missing).second)
        return complain("a group is accounted twice: " + missing.name);
    counted_.counts.at(static_cast<std::size_t>(missing.outcome)) += missing.nodes;
}

void Client::on_up(proto::Now now, const proto::Up& up) {
    if (up.request != plan_.request) return complain("an answer to another request");
    if (closed_) return complain("a closed account changed");
    if (up.sequence != ++sequence_) complain(fmt::format("sequence {} came, {} was due", up.sequence, sequence_));
    if (!up.ledger.balanced()) complain("the ledger does not balance: " + proto::to_text(up.ledger));
    if (!heard_) complain("an answer came before the acknowledgement");
    for (const auto& answer : up.answers) write_down(answer.node, {answer.outcome, std::nullopt});
    for (const auto& bare : up.bare) {
        for (const auto& node : bare.nodes) write_down(node, {bare.outcome, std::nullopt});
    }
    if (!up.answers.empty() || !up.bare.empty()) answered_at_ = now.mono;
    for (const auto& missing : up.missing) write_down(missing);
    switch (up.ledger.closure) {
        case proto::Closure::open:
            break;
        case proto::Closure::closed:
            if (counted_.counts != up.ledger.counts) {
                counted_.expected = counted_.accounted();
                complain(fmt::format("closed with {}, but told of {}", proto::to_text(up.ledger), proto::to_text(counted_)));
            }
            closed_ = up.ledger;
            closed_at_ = now.mono;
            break;
    }
}

}  // namespace mco::mesh::sim
