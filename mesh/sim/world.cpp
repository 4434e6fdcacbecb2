#include "mesh/sim/world.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mesh/sim/words.hpp"
#include "proto/codec.hpp"

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
    : options_(options), rng_(options.seed), ids_(rng_.fork()), network_(options.network, rng_.fork()) {
    now_.mono = proto::Instant(std::chrono::seconds(1'000));
    now_.wall = proto::WallTime(std::chrono::seconds(1'800'000'000));
    agent_ = [this](Place, const proto::RequestId&) { return Script{.service = options_.service}; };
    for (std::size_t i = 0; i < options.nodes; ++i) add_node();
    for (Place node = 0; node < options.nodes; ++node) start(node);
}

Place World::add_node() {
    const auto place = static_cast<Place>(nodes_.size());
    auto node = std::make_unique<Node>();
    node->record.peer = random_id<proto::PeerId>(ids_);
    node->record.name = fmt::format("node{}", place + 1);
    node->record.group = "default";
    node->record.curve_key = random_id<proto::CurvePublicKey>(ids_);
    node->record.collectives = {"mcollective"};
    node->record.software = "sim";
    nodes_.push_back(std::move(node));
    return place;
}

void World::start(Place place) {
    auto& node = *nodes_.at(place);
    if (node.engine) return;
    node.record.incarnation = static_cast<std::uint64_t>(now_.wall.time_since_epoch().count());
    // Seeds stay where they are; others come up on whatever port is free.
    const bool is_seed = place < options_.seeds;
    const auto port = is_seed ? std::string("fixed") : std::to_string(node.process);
    node.record.link_endpoint = fmt::format("sim://{}:{}", node.record.name, port);
    node.record.fanout_endpoint = fmt::format("sim://{}:{}/fanout", node.record.name, port);
    node.frozen = node.host_dead = false;
    ++node.process;
    Engine::Self self;
    self.record = node.record;
    self.sealed = sealed_record(node);
    for (Place seed = 0; seed < options_.seeds && seed < nodes_.size(); ++seed) {
        const auto& record = nodes_[seed]->record;
        if (seed != place) self.seeds.push_back({fmt::format("sim://{}:fixed", record.name), record.curve_key});
    }
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
    input(place, [this, place] { nodes_[place]->engine->leave(now_, "told to"); });
    const auto process = nodes_[place]->process;
    at(std::chrono::milliseconds(50), [this, place, process] {
        if (nodes_[place]->process == process) kill(place);
    });
}

void World::forget_process(Place place, Death death) {
    auto& node = *nodes_[place];
    node.engine.reset();
    node.backlog.clear();
    node.frozen = false;
    node.host_dead = death == Death::host;
    node.wake = proto::Instant::max();
    node.links.clear();
    node.dials.clear();
    node.subscribers.clear();
    for (auto& [id, connection] : connections_) {
        for (const End end : {dialler, acceptor}) {
            if (connection.place[end] != place || !connection.open[end]) continue;
            connection.open[end] = false;
            if (death == Death::process) put(id, other(end), {Parcel::Kind::end, {}});
        }
    }
    // Its subscriptions: XPUB sees them end with the connection, or when heartbeats have failed for long enough.
    for (const auto& [where, follower] : node.followers) {
        const auto publisher = find(where, &proto::PeerRecordBody::fanout_endpoint);
        if (!publisher || !follower.established) continue;
        const auto delay = death == Death::process ? network_.delay() : proto::Duration(std::chrono::seconds(15));
        at(delay, [this, publisher = *publisher, place, generation = follower.generation] {
            unsubscribe(publisher, place, generation);
        });
    }
    node.followers.clear();
    // And its own publications end for those who follow it.
    for (Place other_place = 0; other_place < nodes_.size(); ++other_place) {
        for (auto& [where, follower] : nodes_[other_place]->followers) {
            if (where.endpoint == node.record.fanout_endpoint && follower.established) retry_follow(other_place, where);
        }
    }
}

void World::freeze(Place place) {
    if (running(place)) nodes_[place]->frozen = true;
}

void World::thaw(Place place) {
    auto& node = *nodes_.at(place);
    if (!node.frozen) return;
    node.frozen = false;
    // What arrived meanwhile is read first; only then does it look at its clock.
    auto backlog = std::exchange(node.backlog, {});
    for (auto& act : backlog) {
        if (!node.engine) return;
        act();
    }
    if (!node.engine) return;
    node.engine->elapse(now_);
    settle(place);
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
    for (auto& [id, connection] : connections_) {
        for (const End end : {dialler, acceptor}) {
            auto stuck = std::exchange(connection.stuck[end], {});
            for (auto& parcel : stuck) put(id, end, std::move(parcel));
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
    ++steps_;
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

void World::input(Place place, std::function<void()> act) {
    auto& node = *nodes_[place];
    if (!node.engine) return;
    if (node.frozen) {
        node.backlog.push_back([this, place, process = node.process, act = std::move(act)] {
            if (nodes_[place]->process != process || !nodes_[place]->engine) return;
            act();
            settle(place);
        });
        return;
    }
    act();
    settle(place);
}

void World::settle(Place place) {
    auto& node = *nodes_[place];
    last_active_ = place;
    std::vector<Effect> effects;
    while (node.engine) {
        effects.clear();
        node.engine->drain(effects);
        if (effects.empty()) break;
        for (auto& effect : effects) {
            const Place other = at_other_end(place, effect);
            node.trace.push_back({now_.mono, effect, other});
            if (node.trace.size() > options_.trace_max) node.trace.pop_front();
            if (observer_.effect) observer_.effect(place, effect, other);
        }
        for (auto& effect : effects) std::visit([&](auto& one) { perform(place, one); }, effect);
    }
    if (!node.engine) return;
    node.engine->check();
    schedule_wake(place);
}

void World::schedule_wake(Place place) {
    auto& node = *nodes_[place];
    const auto next = node.engine->next_deadline();
    if (!next || *next >= node.wake) return;
    node.wake = std::max(*next, now_.mono);
    const auto process = node.process;
    at(node.wake - now_.mono + network_.late(), [this, place, process, due = node.wake] {
        auto& woken = *nodes_[place];
        if (woken.process != process || !woken.engine || woken.wake != due) return;  // an earlier one took its place
        woken.wake = proto::Instant::max();
        if (woken.frozen) return;
        woken.engine->elapse(now_);
        settle(place);
    });
}

// ------------------------------------------------------------------------------------------------ inspection

proto::Bytes World::sealed_record(const Node& node) const {
    proto::SealedRecord sealed;
    sealed.body = proto::pack(node.record);
    return proto::pack(sealed);
}

std::optional<Place> World::find(const Address& where, std::string proto::PeerRecordBody::*endpoint) const {
    for (Place place = 0; place < nodes_.size(); ++place) {
        const auto& node = *nodes_[place];
        if (node.engine && node.record.*endpoint == where.endpoint && node.record.curve_key == where.key) return place;
    }
    return std::nullopt;
}

std::string World::name(const proto::PeerId& peer) const {
    for (const auto& node : nodes_) {
        if (node->record.peer == peer) return node->record.name;
    }
    for (const auto& [place, client] : clients_) {
        if (caller_id(place) == peer) return name(place);
    }
    return peer.is_zero() ? "nobody" : peer.hex().substr(0, 8);
}

std::string World::name(Place place) const {
    if (place == nowhere) return "nobody";
    return place < first_client ? nodes_.at(place)->record.name : fmt::format("c{}", place - first_client + 1);
}

std::string World::name(const proto::RequestId& request) const {
    std::size_t number = 0;
    for (const auto& [place, client] : clients_) {
        ++number;
        if (client.plan().request == request) return fmt::format("r{}", number);
    }
    return request.hex().substr(0, 8);
}

Place World::at_other_end(Place place, const Effect& effect) const {
    const auto* send = std::get_if<Send>(&effect);
    const auto* hangup = std::get_if<Hangup>(&effect);
    if (send == nullptr && hangup == nullptr) return nowhere;
    const auto& links = nodes_.at(place)->links;
    const auto found = links.find(send != nullptr ? send->to : hangup->link);
    if (found == links.end()) return nowhere;
    const auto& ends = connections_.at(found->second).place;
    return ends[dialler] == place ? ends[acceptor] : ends[dialler];
}

bool World::whole() const {
    for (Place a = 0; a < nodes_.size(); ++a) {
        if (!running(a)) continue;
        const auto views = engine(a).members();
        for (Place b = 0; b < nodes_.size(); ++b) {
            if (a == b || !running(b)) continue;
            const auto found =
                std::find_if(views.begin(), views.end(), [&](const auto& one) { return one.peer == id(b); });
            if (found == views.end() || !found->linked) return false;
        }
    }
    return true;
}

bool World::subscribed() const {
    for (Place a = 0; a < nodes_.size(); ++a) {
        if (!running(a)) continue;
        for (const auto& view : engine(a).members()) {
            if (view.linked && !view.subscribed) return false;
        }
    }
    return true;
}

proto::RequestId World::make_request_id() { return random_id<proto::RequestId>(ids_); }

std::string World::trace(Place place) const {
    std::string text;
    for (const auto& [when, effect, other] : nodes_.at(place)->trace)
        text +=
            fmt::format("{:>12} {} {}\n", when.time_since_epoch().count(), name(place), words(*this, effect, other));
    return text;
}

}  // namespace mco::mesh::sim
