// A node's machine: inputs one after the other, effects after each, a clock, and with costs the time that all this takes.

#include <algorithm>
#include <iterator>
#include <utility>

#include "mesh/sim/world.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::sim {

using std::chrono::nanoseconds;

void World::input(Place place, nanoseconds cost, std::function<void()> act) {
    auto& node = *nodes_[place];
    if (!node.engine) return;
    if (!costs_ && !node.frozen && !node.busy) {
        act();
        return settle(place);
    }
    node.inbox.push_back({cost, node.process, std::move(act)});
    if (!node.frozen && !node.busy) next_job(place);
}

void World::next_job(Place place) {
    auto& node = *nodes_[place];
    while (!node.inbox.empty() && !node.frozen && !node.busy) {
        auto job = std::move(node.inbox.front());
        node.inbox.pop_front();
        if (job.process != node.process || !node.engine) continue;
        if (!costs_) {
            job.act();
            settle(place);
            continue;
        }
        node.busy = true;
        node.traffic.busy += job.cost;
        node.owed += job.cost;
        const auto begins = std::chrono::floor<proto::Duration>(node.owed);  // what is less than a microsecond is kept
        node.owed -= begins;
        at(begins, [this, place, process = job.process, act = std::move(job.act)] {
            auto& one = *nodes_[place];
            if (one.process != process || !one.engine) return;
            act();
            settle(place);
            if (one.process != process || !one.engine) return;
            const auto takes = std::chrono::floor<proto::Duration>(one.owed);
            one.owed -= takes;
            at(takes, [this, place, process] {
                auto& idle = *nodes_[place];
                if (idle.process != process || !idle.engine) return;
                idle.busy = false;
                next_job(place);
            });
        });
    }
}

void World::settle(Place place) {
    auto& node = *nodes_[place];
    last_active_ = place;
    std::vector<Effect> effects;
    while (node.engine) {
        effects.clear();
        node.engine->drain(effects);
        if (effects.empty()) break;
        if (options_.trace_max > 0 || observer_.effect) {
            for (auto& effect : effects) {
                const Place other_place = at_other_end(place, effect);
                remember(node, effect, other_place);
                if (observer_.effect) observer_.effect(place, effect, other_place);
            }
        }
        for (auto& effect : effects) std::visit([&](auto& one) { perform(place, one); }, effect);
    }
    if (!node.engine) return;
    if (options_.check) node.engine->check();
    schedule_wake(place);
}

void World::remember(Node& node, const Effect& effect, Place other_place) {
    if (options_.trace_max == 0) return;
    Traced one{now_.mono, effect, other_place};
    if (node.trace.size() < options_.trace_max) return node.trace.push_back(std::move(one));
    node.trace[node.traced] = std::move(one);
    node.traced = (node.traced + 1) % options_.trace_max;
}

// A deadline is looked at in its turn: what arrived before it is read before it.
void World::schedule_wake(Place place) {
    auto& node = *nodes_[place];
    const auto next = node.engine->next_deadline();
    if (!next || *next >= node.wake) return;
    node.wake = std::max(*next, now_.mono);
    const auto process = node.process;
    at(node.wake - now_.mono + network_.late(), [this, place, process, due = node.wake] {
        auto& woken = *nodes_[place];
        if (woken.process != process || !woken.engine || woken.wake != due) return;  // an earlier one took its place
        if (woken.frozen) {
            woken.wake = proto::Instant::max();
            return;
        }
        input(place, {}, [this, place] {
            nodes_[place]->wake = proto::Instant::max();
            nodes_[place]->engine->elapse(now_);
        });
    });
}

Place World::at_other_end(Place place, const Effect& effect) const {
    const auto* send = std::get_if<Send>(&effect);
    const auto* hangup = std::get_if<Hangup>(&effect);
    if (send == nullptr && hangup == nullptr) return nowhere;
    const auto& links = nodes_.at(place)->links;
    const auto found = links.find(send != nullptr ? send->to : hangup->link);
    if (found == links.end()) return nowhere;
    const auto& ends = connections_[found->second]->place;
    return ends[dialler] == place ? ends[acceptor] : ends[dialler];
}

// ------------------------------------------------------------------------------------------------ costs

void World::hand_over(Place place, std::size_t octets) {
    if (!costs_) return;
    auto& node = *nodes_[place];
    node.owed += costs_->at_reactor(octets);
    node.traffic.busy += costs_->at_reactor(octets);
}

proto::Instant World::leaves(Place place, std::size_t octets, nanoseconds more) {
    if (!costs_) return now_.mono;
    auto& node = *nodes_[place];
    node.io_free = std::max<nanoseconds>(node.io_free, now_.mono.time_since_epoch() + node.owed);
    node.io_free += costs_->at_io(octets) + more;
    return proto::Instant(std::chrono::ceil<proto::Duration>(node.io_free));
}

proto::Duration World::enters(Place place, std::size_t octets) {
    if (!costs_) return {};
    auto& node = *nodes_[place];
    node.io_free = std::max<nanoseconds>(node.io_free, now_.mono.time_since_epoch()) + costs_->at_io(octets);
    return std::chrono::ceil<proto::Duration>(node.io_free) - now_.mono.time_since_epoch();
}

nanoseconds World::price(const Parcel& parcel) const {
    if (!costs_) return {};
    switch (parcel.kind) {
        case Parcel::Kind::welcome:
            return costs_->connection;
        case Parcel::Kind::end:
            return costs_->message;
        case Parcel::Kind::frame: {
            const auto type = proto::peek_type(*parcel.frame);
            const bool signed_one = type && *type == proto::MessageType::request;
            return costs_->at_reactor(parcel.size()) + (signed_one ? costs_->verification : nanoseconds(0));
        }
    }
    return {};
}

}  // namespace mco::mesh::sim
