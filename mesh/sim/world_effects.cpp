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
    const auto& connection = *connections_[id];
    const End from = connection.place[dialler] == place ? dialler : acceptor;
    if (network_.clogged(place, connection.place[other(from)])) {
        node.engine->link_full(now_, one.to);
        return;
    }
    const auto size = one.frame.size();
    hand_over(place, size);
    put(id, other(from), {Parcel::Kind::frame, std::make_shared<const proto::Bytes>(std::move(one.frame))},
        leaves(place, size));
}

void World::perform(Place place, Publish& one) {
    auto& node = *nodes_[place];
    const auto topic = node.topics.find(one.topic);
    hand_over(place, one.frame.size());
    if (topic == node.topics.end()) return;
    const auto frame = std::make_shared<const proto::Bytes>(std::move(one.frame));
    for (const auto to : topic->second) {
        if (network_.blocked(place, to) || network_.publication_lost()) continue;
        auto& subscriber = node.subscribers.at(to);
        auto gone = leaves(place, frame->size(), costs_ ? costs_->subscriber : std::chrono::nanoseconds(0));
        const auto distance = network_.distance(network_.site(place), network_.site(to));
        if (costs_ && distance.count() > 0)
            gone = subscriber.window.leaves(gone, frame->size(), distance * 2, costs_->window);
        auto arrival = gone + network_.delay(place, to);
        if (!network_.fanout_reorders()) arrival = std::max(arrival, subscriber.last + proto::Duration(1));
        subscriber.last = std::max(arrival, subscriber.last);
        ++node.traffic.messages_out;
        node.traffic.octets_out += frame->size();
        at(arrival - now_.mono, [this, place, to, process = nodes_[to]->process, frame] {
            auto& reader = *nodes_[to];
            if (reader.process != process || !reader.engine) return;
            ++reader.traffic.messages_in;
            reader.traffic.octets_in += frame->size();
            const auto key = nodes_[place]->body.curve_key;
            const auto read = [this, to, key, frame] {
                if (vet(to, *frame)) nodes_[to]->engine->fanout(now_, key, *frame);
            };
            if (!costs_) return input(to, {}, read);
            const auto cost = price({Parcel::Kind::frame, frame});
            at(enters(to, frame->size()), [this, to, process, cost, read] {
                if (nodes_[to]->process == process) input(to, cost, read);
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
    const LinkId link = connections_[connection]->link[dialler];
    close(connection, dialler);
    if (link == 0) return;
    drop_link(node, link);
    node.engine->link_down(now_, link);
}

void World::perform(Place place, Follow& one) {
    auto& node = *nodes_[place];
    const auto [at_follower, fresh] = node.followers.try_emplace(one.where);
    auto& follower = at_follower->second;
    follower.topics = std::move(one.topics);
    if (fresh) {
        follower.generation = ++generations_;
        try_follow(place, one.where, follower.generation);
    } else if (follower.publisher) {
        subscribe(place, follower, network_.delay(place, *follower.publisher));
    }
}

void World::perform(Place place, Unfollow& one) {
    auto& node = *nodes_[place];
    const auto found = node.followers.find(one.where);
    if (found == node.followers.end()) return;
    const auto follower = std::move(found->second);
    node.followers.erase(found);
    if (!follower.publisher) return;
    const auto publisher = *follower.publisher;
    nodes_[publisher]->followed_by.erase(place);
    const auto arrival = std::max(now_.mono + network_.delay(place, publisher), follower.last + proto::Duration(1));
    at(arrival - now_.mono, [this, publisher, place, generation = follower.generation] {
        unsubscribe(publisher, place, generation);
    });
}

void World::perform(Place place, Hangup& one) {
    auto& node = *nodes_[place];
    const auto found = node.links.find(one.link);
    if (found == node.links.end()) return;
    const auto id = found->second;
    drop_link(node, one.link);
    const auto& connection = *connections_[id];
    const End end = connection.place[dialler] == place ? dialler : acceptor;
    const Address where = connection.where;
    close(id, end);
    if (end == dialler) retry_dial(place, where);
    node.engine->link_down(now_, one.link);
}

void World::perform(Place place, Perform& one) {
    auto& node = *nodes_[place];
    invariants_.performed(place, node.body.incarnation, one.request);
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
    input(place, {}, [this, place, request, outcome, size] {
        nodes_[place]->engine->performed(now_, request, outcome, proto::Bytes(size, static_cast<std::uint8_t>(place)));
    });
}

// Of what a host checks about a request only the age is left here: what is too old goes no further. What else is published
// needs no check.
bool World::vet(Place place, const proto::Bytes& frame) {
    const auto message = proto::decode(frame);
    if (!message) return false;
    const auto* request = std::get_if<proto::Request>(&*message);
    if (request == nullptr) return std::holds_alternative<proto::IHave>(*message);
    const auto sealed = proto::unpack<proto::SealedRequest>(request->sealed);
    const auto route = sealed ? proto::unpack<proto::Route>(sealed->route) : tl::unexpected(sealed.error());
    if (!route || now_.wall > route->created + std::chrono::milliseconds(route->ttl_ms)) return false;
    switch (request->scope) {
        case proto::Scope::local:
        case proto::Scope::deliver:
        case proto::Scope::group:
            invariants_.delivered(place, route->request);
            break;
        case proto::Scope::inject:
        case proto::Scope::standby:  // a copy that is rarely used
            break;
    }
    return true;
}

}  // namespace mco::mesh::sim
