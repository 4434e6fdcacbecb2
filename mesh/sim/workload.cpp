#include "mesh/sim/workload.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"

namespace mco::mesh::sim {

Client::Client(Plan plan) : plan_(std::move(plan)) {
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

void Client::ask(proto::Now now, std::size_t entry) {
    entry_ = entry;
    ++attempt_;
    heard_ = false;
    sequence_ = 0;
    expected_ = 0;
    nodes_.clear();
    closed_.reset();
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

// Another entry than the last, if there is one with a link; the last again if it is the only one.
void Client::ask_next(proto::Now now) {
    if (closed_ || cancelled_ || refused_ || linked_.empty()) return;
    if (asked_at_ && now.mono >= *asked_at_ + plan_.timeout) return;
    auto next = entry_ ? linked_.upper_bound(*entry_) : linked_.begin();
    if (next == linked_.end()) next = linked_.begin();
    ask(now, *next);
}

void Client::link_up(proto::Now now, std::size_t entry) {
    linked_.insert(entry);
    if (!entry_ && entry == 0) return ask(now, 0);
    if (entry_ && !linked_.contains(*entry_)) ask_next(now);
}

void Client::link_down(proto::Now now, std::size_t entry) {
    linked_.erase(entry);
    if (entry_ == entry || (!entry_ && entry == 0)) ask_next(now);
}

void Client::elapse(proto::Now now) {
    if (!patience_ends_ || *patience_ends_ > now.mono) return;
    patience_ends_.reset();
    if (!heard_ && linked_.size() > 1) ask_next(now);
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

void Client::frame(proto::Now now, std::size_t entry, proto::BytesView octets) {
    const auto message = proto::decode(octets);
    if (!message) return complain("a frame that cannot be read");
    if (const auto* ack = std::get_if<proto::Ack>(&*message)) {
        if (entry != entry_ || ack->attempt != attempt_) return;
        heard_ = true;
        expected_ = ack->expected;
    } else if (const auto* up = std::get_if<proto::Up>(&*message)) {
        if (entry == entry_ && up->attempt == attempt_) on_up(now, *up);
    } else if (const auto* refused = std::get_if<proto::Refused>(&*message)) {
        if (entry == entry_) refused_ = refused->code;
    }
}

void Client::on_up(proto::Now now, const proto::Up& up) {
    if (up.request != plan_.request) return complain("an answer to another request");
    if (closed_) return complain("a closed account changed");
    if (up.sequence != ++sequence_) complain(fmt::format("sequence {} came, {} was due", up.sequence, sequence_));
    if (up.ledger.expected != expected_) complain("the number of expected nodes changed");
    if (!up.ledger.balanced()) complain("the ledger does not balance: " + proto::to_text(up.ledger));
    if (!heard_) complain("an answer came before the acknowledgement");
    const auto write_down = [&](const proto::PeerId& node, Seen seen) {
        if (!nodes_.emplace(node, seen).second) complain("a node is accounted twice: " + node.hex());
    };
    for (const auto& answer : up.answers) write_down(answer.node, {answer.outcome, std::nullopt});
    for (const auto& missing : up.missing) write_down(missing.node, {missing.outcome, missing.reason});
    proto::Ledger counted;
    for (const auto& [node, seen] : nodes_) counted.add(seen.outcome);
    const bool told_all = counted.counts == up.ledger.counts;
    switch (up.ledger.closure) {
        case proto::Closure::open:
            break;
        case proto::Closure::closed:
            if (!told_all) complain("closed, but not every node was named: " + proto::to_text(up.ledger));
            closed_ = up.ledger;
            closed_at_ = now.mono;
            break;
    }
}

}  // namespace mco::mesh::sim
