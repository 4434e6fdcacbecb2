#include "tests/sim/chaos.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mesh/sim/shape.hpp"

namespace mco::mesh::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t nodes_max = 40;
constexpr std::size_t joins_max = 4;
constexpr auto request_timeout = milliseconds(5'000);
constexpr auto request_ttl = milliseconds(4'000);
constexpr auto remember = seconds(5);  // as in life: longer than anybody takes an old request

}  // namespace

Chaos::Chaos(std::uint64_t seed)
    : dice_(seed),
      mood_(static_cast<Mood>(std::min<std::uint64_t>(dice_.below(5), 2))),
      shape_(shape(dice_)),
      world_(options(dice_, mood_, shape_)) {
    world_.set_agent([this](Place node, const proto::RequestId& request) { return script(node, request); });
}

// Mostly few: they find the same faster. More than full_mesh_max of one group are relays and leaves without anybody wishing it.
Chaos::Shape Chaos::shape(Rng& dice) {
    Shape shape;
    shape.dice = dice.next();
    const auto size = dice.below(20);
    shape.nodes = size < 12   ? 3 + dice.below(4)
                  : size < 18 ? 5 + dice.below(8)
                              : 18 + dice.below(nodes_max - 17);
    shape.wishes = dice.below(2) == 0;
    shape.groups = dice.below(3) == 0 ? 2 + dice.below(2) : 1;
    shape.groups = std::min(shape.groups, shape.nodes / 3);
    return shape;
}

// The first two of each group are ordinary: somebody must be there to dial, and to relay.
World::Character Chaos::character(const Shape& shape, Place place) {
    Rng dice(shape.dice ^ (place * 0x9e3779b97f4a7c15ULL));
    World::Character character;
    character.group = shape.groups == 1 ? "default" : fmt::format("dc{}", place % shape.groups + 1);
    if (dice.below(4) == 0) character.collectives.push_back("web");
    if (!shape.wishes || place < 2 * shape.groups) return character;
    switch (dice.below(6)) {
        case 0:
            character.relay = proto::RelayWish::always;
            character.performs = dice.below(2) == 0;
            break;
        case 1:
        case 2:
            character.relay = proto::RelayWish::never;
            break;
        case 3:
            character.dialable = false;
            break;
        default:
            break;
    }
    return character;
}

World::Options Chaos::options(Rng& dice, Mood mood, const Shape& shape) {
    World::Options options;
    options.nodes = shape.nodes;
    options.seed = dice.next();
    options.steps_max = 2'000'000;
    options.timing.remember = remember;
    options.seeds = 1 + dice.below(2);
    options.homes = 1 + dice.below(3);
    options.start = dice.below(3) == 0 ? World::Start::warm : World::Start::cold;
    options.character = [shape](Place place) { return character(shape, place); };
    options.network.delay_min = proto::Duration(50 + dice.below(400));
    options.network.delay_max = options.network.delay_min + proto::Duration(dice.below(5'000));
    options.network.between_min = proto::Duration(1'000 + dice.below(20'000));
    options.network.between_max = options.network.between_min + proto::Duration(dice.below(60'000));
    options.network.fanout_reorders = dice.below(2) == 0;
    options.network.late_max = proto::Duration(dice.below(2'000));
    switch (mood) {
        case Mood::healthy:
            // In order, as a socket's publications are: a gap would be fetched, and come twice.
            options.network.fanout_reorders = false;
            // So fast that no patience ends, however the dice fall; and in order, or a gap is seen that is none.
            options.network.delay_max = options.network.delay_min + proto::Duration(500);
            break;
        case Mood::lossy:
            options.network.fanout_loss = static_cast<std::uint32_t>(dice.below(600));
            break;
        case Mood::faulty:
            options.network.fanout_loss = static_cast<std::uint32_t>(dice.below(100));
            break;
    }
    options.memory = options.seed % 3 != 0;
    if (Rng(options.seed).below(2) == 0) {  // so little that most answers wait for it
        options.timing.credit_window = 2'000;
        options.timing.credit_step = 500;
        options.timing.backlog_max = 1'000;
    }
    return options;
}

proto::Duration Chaos::between(std::uint64_t from_ms, std::uint64_t to_ms) {
    return milliseconds(from_ms + dice_.below(to_ms - from_ms + 1));
}

World::Script Chaos::script(Place, const proto::RequestId&) {
    World::Script script;
    const auto kind = dice_.below(100);
    script.service = proto::Duration(kind < 60   ? 200 + dice_.below(3'000)
                                     : kind < 80 ? dice_.below(40'000)
                                     : kind < 95 ? dice_.below(800'000)
                                                 : dice_.below(8'000'000));
    if (mood_ == Mood::healthy || quiet_) script.service = std::min(script.service, proto::Duration(seconds(2)));
    const auto outcome = dice_.below(10);
    script.outcome = outcome == 0   ? proto::Outcome::failed
                     : outcome == 1 ? proto::Outcome::denied
                     : outcome < 4  ? proto::Outcome::not_matched
                                    : proto::Outcome::ok;
    script.reply_size = dice_.below(50) == 0 ? 700'000 : dice_.below(2'000);
    if (script.outcome == proto::Outcome::not_matched) script.reply_size = 0;
    return script;
}

void Chaos::run() {
    if (!settle(world_, seconds(60)) && !world_.failed()) {
        world_.invariants().complain("a fresh mesh does not settle: " + text_of(settled(world_)));
        world_.invariants().check_whole(world_);
    }
    world_.run(seconds(1));  // for what is told in batches
    work(seconds(5 + dice_.below(15)));
    make_peace();
    quiet_ = true;
    // The longest back-off, the longest silence, a round of pings; then the last request and the memory of it.
    world_.run(seconds(80));
    work(seconds(2));
    world_.run(request_timeout + seconds(2));
    if (world_.failed()) return;
    world_.invariants().check_whole(world_);
    world_.invariants().check_clients(world_);
    for (const auto client : in_peace_) world_.invariants().check_complete(world_, client);
    switch (mood_) {
        case Mood::healthy:
            return world_.invariants().check_healthy(world_);
        case Mood::lossy:
            return world_.invariants().check_reached(world_);
        case Mood::faulty:
            return;
    }
}

void Chaos::work(proto::Duration for_long) {
    const auto until = world_.now().mono + for_long;
    while (world_.now().mono < until && !world_.failed()) {
        world_.run(between(5, 700));
        if (dice_.below(3) != 0) submit();
        if (mood_ == Mood::faulty && !quiet_) disturb();
    }
}

Place Chaos::submit() {
    Client::Plan plan{.request = world_.make_request_id(), .timeout = request_timeout, .ttl = request_ttl};
    if (dice_.below(5) == 0) plan.collective = "web";
    std::vector<Place> entries{any_node()};
    if (mood_ != Mood::healthy && dice_.below(2) == 0) {
        const auto spare = any_node();
        if (spare != entries.front()) entries.push_back(spare);
    }
    const bool spared = entries.size() > 1;
    plan.slow = mood_ == Mood::faulty && !quiet_ && plan.request.octets[0] % 16 == 0;
    const Place client = world_.submit(std::move(plan), entries);
    if (mood_ == Mood::healthy) return client;
    if (quiet_) {
        in_peace_.push_back(client);
        return client;
    }
    if (dice_.below(8) == 0) world_.at(between(0, 300), [this, client] { world_.cancel(client); });
    if (dice_.below(8) == 0 && spared)
        world_.at(between(0, 300), [this, client, entry = dice_.below(2)] { world_.repeat(client, entry); });
    if (dice_.below(12) == 0) world_.at(between(0, 50), [this, client] { world_.drop_client(client); });
    return client;
}

// A relay or a gateway, if there are others than those; entries are hit by chance as well.
Place Chaos::somebody_important() {
    std::vector<Place> important;
    for (Place node = 0; node < world_.nodes(); ++node) {
        if (!world_.running(node)) continue;
        const auto& engine = world_.engine(node);
        if (engine.gateway() || engine.role() == Engine::Role::relay) important.push_back(node);
        if (engine.gateway() && shape_.groups > 1) important.push_back(node);
    }
    return important.empty() ? any_node() : important[dice_.below(important.size())];
}

void Chaos::disturb() {
    switch (dice_.below(5)) {
        case 0:
            return misfortune(any_node());
        case 1:
            // In the middle of a request, or a moment after.
            if (dice_.below(2) == 0) submit();
            return world_.at(proto::Duration(dice_.below(30'000)), [this] { misfortune(somebody_important()); });
        case 2:
            return break_network();
        case 3:
            if (world_.nodes() < shape_.nodes + joins_max && dice_.below(4) == 0) world_.start(world_.add_node());
            return;
        default:
            return;
    }
}

void Chaos::misfortune(Place node) {
    const auto back = between(10, 30'000);
    switch (dice_.below(5)) {
        case 0:
            world_.kill(node);
            return world_.at(back, [this, node] { world_.start(node); });
        case 1:
            world_.kill(node, World::Death::host);
            return world_.at(back, [this, node] { world_.start(node); });
        case 2:
            world_.kill(node);
            return world_.at(proto::Duration(1 + dice_.below(1'000)), [this, node] { world_.start(node); });
        case 3:
            world_.leave(node);
            return world_.at(back + milliseconds(60), [this, node] { world_.start(node); });
        default:
            world_.freeze(node);
            return world_.at(back, [this, node] { world_.thaw(node); });
    }
}

void Chaos::break_network() {
    const auto a = any_node(), b = any_node();
    switch (dice_.below(6)) {
        case 0: {
            std::vector<Place> side;
            for (Place node = 0; node < world_.nodes(); ++node) {
                if (dice_.below(2) == 0) side.push_back(node);
            }
            world_.partition(side);
            break;
        }
        case 1:  // one way only
            if (a != b) world_.network().block(a, b);
            break;
        case 2:
            if (a != b) world_.network().clog(a, b);
            break;
        case 3:
            world_.network().set_fanout_loss(static_cast<std::uint32_t>(dice_.below(1'001)));
            break;
        case 4:
            if (shape_.groups > 1) part_groups();
            break;
        default:
            break;
    }
    world_.at(between(20, 30'000), [this] { world_.heal(); });
}

// Both ways, or one way only.
void Chaos::part_groups() {
    const auto one = static_cast<Site>(dice_.below(shape_.groups));
    const auto other = static_cast<Site>((one + 1 + dice_.below(shape_.groups - 1)) % shape_.groups);
    world_.network().block_sites(one, other);
    if (dice_.below(2) == 0) world_.network().block_sites(other, one);
}

void Chaos::make_peace() {
    world_.heal();
    for (Place node = 0; node < world_.nodes(); ++node) {
        world_.thaw(node);
        if (!world_.running(node)) world_.start(node);
    }
}

}  // namespace mco::mesh::sim
