#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mesh/core/rng.hpp"
#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

// One seed's life of a mesh: its shape (groups, proxies, leaves, machines that only dial), requests all the time, faults for a
// while (or none at all, in a healthy run), then peace, and what must be true in peace.
class Chaos {
 public:
    explicit Chaos(std::uint64_t seed);
    void run();
    const World& world() const { return world_; }
    void watch(World::Observer observer) { world_.set_observer(std::move(observer)); }

 private:
    enum class Mood : std::uint8_t { healthy, lossy, faulty };
    // Decided once a seed, before there is a world.
    struct Shape {
        std::size_t nodes = 3, groups = 1;
        bool wishes = false;  // some are proxies, some never relay, some cannot be dialled, some serve another collective
        std::uint64_t dice = 0;
    };
    static Shape shape(Rng& dice);
    static World::Character character(const Shape& shape, Place place);
    static World::Options options(Rng& dice, Mood mood, const Shape& shape);
    void work(proto::Duration for_long);
    Place submit();
    void disturb();
    void misfortune(Place node);
    void break_network();
    void part_groups();
    void make_peace();
    World::Script script(Place node, const proto::RequestId& request);
    Place any_node() { return static_cast<Place>(dice_.below(world_.nodes())); }
    Place somebody_important();
    proto::Duration between(std::uint64_t from_ms, std::uint64_t to_ms);

    Rng dice_;
    Mood mood_;
    Shape shape_;
    World world_;
    bool quiet_ = false;
    std::vector<Place> in_peace_;  // clients that asked when all was well again
};

}  // namespace mco::mesh::sim
