#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

// What a mesh should look like when everybody who runs knows of all who run, computed from outside.

// The relays of a group, ascending by id.
std::vector<proto::PeerId> relays_of(const World& world, Site site);

struct Settled {
    std::size_t relays = 0, relays_linked = 0;    // with a link and a subscription to and from each other relay of the group
    std::size_t leaves = 0, leaves_attached = 0;  // to the first of their relays, and it knows what they subscribed to
    std::size_t groups = 0, groups_joined = 0;    // with a gateway that is linked to each other group
    std::size_t starting = 0;                     // not running yet
    bool all() const {
        return starting == 0 && relays == relays_linked && leaves == leaves_attached && groups == groups_joined;
    }
};
Settled settled(const World& world);
std::string text_of(const Settled& one);  // "3 relays, 4 leaves", and how many of them are in their place if not all are

// Runs until all is; false if it was not in time. Looks every 10 ms, or every 100 ms where many run.
bool settle(World& world, proto::Duration at_most);

}  // namespace mco::mesh::sim
