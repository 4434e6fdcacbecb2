// Connections as TCP and a host's supervisors have them: dials that are tried again, ends that learn late of each other.

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

// ------------------------------------------------------------------------------------------------ dials

void World::try_dial(Place place, Address where, std::uint64_t generation) {
    auto& node = *nodes_[place];
    const auto found = node.dials.find(where);
    if (!node.engine || found == node.dials.end() || found->second.generation != generation) return;
    const auto target = find(where, &proto::PeerRecordBody::link_endpoint);
    if (!target || node.frozen || nodes_[*target]->frozen || !network_.reaches(place, *target))
        return retry_dial(place, where);
    at(network_.delay() * 3, [this, place, where, generation, target = *target, process = nodes_[*target]->process] {
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
    const auto id = next_connection_++;
    auto& connection = connections_[id];
    connection.place[dialler] = place;
    connection.place[acceptor] = target;
    connection.open[dialler] = connection.open[acceptor] = true;
    connection.where = where;
    found->second.connection = id;
    put(id, dialler, {Parcel::Kind::welcome, {}});
    announce(id, acceptor);
}

// The host tells its engine that the other end has proved who it is.
void World::announce(ConnectionId id, End end) {
    auto& connection = connections_.at(id);
    const Place place = connection.place[end], peer = connection.place[other(end)];
    auto& node = *nodes_[place];
    Engine::Linked linked{.link = node.next_link++, .side = end == dialler ? Side::dialled : Side::accepted};
    connection.link[end] = linked.link;
    node.links.emplace(linked.link, id);
    if (peer >= first_client) {
        linked.caller = true;
        linked.peer = caller_id(peer);
    } else {
        linked.peer = nodes_[peer]->record.peer;
        linked.record = nodes_[peer]->record;
        linked.sealed_record = sealed_record(*nodes_[peer]);
        if (end == dialler) node.dials.at(connection.where).failures = 0;
    }
    const auto peer_id = linked.peer;
    node.engine->link_up(now_, std::move(linked));
    if (const auto found = node.subscribers.find(peer); found != node.subscribers.end()) {
        for (const auto& topic : found->second.topics) node.engine->subscribed(now_, peer_id, topic);
    }
    settle(place);
}

// ------------------------------------------------------------------------------------------------ octets

void World::put(ConnectionId id, End to, Parcel parcel) {
    auto& connection = connections_.at(id);
    if (network_.blocked(connection.place[other(to)], connection.place[to])) {
        connection.stuck[to].push_back(std::move(parcel));
        return;
    }
    const auto arrival = std::max(now_.mono + network_.delay(), connection.last[to] + proto::Duration(1));
    connection.last[to] = arrival;
    at(arrival - now_.mono,
       [this, id, to, parcel = std::move(parcel)]() mutable { arrive(id, to, std::move(parcel)); });
}

void World::arrive(ConnectionId id, End end, Parcel parcel) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    auto& connection = found->second;
    if (!connection.open[end]) {
        // The kernel of a living host says that nobody is there; a dead host says nothing.
        const Place place = connection.place[end];
        const bool silent = place < first_client && nodes_[place]->host_dead;
        if (parcel.kind != Parcel::Kind::end && connection.open[other(end)] && !silent)
            put(id, other(end), {Parcel::Kind::end, {}});
        if (!connection.open[other(end)]) connections_.erase(found);
        return;
    }
    const Place place = connection.place[end];
    const auto act = [this, id, end, parcel = std::move(parcel)] {
        const auto still = connections_.find(id);
        if (still == connections_.end() || !still->second.open[end]) return;
        switch (parcel.kind) {
            case Parcel::Kind::welcome:
                return welcomed(id);
            case Parcel::Kind::frame:
                return deliver(id, end, parcel.frame);
            case Parcel::Kind::end:
                return ended(id, end);
        }
    };
    place < first_client ? input(place, act) : act();
}

void World::welcomed(ConnectionId id) {
    const auto& connection = connections_.at(id);
    const auto& node = *nodes_[connection.place[dialler]];
    const auto dial = node.dials.find(connection.where);
    if (dial != node.dials.end() && dial->second.connection == id) return announce(id, dialler);
    close(id, dialler);  // it is not wanted any more
}

void World::deliver(ConnectionId connection_id, End end, const proto::Bytes& frame) {
    const auto& connection = connections_.at(connection_id);
    const Place place = connection.place[end];
    if (place >= first_client) {
        const auto entry = connection.entry;
        if (observer_.received) {
            if (const auto message = proto::decode(frame)) observer_.received(place, *message);
        }
        return client_input(place, [&](Client& client) { client.frame(now_, entry, frame); });
    }
    auto& node = *nodes_[place];
    const LinkId link = connection.link[end];
    const auto type = proto::peek_type(frame);
    if (!type) return invariants_.complain("a node sent a frame that cannot be read");
    if (*type == proto::MessageType::request && !vet(place, frame)) {
        const auto id = clients_.contains(connection.place[dialler])
                            ? std::optional(clients_.at(connection.place[dialler]).plan().request)
                            : std::nullopt;
        if (id)
            put(connection_id, dialler,
                {Parcel::Kind::frame, proto::encode(proto::Refused{*id, proto::Errc::expired, {}})});
        return;
    }
    if (*type != proto::MessageType::roster) return node.engine->frame(now_, link, frame);
    auto message = proto::decode(frame);
    if (!message) return invariants_.complain("a node sent a roster that cannot be read");
    std::vector<Engine::OpenedEntry> opened;
    for (auto& entry : std::get<proto::Roster>(*message).entries) {
        const auto sealed = proto::unpack<proto::SealedRecord>(entry.record);
        auto body = sealed ? proto::unpack<proto::PeerRecordBody>(sealed->body) : tl::unexpected(sealed.error());
        if (body) opened.push_back({std::move(*body), std::move(entry)});
    }
    node.engine->roster(now_, link, std::move(opened));
}

void World::close(ConnectionId id, End end) {
    auto& connection = connections_.at(id);
    if (!connection.open[end]) return;
    connection.open[end] = false;
    put(id, other(end), {Parcel::Kind::end, {}});
}

void World::ended(ConnectionId id, End end) {
    auto& connection = connections_.at(id);
    connection.open[end] = false;
    const Place place = connection.place[end];
    const LinkId link = connection.link[end];
    const Address where = connection.where;
    const auto entry = connection.entry;
    if (!connection.open[other(end)]) connections_.erase(id);
    if (place >= first_client) return client_input(place, [&](Client& client) { client.link_down(now_, entry); });
    auto& node = *nodes_[place];
    node.links.erase(link);
    if (end == dialler) {
        const auto dial = node.dials.find(where);
        if (dial != node.dials.end() && dial->second.connection == id) retry_dial(place, where);
    }
    if (link != 0) node.engine->link_down(now_, link);
}

// ------------------------------------------------------------------------------------------------ subscriptions

void World::try_follow(Place place, Address where, std::uint64_t generation) {
    auto& node = *nodes_[place];
    const auto found = node.followers.find(where);
    if (!node.engine || found == node.followers.end() || found->second.generation != generation) return;
    const auto target = find(where, &proto::PeerRecordBody::fanout_endpoint);
    // The publisher lets in only whose key it knows from a link.
    const auto knows = [&](Place publisher) {
        const auto& links = nodes_[publisher]->links;
        return std::any_of(links.begin(), links.end(), [&](const auto& one) {
            const auto& connection = connections_.at(one.second);
            return connection.place[dialler] == place || connection.place[acceptor] == place;
        });
    };
    if (!target || node.frozen || nodes_[*target]->frozen || !network_.reaches(place, *target) || !knows(*target))
        return retry_follow(place, where);
    found->second.established = true;
    found->second.failures = 0;
    const auto topics = node.engine->topics();
    at(network_.delay() * 2, [this, place, target = *target, generation, topics, process = nodes_[*target]->process] {
        if (nodes_[target]->process != process) return;
        input(target, [this, place, target, generation, topics] {
            auto& publisher = *nodes_[target];
            publisher.subscribers[place] = {{topics.begin(), topics.end()}, generation};
            for (const auto& topic : topics) publisher.engine->subscribed(now_, nodes_[place]->record.peer, topic);
        });
    });
}

void World::retry_follow(Place place, const Address& where) {
    auto& node = *nodes_[place];
    const auto found = node.followers.find(where);
    if (!node.engine || found == node.followers.end()) return;
    found->second.established = false;
    found->second.generation = ++generations_;
    at(back_off(found->second.failures++) / 8,
       [this, place, where, generation = found->second.generation] { try_follow(place, where, generation); });
}

void World::unsubscribe(Place publisher, Place subscriber, std::uint64_t generation) {
    input(publisher, [this, publisher, subscriber, generation] {
        auto& node = *nodes_[publisher];
        const auto found = node.subscribers.find(subscriber);
        if (found == node.subscribers.end() || found->second.generation != generation) return;
        const auto topics = std::move(found->second.topics);
        node.subscribers.erase(found);
        for (const auto& topic : topics) node.engine->unsubscribed(now_, nodes_[subscriber]->record.peer, topic);
    });
}

// ------------------------------------------------------------------------------------------------ clients

proto::PeerId World::caller_id(Place client) const {
    proto::PeerId id;
    id.octets.fill(0xc1);
    for (std::size_t i = 0; i < 4; ++i) id.octets[i] = static_cast<std::uint8_t>(client >> (8 * i));
    return id;
}

Place World::submit(Client::Plan plan, const std::vector<Place>& entries) {
    const Place place = next_client_++;
    plan.entries = entries.size();
    plan.created = now_.wall;
    clients_.emplace(place, Client(std::move(plan)));
    for (std::size_t entry = 0; entry < entries.size(); ++entry) {
        at(network_.delay() * 3, [this, place, entry, target = entries[entry]] {
            if (!running(target) || nodes_[target]->frozen || !network_.reaches(place, target))
                return client_input(place, [&](Client& client) { client.link_down(now_, entry); });
            const auto id = next_connection_++;
            auto& connection = connections_[id];
            connection.place[dialler] = place;
            connection.place[acceptor] = target;
            connection.open[dialler] = connection.open[acceptor] = true;
            connection.entry = entry;
            announce(id, acceptor);
            client_input(place, [&](Client& client) { client.link_up(now_, entry); });
        });
    }
    return place;
}

void World::drop_client(Place client) {
    for (auto& [id, connection] : connections_) {
        if (connection.place[dialler] == client) close(id, dialler);
    }
}

void World::cancel(Place client) {
    client_input(client, [&](Client& one) { one.cancel(now_); });
}

void World::repeat(Place client, std::size_t entry) {
    client_input(client, [&](Client& one) { one.repeat(now_, entry); });
}

void World::client_input(Place place, const std::function<void(Client&)>& act) {
    auto& client = clients_.at(place);
    act(client);
    for (auto& out : client.take()) {
        for (auto& [id, connection] : connections_) {
            if (connection.place[dialler] != place || connection.entry != out.entry || !connection.open[dialler])
                continue;
            put(id, acceptor, {Parcel::Kind::frame, std::move(out.frame)});
            break;
        }
    }
    for (const auto& complaint : client.complaints()) invariants_.complain(name(place) + ": " + complaint);
    const auto next = client.next_deadline();
    if (!next || *next <= now_.mono) return;
    at(*next - now_.mono, [this, place] {
        const auto due = clients_.at(place).next_deadline();
        if (due && *due <= now_.mono) client_input(place, [&](Client& one) { one.elapse(now_); });
    });
}

std::optional<Place> World::entry_of(Place place) const {
    const auto& client = clients_.at(place);
    if (!client.entry()) return std::nullopt;
    for (const auto& [id, connection] : connections_) {
        if (connection.place[dialler] == place && connection.entry == *client.entry() && connection.open[dialler] &&
            connection.open[acceptor])
            return connection.place[acceptor];
    }
    return std::nullopt;
}

}  // namespace mco::mesh::sim
