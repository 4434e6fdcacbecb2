#include "client/entry_link.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "proto/codec.hpp"

namespace mco::client {

EntryLink::EntryLink(std::vector<Entry> entries, Links& links) : links_(links) {
    // One entry of each machine first: the spare should not share the entry's fate.
    std::vector<Entry> repeated;
    for (auto& entry : entries) {
        const bool known = std::any_of(candidates_.begin(), candidates_.end(),
                                       [&](const Candidate& candidate) { return candidate.entry.key == entry.key; });
        if (known) {
            repeated.push_back(std::move(entry));
        } else {
            candidates_.push_back({.entry = std::move(entry), .state = State::untried, .link = 0, .why = {}});
        }
    }
    for (auto& entry : repeated)
        candidates_.push_back({.entry = std::move(entry), .state = State::untried, .link = 0, .why = {}});
}

std::size_t EntryLink::count(State state) const {
    return static_cast<std::size_t>(std::count_if(
        candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) { return candidate.state == state; }));
}

EntryLink::Candidate* EntryLink::candidate(Links::LinkId link) {
    for (auto& candidate : candidates_) {
        if (candidate.state != State::untried && candidate.state != State::lost && candidate.link == link)
            return &candidate;
    }
    return nullptr;
}

void EntryLink::start() {
    if (started_) return;
    started_ = true;
    dial_another();
    dial_another();
}

void EntryLink::dial_another() {
    for (auto& candidate : candidates_) {
        if (candidate.state != State::untried) continue;
        candidate.link = links_.dial(candidate.entry);
        candidate.state = State::dialling;
        break;
    }
    next_dial_.reset();
    if (count(State::untried) > 0) next_dial_ = links_.now().mono + stagger;
}

void EntryLink::elect() {
    current_.reset();
    const auto first = [&](State state) {
        for (std::size_t i = 0; i < candidates_.size() && !current_; ++i) {
            if (candidates_[i].state == state) current_ = i;
        }
    };
    first(State::up);
    if (count(State::dialling) + count(State::untried) == 0) first(State::given_up);
}

EntryLink::Turn EntryLink::wait(proto::Instant until) {
    const bool seeking = !current_ && next_dial_;
    std::vector<Links::Event> events;
    links_.wait(seeking ? std::min(until, *next_dial_) : until, events);
    Turn turn;
    for (const auto& event : events) take(event, turn);
    if (!current_ && next_dial_ && links_.now().mono >= *next_dial_) dial_another();
    return turn;
}

void EntryLink::take(const Links::Event& event, Turn& turn) {
    if (event.kind == Links::Event::Kind::interrupted) {
        turn.interrupted = true;
        return;
    }
    Candidate* const from = candidate(event.link);
    if (from == nullptr) return;
    const bool is_entry = current_ && &candidates_[*current_] == from;
    switch (event.kind) {
        case Links::Event::Kind::up:
            from->state = State::up;
            if (!current_) {
                elect();
                turn.changed = true;
            }
            return;
        case Links::Event::Kind::lost:
            from->state = State::lost;
            from->why = event.why.detail;
            if (count(State::up) + count(State::dialling) < 2) dial_another();
            if (is_entry || !current_) {
                elect();
                turn.changed = turn.changed || is_entry || current_.has_value();
            }
            return;
        case Links::Event::Kind::frame: {
            auto message = proto::decode(event.frame);
            if (!message) return;  // an entry that talks nonsense is like a silent one
            turn.heard = turn.heard || is_entry;
            if (const auto* ping = std::get_if<proto::Ping>(&*message)) {
                links_.send(event.link, proto::encode(proto::Pong{.token = ping->token}));
                return;
            }
            turn.messages.push_back(std::move(*message));
            return;
        }
        case Links::Event::Kind::interrupted:
            return;
    }
}

bool EntryLink::exhausted() const { return !current_ && count(State::dialling) == 0 && count(State::untried) == 0; }

bool EntryLink::has_alternative() const {
    return count(State::up) > (current_ ? 1U : 0U) || count(State::dialling) > 0 || count(State::untried) > 0;
}

void EntryLink::give_up_entry() {
    if (!current_) return;
    Candidate& entry = candidates_[*current_];
    entry.why = "linked, but did not answer the request";
    entry.state = State::given_up;
    if (count(State::up) + count(State::dialling) < 2) dial_another();
    elect();
}

bool EntryLink::send(const proto::Message& message) {
    return current_ && links_.send(candidates_[*current_].link, proto::encode(message));
}

std::string EntryLink::name() const {
    if (!current_) return "no entry";
    const Candidate& entry = candidates_[*current_];
    return fmt::format("{} ({})", links_.peer_name(entry.link), entry.entry.endpoint);
}

std::string EntryLink::complaints() const {
    std::string text;
    for (const auto& candidate : candidates_) {
        const auto& endpoint = candidate.entry.endpoint;
        std::string why = candidate.why.empty() ? "no answer yet" : candidate.why;
        if (why.find(endpoint) == std::string::npos) why = endpoint + ": " + why;
        for (std::size_t at = why.find('\n'); at != std::string::npos; at = why.find('\n', at + 5))
            why.insert(at + 1, "    ");
        text += (text.empty() ? "  " : "\n  ") + why;
    }
    return text;
}

}  // namespace mco::client
