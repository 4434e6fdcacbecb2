#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mesh/sim/network.hpp"
#include "proto/ids.hpp"

namespace mco::mesh::sim {

class Client;
class World;

// What must hold between nodes, which no engine can see alone. Engines check themselves; clients check their accounts.
class Invariants {
 public:
    // After each step.
    void performed(Place node, std::uint64_t incarnation, const proto::RequestId& request);
    void delivered(Place node, const proto::RequestId& request);
    void complain(std::string what) { complaints_.push_back(std::move(what)); }

    // At the end, when everything was healed for a while and everybody runs: the relays of each group are those who should be,
    // linked with each other, and have equal rosters; every leaf is attached to its first relay; the groups are joined.
    void check_whole(const World& world);
    // Every client whose entry lived has a closed account. After the last deadline.
    void check_clients(const World& world);
    // Publications were lost, but no link and no node: the link made good what was lost, and nobody is named without cause.
    void check_reached(const World& world);
    // Nothing failed in this run: every request reached every node exactly once, and nobody is missing.
    void check_healthy(const World& world);
    // The same of one request, that was made when all was whole; it may have come more than once.
    void check_complete(const World& world, Place client);

    std::uint32_t performances(Place node, const proto::RequestId& request) const;
    const std::vector<std::string>& complaints() const { return complaints_; }

 private:
    std::map<std::pair<Place, proto::RequestId>, std::map<std::uint64_t, std::uint32_t>> performed_;  // by incarnation
    std::map<std::pair<Place, proto::RequestId>, std::uint32_t> delivered_;
    std::vector<std::string> complaints_;
};

}  // namespace mco::mesh::sim
