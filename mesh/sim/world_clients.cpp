// Callers and their connections. A caller stands where its first entry stands.

#include <utility>

#include "mesh/sim/world.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::sim {

proto::PeerId World::caller_id(Place client) {
    proto::PeerId id;
    id.octets.fill(0xc1);
    for (std::size_t i = 0; i < 4; ++i) id.octets[i] = static_cast<std::uint8_t>(client >> (8 * i));
    return id;
}

Place World::submit(Client::Plan plan, const std::vector<Place>& entries) {
    const Place place = next_client_++;
    network_.settle(place, network_.site(entries.front()));
    plan.entries = entries.size();
    plan.created = now_.wall;
    plan.credit_step = options_.timing.credit_step;
    request_numbers_.emplace(plan.request, clients_.size() + 1);
    clients_.emplace(place, Client(std::move(plan)));
    for (std::size_t entry = 0; entry < entries.size(); ++entry) connect_client(place, entry, entries[entry]);
    return place;
}

void World::connect_client(Place place, std::size_t entry, std::optional<Place> target) {
    auto& mine = client_connections_[place];
    if (mine.size() <= entry) mine.resize(entry + 1, 0);
    const auto takes = network_.delay(place, target.value_or(place)) * 3;
    at(takes, [this, place, entry, target] {
        if (!target || !running(*target) || nodes_[*target]->frozen || !network_.reaches(place, *target))
            return client_input(place, [&](Client& client) { client.link_down(now_, entry); });
        connect(place, *target).entry = entry;
        const auto id = connections_.size() - 1;
        client_connections_[place][entry] = id;
        input(*target, price({Parcel::Kind::welcome, {}}), [this, id] { announce(id, acceptor); });
        client_input(place, [&](Client& client) { client.link_up(now_, entry); });
    });
}

void World::drop_client(Place client) {
    for (const auto id : client_connections_.at(client)) {
        if (id != 0 && connections_[id]) close(id, dialler);
    }
}

void World::cancel(Place client) {
    client_input(client, [&](Client& one) { one.cancel(now_); });
}

void World::repeat(Place client, std::size_t entry) {
    client_input(client, [&](Client& one) { one.repeat(now_, entry); });
}

void World::client_frame(const Connection& connection, const proto::Bytes& frame) {
    const Place place = connection.place[dialler];
    if (observer_.received) {
        if (const auto message = proto::decode(frame)) observer_.received(place, *message);
    }
    client_input(place, [&, entry = connection.entry](Client& client) { client.frame(now_, entry, frame); });
}

void World::client_input(Place place, const std::function<void(Client&)>& act) {
    auto& client = clients_.at(place);
    act(client);
    for (auto& out : client.take()) {
        const auto id = client_connections_.at(place).at(out.entry);
        if (id == 0 || !connections_[id] || !connections_[id]->open[dialler]) continue;
        put(id, acceptor, {Parcel::Kind::frame, std::make_shared<const proto::Bytes>(std::move(out.frame))});
    }
    for (const auto& sealed : client.take_dials()) {
        const auto record = records_.intern(sealed);
        const auto target = record ? find({record->body.link_endpoint, record->body.curve_key}) : std::nullopt;
        connect_client(place, client_connections_.at(place).size(), target);
    }
    auto& told = client_complaints_[place];
    for (; told < client.complaints().size(); ++told)
        invariants_.complain(name(place) + ": " + client.complaints()[told]);
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
    const auto id = client_connections_.at(place).at(*client.entry());
    const auto* connection = id == 0 ? nullptr : connections_[id].get();
    if (connection == nullptr || !connection->open[dialler] || !connection->open[acceptor]) return std::nullopt;
    return connection->place[acceptor];
}

}  // namespace mco::mesh::sim
