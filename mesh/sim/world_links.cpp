// Dials, connections, and what travels on them.

#include <algorithm>
#include <utility>

#include "mesh/sim/world.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::sim {

namespace {

constexpr proto::Duration first_retry = std::chrono::milliseconds(500);
constexpr proto::Duration last_retry = std::chrono::seconds(15);

}  // namespace

proto::Duration World::back_off(unsigned failures) {
    const auto wait = std::min(first_retry * (1 << std::min(failures, 5U)), last_retry);
    return wait / 2 + proto::Duration(rng_.below(static_cast<std::uint64_t>(wait.count()) / 2));
}

// Who listens there, under that key. Endpoints of both kinds differ from each other.
std::optional<Place> World::find(const Address& where) const {
    const auto found = endpoints_.find(where.endpoint);
    if (found == endpoints_.end() || nodes_[found->second]->body.curve_key != where.key) return std::nullopt;
    return found->second;
}

// ------------------------------------------------------------------------------------------------ dials

void World::try_dial(Place place, Address where, std::uint64_t generation) {
    auto& node = *nodes_[place];
    const auto found = node.dials.find(where);
    if (!node.engine || found == node.dials.end() || found->second.generation != generation) return;
    const auto target = find(where);
    if (!target || node.frozen || nodes_[*target]->frozen || !network_.reaches(place, *target))
        return retry_dial(place, where);
    const auto takes = network_.delay(place, *target) * 3;
    at(takes, [this, place, where, generation, target = *target, process = nodes_[*target]->process] {
        if (nodes_[target]->process == process) return shake_hands(place, where, generation, target);
        retry_dial(place, where);
    });
}

void World::retry_dial(Place place, const Address& where) {
    auto& node = *nodes_[place];
    const auto found = node.dials.find(where);
    if (!node.engine || found == node.dials.end()) return;
    found->second.connection = 0;
    found->second.generation = ++generations_;
    at(back_off(found->second.failures++),
       [this, place, where, generation = found->second.generation] { try_dial(place, where, generation); });
}

void World::shake_hands(Place place, const Address& where, std::uint64_t generation, Place target) {
    auto& node = *nodes_[place];
    const auto found = node.dials.find(where);
    if (!node.engine || found == node.dials.end() || found->second.generation != generation) return;
    if (!running(target) || node.frozen || nodes_[target]->frozen || !network_.reaches(place, target))
        return retry_dial(place, where);
    auto& connection = connect(place, target);
    const auto id = connections_.size() - 1;
    connection.where = where;
    found->second.connection = id;
    put(id, dialler, {Parcel::Kind::welcome, {}});
    input(target, price({Parcel::Kind::welcome, {}}), [this, id] { announce(id, acceptor); });
}

World::Connection& World::connect(Place from, Place to) {
    connections_.push_back(std::make_unique<Connection>());
    auto& connection = *connections_.back();
    const auto id = connections_.size() - 1;
    connection.place[dialler] = from;
    connection.place[acceptor] = to;
    connection.open[dialler] = connection.open[acceptor] = true;
    if (from < first_client) nodes_[from]->connections.insert(id);
    nodes_[to]->connections.insert(id);
    return connection;
}

// The host tells its engine that the other end has proved who it is.
void World::announce(ConnectionId id, End end) {
    if (!connections_[id] || !connections_[id]->open[end]) return;
    auto& connection = *connections_[id];
    const Place place = connection.place[end], peer = connection.place[other(end)];
    auto& node = *nodes_[place];
    Engine::Linked linked{.link = node.next_link++, .side = end == dialler ? Side::dialled : Side::accepted};
    connection.link[end] = linked.link;
    node.links.emplace(linked.link, id);
    ++node.peers[peer];
    if (peer >= first_client) {
        linked.caller = true;
        linked.peer = caller_id(peer);
    } else {
        linked.peer = nodes_[peer]->body.peer;
        linked.record = nodes_[peer]->record;
        if (end == dialler) node.dials.at(connection.where).failures = 0;
    }
    const auto peer_id = linked.peer;
    node.engine->link_up(now_, std::move(linked));
    // It may have subscribed before: links and subscriptions break separately.
    if (const auto found = node.subscribers.find(peer); found != node.subscribers.end()) {
        for (const auto& topic : found->second.topics) node.engine->subscribed(now_, peer_id, topic);
    }
}

// ------------------------------------------------------------------------------------------------ octets

void World::put(ConnectionId id, End to, Parcel parcel, proto::Instant leaves_at) {
    auto& connection = *connections_[id];
    if (parcel.kind == Parcel::Kind::frame) {
        connection.octets[to] += parcel.size();
        if (const Place from = connection.place[other(to)]; from < first_client) {
            ++nodes_[from]->traffic.messages_out;
            nodes_[from]->traffic.octets_out += parcel.size();
        }
    }
    travel(id, to, std::move(parcel), leaves_at);
}

void World::travel(ConnectionId id, End to, Parcel parcel, proto::Instant leaves_at) {
    auto& connection = *connections_[id];
    const Place from = connection.place[other(to)], at_end = connection.place[to];
    if (network_.blocked(from, at_end)) {
        connection.stuck[to].push_back(std::move(parcel));
        return;
    }
    const auto distance = network_.distance(network_.site(from), network_.site(at_end));
    if (costs_ && distance.count() > 0) {
        auto& lanes = connection.lanes[to];
        if (lanes.empty()) lanes.resize(from < first_client && at_end < first_client ? proto::limits::lanes_max : 1);
        auto& lane = lanes[connection.next_lane[to]++ % lanes.size()];
        leaves_at = lane.leaves(leaves_at, parcel.size(), distance * 2, costs_->window);
    }
    const auto arrival = std::max(leaves_at + network_.delay(from, at_end), connection.last[to] + proto::Duration(1));
    connection.last[to] = arrival;
    at(arrival - now_.mono,
       [this, id, to, parcel = std::move(parcel)]() mutable { arrive(id, to, std::move(parcel)); });
}

void World::arrive(ConnectionId id, End end, Parcel parcel) {
    if (!connections_[id]) return;
    auto& connection = *connections_[id];
    const Place place = connection.place[end];
    if (!connection.open[end]) {
        // The kernel of a living host says that nobody is there; a dead host says nothing.
        const bool silent = place < first_client && nodes_[place]->host_dead;
        if (parcel.kind != Parcel::Kind::end && connection.open[other(end)] && !silent)
            put(id, other(end), {Parcel::Kind::end, {}});
        if (!connection.open[other(end)]) connections_[id].reset();
        return;
    }
    if (place >= first_client) return take_in(id, end, parcel);
    auto& node = *nodes_[place];
    if (parcel.kind == Parcel::Kind::frame) {
        ++node.traffic.messages_in;
        node.traffic.octets_in += parcel.size();
    }
    if (!costs_) return input(place, {}, [this, id, end, parcel = std::move(parcel)] { take_in(id, end, parcel); });
    const auto wait = enters(place, parcel.size());
    at(wait, [this, place, id, end, process = node.process, parcel = std::move(parcel)]() mutable {
        if (nodes_[place]->process != process) return;
        const auto cost = price(parcel);
        input(place, cost, [this, id, end, parcel = std::move(parcel)] { take_in(id, end, parcel); });
    });
}

void World::take_in(ConnectionId id, End end, const Parcel& parcel) {
    if (!connections_[id] || !connections_[id]->open[end]) return;
    switch (parcel.kind) {
        case Parcel::Kind::welcome:
            return welcomed(id);
        case Parcel::Kind::frame:
            return deliver(id, end, *parcel.frame);
        case Parcel::Kind::end:
            return ended(id, end);
    }
}

void World::welcomed(ConnectionId id) {
    const auto& connection = *connections_[id];
    const auto& node = *nodes_[connection.place[dialler]];
    const auto dial = node.dials.find(connection.where);
    if (dial != node.dials.end() && dial->second.connection == id) return announce(id, dialler);
    close(id, dialler);  // it is not wanted any more
}

void World::deliver(ConnectionId id, End end, const proto::Bytes& frame) {
    const auto& connection = *connections_[id];
    const Place place = connection.place[end];
    if (place >= first_client) return client_frame(connection, frame);
    const LinkId link = connection.link[end];
    const auto type = proto::peek_type(frame);
    if (!type) return invariants_.complain("a node sent a frame that cannot be read");
    if (*type == proto::MessageType::roster) return deliver_roster(place, link, frame);
    if (*type == proto::MessageType::groups) return deliver_groups(place, link, frame);
    if (*type == proto::MessageType::request && !vet(place, frame)) {
        const auto client = clients_.find(connection.place[dialler]);
        if (client == clients_.end()) return;
        const proto::Refused refused{client->second.plan().request, proto::Errc::expired, {}};
        return put(id, dialler, {Parcel::Kind::frame, std::make_shared<const proto::Bytes>(proto::encode(refused))});
    }
    nodes_[place]->engine->frame(now_, link, frame);
}

void World::deliver_roster(Place place, LinkId link, const proto::Bytes& frame) {
    const auto message = proto::decode(frame);
    if (!message) return invariants_.complain("a node sent a roster that cannot be read");
    std::vector<Engine::OpenedEntry> opened;
    for (const auto& entry : std::get<proto::Roster>(*message).entries) {
        if (auto record = records_.intern(entry.record)) opened.push_back({std::move(record), entry.state, entry.since_ms});
    }
    nodes_[place]->engine->roster(now_, link, std::move(opened));
}

void World::deliver_groups(Place place, LinkId link, const proto::Bytes& frame) {
    auto message = proto::decode(frame);
    if (!message) return invariants_.complain("a node sent groups that cannot be read");
    std::vector<Engine::OpenedGroup> opened;
    for (auto& one : std::get<proto::Groups>(*message).groups) {
        auto& group = opened.emplace_back();
        group.group = std::move(one.group);
        group.version = one.version;
        group.collectives = std::move(one.collectives);
        for (const auto& gateway : one.gateways) {
            if (auto record = records_.intern(gateway)) group.gateways.push_back(std::move(record));
        }
    }
    nodes_[place]->engine->groups(now_, link, std::move(opened));
}

// ------------------------------------------------------------------------------------------------ the end of a connection

void World::shut(ConnectionId id, End end) {
    auto& connection = *connections_[id];
    connection.open[end] = false;
    if (const Place place = connection.place[end]; place < first_client) nodes_[place]->connections.erase(id);
}

void World::drop_link(Node& node, LinkId link) {
    const auto found = node.links.find(link);
    if (found == node.links.end()) return;
    const auto& ends = connections_[found->second]->place;
    node.links.erase(found);
    for (const Place end : ends) {  // one of them is the node itself, which has no links to itself
        const auto peer = node.peers.find(end);
        if (peer != node.peers.end() && --peer->second == 0) node.peers.erase(peer);
    }
}

void World::close(ConnectionId id, End end) {
    auto& connection = *connections_[id];
    if (!connection.open[end]) return;
    shut(id, end);
    put(id, other(end), {Parcel::Kind::end, {}});
}

void World::ended(ConnectionId id, End end) {
    shut(id, end);
    const auto connection = *connections_[id];
    const Place place = connection.place[end];
    const LinkId link = connection.link[end];
    if (place >= first_client) {
        if (!connection.open[other(end)]) connections_[id].reset();
        return client_input(place, [&](Client& client) { client.link_down(now_, connection.entry); });
    }
    auto& node = *nodes_[place];
    drop_link(node, link);
    if (!connection.open[other(end)]) connections_[id].reset();
    if (end == dialler) {
        const auto dial = node.dials.find(connection.where);
        if (dial != node.dials.end() && dial->second.connection == id) retry_dial(place, connection.where);
    }
    if (link != 0) node.engine->link_down(now_, link);
}

}  // namespace mco::mesh::sim
