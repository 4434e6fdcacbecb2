#include "mesh/sim/world.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mesh/core/relays.hpp"
#include "mesh/sim/words.hpp"

namespace mco::mesh::sim {

namespace {

template <typename Id>
Id random_id(Rng& rng) {
    Id id;
    for (auto& octet : id.octets) octet = static_cast<std::uint8_t>(rng.below(256));
    return id;
}

}  // namespace

World::World(Options options)
    : options_(std::move(options)), rng_(options_.seed), ids_(rng_.fork()), network_(options_.network, rng_.fork()) {
    now_.mono = proto::Instant(std::chrono::seconds(1'000));
    now_.wall = proto::WallTime(std::chrono::seconds(1'800'000'000));
    agent_ = [this](Place, const proto::RequestId&) { return Script{.service = options_.service}; };
    for (std::size_t i = 0; i < options_.nodes; ++i) add_node();
    switch (options_.start) {
        case Start::cold:
            for (Place node = 0; node < options_.nodes; ++node) start(node);
            break;
        case Start::warm:
        case Start::warm_without_seeds:
            start_warm();
            break;
    }
}

Site World::site_of(const std::string& group) {
    const auto found = std::find(groups_.begin(), groups_.end(), group);
    if (found != groups_.end()) return static_cast<Site>(found - groups_.begin());
    groups_.push_back(group);
    members_.emplace_back();
    seeds_.emplace_back();
    return static_cast<Site>(groups_.size() - 1);
}

Place World::add_node() {
    const auto place = static_cast<Place>(nodes_.size());
    auto node = std::make_unique<Node>();
    if (options_.character) node->character = options_.character(place);
    const auto site = site_of(node->character.group);
    node->is_seed = node->character.dialable && seeds_[site].size() < options_.seeds;
    if (node->is_seed) seeds_[site].push_back(place);
    auto& body = node->body;
    body.peer = random_id<proto::PeerId>(ids_);
    body.name = fmt::format("node{}", place + 1);
    body.group = node->character.group;
    body.curve_key = random_id<proto::CurvePublicKey>(ids_);
    body.collectives = node->character.collectives;
    body.software = "sim";
    body.relay = node->character.relay;
    body.performs = node->character.performs;
    places_.emplace(body.peer, place);
    members_[site].push_back(place);
    network_.settle(place, site);
    nodes_.push_back(std::move(node));
    return place;
}

// What a node says of itself from its next start on. Seeds stay where they are; others come up on whatever port is free.
void World::make_record(Place place) {
    auto& node = *nodes_[place];
    node.body.incarnation = static_cast<std::uint64_t>(now_.wall.time_since_epoch().count());
    const auto port = node.is_seed ? std::string("fixed") : std::to_string(node.starts);
    ++node.starts;
    if (node.character.dialable) {
        node.body.link_endpoint = fmt::format("sim://{}:{}", node.body.name, port);
        node.body.fanout_endpoint = fmt::format("sim://{}:{}/fanout", node.body.name, port);
    }
    node.record = records_.intern(node.body);
}

void World::start(Place place) {
    if (nodes_.at(place)->engine) return;
    make_record(place);
    start_engine(place, {}, seeds_for(place));
}

// Relays first, so that leaves find them.
void World::start_warm() {
    for (Place place = 0; place < nodes_.size(); ++place) make_record(place);
    const auto leaves_from = std::chrono::milliseconds(300);
    const auto spread = 200'000 + nodes_.size() * 10;  // microseconds: a herd, but not all in one instant
    for (const auto& members : members_) {
        RelayRanking ranking;
        const auto everybody = std::make_shared<std::vector<SharedRecord>>();  // one list for all who start
        const auto relays = std::make_shared<std::vector<SharedRecord>>();
        for (const auto place : members) {
            everybody->push_back(nodes_[place]->record);
            ranking.put(nodes_[place]->body, true);
        }
        const auto chosen = ranking.relays(members.size());
        for (const auto& id : chosen) relays->push_back(nodes_[places_.at(id)]->record);
        for (const auto place : members) {
            const bool relay = std::binary_search(chosen.begin(), chosen.end(), id(place));
            const auto when = relay ? proto::Duration(rng_.below(100'000)) : leaves_from + proto::Duration(rng_.below(spread));
            ++starting_;
            const bool seeds = relay || options_.start == Start::warm;
            at(when, [this, place, seeds, known = relay ? everybody : relays] {
                --starting_;
                if (!nodes_[place]->engine) start_engine(place, *known, seeds ? seeds_for(place) : std::vector<Address>());
            });
        }
    }
}

// Those of its own group, and of the next: in a ring every group is found.
std::vector<Address> World::seeds_for(Place place) const {
    const auto site = network_.site(place);
    std::vector<Address> seeds;
    const auto add = [&](Site from) {
        for (const auto one : seeds_[from]) {
            const auto& body = nodes_[one]->body;
            if (one != place) seeds.push_back({fmt::format("sim://{}:fixed", body.name), body.curve_key});
        }
    };
    add(site);
    const auto next = static_cast<Site>((site + 1U) % groups_.size());
    if (next != site) add(next);
    return seeds;
}

void World::start_engine(Place place, std::vector<SharedRecord> known, std::vector<Address> seeds) {
    auto& node = *nodes_[place];
    if (node.character.dialable) {
        endpoints_[node.body.link_endpoint] = place;
        endpoints_[node.body.fanout_endpoint] = place;
    }
    node.frozen = node.host_dead = node.busy = false;
    node.owed = node.io_free = {};
    ++node.process;
    Engine::Self self;
    self.record = node.record;
    self.seeds = std::move(seeds);
    self.homes = options_.homes;
    self.known = std::move(known);
    if (options_.memory) self.memory = std::exchange(node.memory, {});
    node.rng = rng_.fork();
    node.engine.emplace(std::move(self), options_.timing, node.rng);
    node.engine->start(now_);
    settle(place);
}

void World::kill(Place place, Death death) {
    if (nodes_.at(place)->engine) forget_process(place, death);
}

void World::leave(Place place) {
    if (!running(place)) return;
    input(place, {}, [this, place] { nodes_[place]->engine->leave(now_, "told to"); });
    const auto process = nodes_[place]->process;
    at(std::chrono::milliseconds(50), [this, place, process] {
        if (nodes_[place]->process == process) kill(place);
    });
}

void World::forget_process(Place place, Death death) {
    auto& node = *nodes_[place];
    if (options_.memory) node.memory = node.engine->memory(now_);
    node.engine.reset();
    node.inbox.clear();
    node.frozen = node.busy = false;
    node.host_dead = death == Death::host;
    node.wake = proto::Instant::max();
    node.links.clear();
    node.peers.clear();
    node.dials.clear();
    node.subscribers.clear();
    node.topics.clear();
    endpoints_.erase(node.body.link_endpoint);
    endpoints_.erase(node.body.fanout_endpoint);
    for (const auto id : std::exchange(node.connections, {})) {
        auto& connection = *connections_[id];
        const End end = connection.place[dialler] == place ? dialler : acceptor;
        connection.open[end] = false;
        if (death == Death::process) put(id, other(end), {Parcel::Kind::end, {}});
    }
    // Its subscriptions: XPUB sees them end with the connection, or when the link has been silent for long enough.
    for (const auto& [where, follower] : std::exchange(node.followers, {})) {
        if (!follower.publisher) continue;
        nodes_[*follower.publisher]->followed_by.erase(place);
        const auto delay = death == Death::process ? network_.delay(place, *follower.publisher)
                                                   : proto::Duration(std::chrono::seconds(15));
        at(delay, [this, publisher = *follower.publisher, place, generation = follower.generation] {
            unsubscribe(publisher, place, generation);
        });
    }
    // And its own publications end for those who follow it.
    const Address fanout{node.body.fanout_endpoint, node.body.curve_key};
    for (const auto follower : std::exchange(node.followed_by, {})) retry_follow(follower, fanout);
}

void World::freeze(Place place) {
    if (running(place)) nodes_[place]->frozen = true;
}

void World::thaw(Place place) {
    auto& node = *nodes_.at(place);
    if (!node.frozen) return;
    node.frozen = false;
    // What arrived meanwhile is read first; only then does it look at its clock.
    if (!node.busy) next_job(place);
    input(place, {}, [this, place] { nodes_[place]->engine->elapse(now_); });
}

void World::partition(const std::vector<Place>& side) {
    for (Place a = 0; a < nodes_.size(); ++a) {
        for (Place b = 0; b < nodes_.size(); ++b) {
            const bool a_in = std::find(side.begin(), side.end(), a) != side.end();
            const bool b_in = std::find(side.begin(), side.end(), b) != side.end();
            if (a_in != b_in) network_.block(a, b);
        }
    }
}

void World::heal() {
    network_.heal();
    for (ConnectionId id = 1; id < connections_.size(); ++id) {
        if (!connections_[id]) continue;
        for (const End end : {dialler, acceptor}) {
            auto stuck = std::exchange(connections_[id]->stuck[end], {});
            for (auto& parcel : stuck) travel(id, end, std::move(parcel), now_.mono);
        }
    }
}

// ------------------------------------------------------------------------------------------------ time

void World::at(proto::Duration after, std::function<void()> act) {
    queue_.push({now_.mono + after, ++events_, std::move(act)});
}

bool World::step() {
    if (queue_.empty()) return false;
    auto event = std::move(const_cast<Event&>(queue_.top()));
    queue_.pop();
    now_.wall += event.when - now_.mono;
    now_.mono = event.when;
    if (++steps_ == options_.steps_max)
        invariants_.complain(fmt::format("{} steps, and no end: is somebody going in circles?", steps_));
    event.act();
    return true;
}

void World::run(proto::Duration how_long) {
    run_until([] { return false; }, how_long);
}

bool World::run_until(const std::function<bool()>& condition, proto::Duration at_most) {
    const auto until = now_.mono + at_most;
    while (!condition()) {
        if (failed()) return false;
        if (queue_.empty() || queue_.top().when > until) {
            now_.wall += until - now_.mono;
            now_.mono = until;
            return condition();
        }
        step();
    }
    return true;
}

proto::RequestId World::make_request_id() { return random_id<proto::RequestId>(ids_); }

// ------------------------------------------------------------------------------------------------ inspection

std::optional<Place> World::place_of(const proto::PeerId& peer) const {
    const auto found = places_.find(peer);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
}

std::string World::name(const proto::PeerId& peer) const {
    if (const auto place = place_of(peer)) return name(*place);
    for (const auto& [place, client] : clients_) {
        if (caller_id(place) == peer) return name(place);
    }
    return peer.is_zero() ? "nobody" : peer.hex().substr(0, 8);
}

std::string World::name(Place place) const {
    if (place == nowhere) return "nobody";
    return place < first_client ? nodes_.at(place)->body.name : fmt::format("c{}", place - first_client + 1);
}

std::string World::name(const proto::RequestId& request) const {
    const auto found = request_numbers_.find(request);
    return found == request_numbers_.end() ? request.hex().substr(0, 8) : fmt::format("r{}", found->second);
}

bool World::follows(Place subscriber, Place publisher) const {
    const auto& subscribers = nodes_.at(publisher)->subscribers;
    const auto found = subscribers.find(subscriber);
    return found != subscribers.end() && !found->second.topics.empty();
}

std::string World::trace(Place place) const {
    const auto& node = *nodes_.at(place);
    std::string text;
    for (std::size_t i = 0; i < node.trace.size(); ++i) {
        const auto& [when, effect, other] = node.trace[(node.traced + i) % node.trace.size()];
        text += fmt::format("{:>12} {} {}\n", when.time_since_epoch().count(), name(place), words(*this, effect, other));
    }
    return text;
}

std::uint64_t World::busiest_connection() const {
    std::uint64_t most = 0;
    for (const auto& connection : connections_) {
        if (connection) most = std::max({most, connection->octets[dialler], connection->octets[acceptor]});
    }
    return most;
}

void World::reset_traffic() {
    for (auto& node : nodes_) node->traffic = {};
    for (auto& connection : connections_) {
        if (connection) connection->octets[dialler] = connection->octets[acceptor] = 0;
    }
}

}  // namespace mco::mesh::sim
