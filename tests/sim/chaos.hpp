#pragma once

#include <cstdint>
#include <vector>

#include "mesh/core/rng.hpp"
#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

// One seed's life of a mesh: requests all the time, faults for a while (or none at all, in a healthy run), then peace, and
// what must be true in peace.
class Chaos {
 public:
    explicit Chaos(std::uint64_t seed);
    void run();
    const World& world() const { return world_; }

 private:
    enum class Mood : std::uint8_t { healthy, lossy, faulty };
    static World::Options options(Rng& dice, Mood mood);
    void work(proto::Duration for_long);
    void submit();
    void disturb();
    void misfortune(Place node);
    void break_network();
    void make_peace();
    World::Script script(Place node, const proto::RequestId& request);
    Place any_node() { return static_cast<Place>(dice_.below(world_.nodes())); }
    proto::Duration between(std::uint64_t from_ms, std::uint64_t to_ms);

    Rng dice_;
    Mood mood_;
    World world_;
    bool quiet_ = false;
};

}  // namespace mco::mesh::sim
