// What a host does with what its engine leaves.

#include <utility>

#include "mesh/sim/world.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::sim {

void World::perform(Place place, Send& one) {
    auto& node = *nodes_[place];
    const auto found = node.links.find(one.to);
    if (found == node.links.end()) return;
    const auto id = found->second;
    const auto& connection = connections_.at(id);
    const End from = connection.place[dialler] == place ? dialler : acceptor;
    if (network_.clogged(place, connection.place[other(from)])) {
        node.engine->link_full(now_, one.to);
        return;
    }
    put(id, other(from), {Parcel::Kind::frame, std::move(one.frame)});
}

void World::perform(Place place, Publish& one) {
    const auto& node = *nodes_[place];
    std::optional<proto::Duration> together;
    for (const auto& [subscriber, subscription] : node.subscribers) {
        if (!subscription.topics.contains(one.topic) || network_.blocked(place, subscriber)) continue;
        auto delay = network_.fanout_delay();
        if (!delay) continue;
        if (!network_.fanout_reorders()) {
            if (!together) together = delay;
            delay = together;
        }
        at(*delay, [this, subscriber = subscriber, process = nodes_[subscriber]->process, frame = one.frame] {
            if (nodes_[subscriber]->process != process) return;
            input(subscriber, [this, subscriber, frame] {
                if (vet(subscriber, frame)) nodes_[subscriber]->engine->fanout(now_, frame);
            });
        });
    }
}

void World::perform(Place place, Dial& one) {
    auto& node = *nodes_[place];
    const auto [at_dial, fresh] = node.dials.try_emplace(one.where);
    if (!fresh) return;
    at_dial->second.generation = ++generations_;
    try_dial(place, one.where, at_dial->second.generation);
}

void World::perform(Place place, Undial& one) {
    auto& node = *nodes_[place];
    const auto found = node.dials.find(one.where);
    if (found == node.dials.end()) return;
    const auto connection = found->second.connection;
    node.dials.erase(found);
    if (connection == 0) return;
    const LinkId link = connections_.at(connection).link[dialler];
    close(connection, dialler);
    if (link == 0) return;
    node.links.erase(link);
    node.engine->link_down(now_, link);
}

void World::perform(Place place, Follow& one) {
    auto& node = *nodes_[place];
    const auto [at_follower, fresh] = node.followers.try_emplace(one.where);
    if (!fresh) return;
    at_follower->second.generation = ++generations_;
    try_follow(place, one.where, at_follower->second.generation);
}

void World::perform(Place place, Unfollow& one) {
    auto& node = *nodes_[place];
    const auto found = node.followers.find(one.where);
    if (found == node.followers.end()) return;
    const auto follower = found->second;
    node.followers.erase(found);
    const auto publisher = find(one.where, &proto::PeerRecordBody::fanout_endpoint);
    if (!publisher || !follower.established) return;
    at(network_.delay(), [this, publisher = *publisher, place, generation = follower.generation] {
        unsubscribe(publisher, place, generation);
    });
}

void World::perform(Place place, Hangup& one) {
    auto& node = *nodes_[place];
    const auto found = node.links.find(one.link);
    if (found == node.links.end()) return;
    const auto id = found->second;
    node.links.erase(found);
    const auto& connection = connections_.at(id);
    const End end = connection.place[dialler] == place ? dialler : acceptor;
    const Address where = connection.where;
    close(id, end);
    if (end == dialler) retry_dial(place, where);
    node.engine->link_down(now_, one.link);
}

void World::perform(Place place, Perform& one) {
    auto& node = *nodes_[place];
    invariants_.performed(place, node.record.incarnation, one.request);
    const auto script = agent_(place, one.request);
    const auto process = node.process;
    at(script.service, [this, place, process, request = one.request, script] {
        answer(place, process, request, script.outcome, script.reply_size);
    });
}

// A withdrawn one that has not begun is answered at once; here half of them had begun.
void World::perform(Place place, Withdraw& one) {
    const auto& node = *nodes_[place];
    if (rng_.below(2) == 0) return;
    const auto process = node.process;
    at(proto::Duration(1), [this, place, process, request = one.request] {
        answer(place, process, request, proto::Outcome::cancelled, 0);
    });
}

void World::perform(Place, Notice&) {}

void World::answer(Place place, std::uint64_t process, const proto::RequestId& request, proto::Outcome outcome,
                   std::size_t size) {
    if (nodes_[place]->process != process) return;
    if (!answered_.emplace(place, process, request).second) return;  // withdrawn, and answered then
    input(place, [this, place, request, outcome, size] {
        nodes_[place]->engine->performed(now_, request, outcome, proto::Bytes(size, static_cast<std::uint8_t>(place)));
    });
}

// Of what a host checks about a request only the age is left here: what is too old goes no further.
bool World::vet(Place place, const proto::Bytes& frame) {
    const auto message = proto::decode(frame);
    const auto* request = message ? std::get_if<proto::Request>(&*message) : nullptr;
    if (request == nullptr) return false;
    const auto sealed = proto::unpack<proto::SealedRequest>(request->sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    if (!route || now_.wall > route->created + std::chrono::milliseconds(route->ttl_ms)) return false;
    if (request->scope == proto::Scope::local) invariants_.delivered(place, route->request);
    return true;
}

}  // namespace mco::mesh::sim
