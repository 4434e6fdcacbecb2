// Subscriptions. A subscriber's socket is connected when the publisher knows its key; its topics follow, in order.

#include <algorithm>
#include <utility>

#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

void World::try_follow(Place place, Address where, std::uint64_t generation) {
    auto& node = *nodes_[place];
    const auto found = node.followers.find(where);
    if (!node.engine || found == node.followers.end() || found->second.generation != generation) return;
    const auto target = find(where);
    // The publisher lets in only whose key it knows from a link.
    if (!target || node.frozen || nodes_[*target]->frozen || !network_.reaches(place, *target) ||
        !nodes_[*target]->peers.contains(place))
        return retry_follow(place, where);
    auto& follower = found->second;
    follower.publisher = *target;
    follower.failures = 0;
    nodes_[*target]->followed_by.insert(place);
    subscribe(place, follower, network_.delay(place, *target) * 2);
}

void World::retry_follow(Place place, const Address& where) {
    auto& node = *nodes_[place];
    const auto found = node.followers.find(where);
    if (!node.engine || found == node.followers.end()) return;
    auto& follower = found->second;
    follower.publisher.reset();
    follower.generation = ++generations_;
    at(back_off(follower.failures++) / 8,
       [this, place, where, generation = follower.generation] { try_follow(place, where, generation); });
}

// All of its topics: what is not among them any more is unsubscribed.
void World::subscribe(Place place, Follower& follower, proto::Duration delay) {
    const auto publisher = *follower.publisher;
    const auto arrival = std::max(now_.mono + delay, follower.last + proto::Duration(1));
    follower.last = arrival;
    at(arrival - now_.mono, [this, place, publisher, generation = follower.generation, topics = follower.topics,
                             process = nodes_[publisher]->process] {
        if (nodes_[publisher]->process != process) return;
        input(publisher, costs_ ? costs_->message : std::chrono::nanoseconds(0),
              [this, place, publisher, generation, topics] { subscriptions(publisher, place, generation, topics); });
    });
}

void World::subscriptions(Place publisher, Place place, std::uint64_t generation, std::vector<std::string> topics) {
    auto& node = *nodes_[publisher];
    const auto& peer = nodes_[place]->body.peer;
    auto& subscriber = node.subscribers[place];
    if (subscriber.generation > generation) return;  // of an older connection
    subscriber.generation = generation;
    const std::set<std::string> wanted(topics.begin(), topics.end());
    const auto before = std::exchange(subscriber.topics, wanted);
    for (const auto& topic : topics) {
        if (!topic.starts_with('~')) node.topics[topic].insert(place);
        if (!before.contains(topic)) node.engine->subscribed(now_, peer, topic);
    }
    for (const auto& topic : before) {
        if (wanted.contains(topic)) continue;
        if (const auto at_topic = node.topics.find(topic); at_topic != node.topics.end()) at_topic->second.erase(place);
        node.engine->unsubscribed(now_, peer, topic);
    }
}

void World::unsubscribe(Place publisher, Place subscriber, std::uint64_t generation) {
    input(publisher, costs_ ? costs_->message : std::chrono::nanoseconds(0), [this, publisher, subscriber, generation] {
        auto& node = *nodes_[publisher];
        const auto found = node.subscribers.find(subscriber);
        if (found == node.subscribers.end() || found->second.generation != generation) return;
        const auto topics = std::move(found->second.topics);
        node.subscribers.erase(found);
        for (const auto& topic : topics) {
            if (const auto at_topic = node.topics.find(topic); at_topic != node.topics.end())
                at_topic->second.erase(subscriber);
            node.engine->unsubscribed(now_, nodes_[subscriber]->body.peer, topic);
        }
    });
}

}  // namespace mco::mesh::sim
