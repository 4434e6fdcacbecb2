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
            candidates_.push_back({.entry = std::move(entry)});
        }
    }
    for (auto& entry : repeated) candidates_.push_back({.entry = std::move(entry)});
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

void EntryLink::dial(Candidate& candidate) {
    candidate.link = links_.dial(candidate.entry);
    candidate.state = State::dialling;
    candidate.why.clear();
}

void EntryLink::dial_another() {
    const auto untried = std::find_if(candidates_.begin(), candidates_.end(),
                                      [](const Candidate& candidate) { return candidate.state == State::untried; });
    if (untried != candidates_.end()) dial(*untried);
    next_dial_.reset();
    if (count(State::untried) > 0) next_dial_ = links_.now().mono + stagger;
}

bool EntryLink::relays_awaited() const {
    return relays_until_ && links_.now().mono < *relays_until_ &&
           std::any_of(candidates_.begin(), candidates_.end(), [](const Candidate& candidate) {
               return candidate.state == State::dialling && !candidate.named_by.empty();
           });
}

void EntryLink::elect() {
    current_.reset();
    enum class Of { named, all };
    const auto first = [&](State state, Of of) {
        for (std::size_t i = 0; i < candidates_.size() && !current_; ++i) {
            if (candidates_[i].state == state && (of == Of::all || !candidates_[i].named_by.empty())) current_ = i;
        }
    };
    first(State::up, Of::named);
    if (relays_awaited()) return;
    first(State::up, Of::all);
    if (count(State::dialling) + count(State::untried) > 0) return;
    first(State::redirected, Of::all);
    first(State::given_up, Of::named);
    first(State::given_up, Of::all);
}

// The candidate that a named relay is, new or known by its key; nullptr: there are too many.
EntryLink::Candidate* EntryLink::relay(const Entry& entry, const std::string& named_by) {
    const auto find = [&](auto fits) {
        const auto found = std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
            return candidate.entry.key == entry.key && fits(candidate.state);
        });
        return found == candidates_.end() ? nullptr : &*found;
    };
    const auto untied = [](State state) { return state == State::untried || state == State::lost; };
    auto* known = find([&](State state) { return !untied(state); });
    if (known == nullptr) known = find(untied);
    if (known == nullptr) {
        const auto named = std::count_if(candidates_.begin(), candidates_.end(),
                                         [](const Candidate& candidate) { return !candidate.named_by.empty(); });
        if (static_cast<std::size_t>(named) >= named_max) return nullptr;
        known = &candidates_.emplace_back(Candidate{.entry = entry});
    }
    if (untied(known->state)) {  // its own word about its endpoint is as good as our configuration, and newer
        known->entry = entry;
        known->state = State::untried;
    }
    if (known->state == State::redirected) known->state = State::up;  // it may have become a relay
    known->named_by = named_by;
    return known;
}

void EntryLink::redirect(Links::LinkId from, const std::vector<Entry>& relays, std::string why) {
    const bool seeking = !current_ || link() == from;
    const auto named_by = name(from);
    for (const auto& entry : relays) {
        auto* const named = relay(entry, named_by);
        if (named != nullptr && seeking && named->state == State::untried) dial(*named);
    }
    if (auto* const leaf = candidate(from)) {
        leaf->state = ++leaf->redirects > 1 ? State::given_up : State::redirected;
        leaf->why = std::move(why);
    }
    if (!seeking) return;
    relays_until_ = links_.now().mono + stagger;
    if (count(State::up) + count(State::dialling) == 0) dial_another();
    elect();
}

EntryLink::Turn EntryLink::wait(proto::Instant until) {
    if (!current_ && next_dial_) until = std::min(until, *next_dial_);
    if (!current_ && relays_awaited()) until = std::min(until, *relays_until_);
    std::vector<Links::Event> events;
    links_.wait(until, events);
    Turn turn;
    for (const auto& event : events) take(event, turn);
    if (current_) return turn;
    const auto now = links_.now().mono;
    if (next_dial_ && now >= *next_dial_) dial_another();
    if (relays_until_ && now >= *relays_until_) {
        relays_until_.reset();
        if (!next_dial_) dial_another();
        elect();
        turn.changed = turn.changed || current_.has_value();
    }
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
                turn.changed = turn.changed || current_.has_value();
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
            turn.messages.push_back({event.link, std::move(*message)});
            return;
        }
        case Links::Event::Kind::interrupted:
            return;
    }
}

bool EntryLink::exhausted() const { return !current_ && count(State::dialling) == 0 && count(State::untried) == 0; }

bool EntryLink::has_alternative() const {
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const auto state = candidates_[i].state;
        if (i != current_ && state != State::given_up && state != State::lost) return true;
    }
    return false;
}

void EntryLink::give_up_entry(std::string why) {
    if (!current_) return;
    Candidate& entry = candidates_[*current_];
    entry.why = std::move(why);
    entry.state = State::given_up;
    if (count(State::up) + count(State::dialling) < 2) dial_another();
    elect();
}

bool EntryLink::send(const proto::Message& message) {
    return current_ && links_.send(candidates_[*current_].link, proto::encode(message));
}

std::string EntryLink::name() const { return current_ ? name(link()) : "no entry"; }

std::string EntryLink::name(Links::LinkId link) const {
    const auto found = std::find_if(candidates_.begin(), candidates_.end(),
                                    [&](const Candidate& candidate) { return candidate.link == link; });
    if (found == candidates_.end()) return "no entry";
    const auto peer = links_.peer_name(link);  // empty: lost by now
    return peer.empty() ? found->entry.endpoint : fmt::format("{} ({})", peer, found->entry.endpoint);
}

std::string EntryLink::complaints() const {
    std::string text;
    for (const auto& candidate : candidates_) {
        const auto& endpoint = candidate.entry.endpoint;
        std::string why = candidate.why.empty() ? "no answer yet" : candidate.why;
        if (why.find(endpoint) == std::string::npos) why = endpoint + ": " + why;
        if (!candidate.named_by.empty()) why += fmt::format("\na relay, as {} says", candidate.named_by);
        for (std::size_t at = why.find('\n'); at != std::string::npos; at = why.find('\n', at + 5))
            why.insert(at + 1, "    ");
        text += (text.empty() ? "  " : "\n  ") + why;
    }
    return text;
}

}  // namespace mco::client
