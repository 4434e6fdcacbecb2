#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "mesh/core/rng.hpp"
#include "proto/time.hpp"

namespace mco::mesh::sim {

// Where something is on the network: a node by its index, a client beyond all of them.
using Place = std::uint32_t;
inline constexpr Place first_client = 1'000'000;
inline constexpr Place nowhere = 0xffff'ffff;
using Site = std::uint16_t;  // a group, by number

// Who reaches whom, how fast, and what gets lost. Knows nothing of engines.
class Network {
 public:
    struct Options {
        proto::Duration delay_min{200}, delay_max{300};  // one way inside a site, evenly between
        // One way between two sites: each pair has its own distance, and what a delay inside has comes on top.
        proto::Duration between_min{15'000}, between_max{75'000};
        std::uint32_t fanout_loss = 0;                   // publications lost, of a thousand
        bool fanout_reorders = false;                    // publications may overtake each other
        proto::Duration late_max{0};                     // a host looks at its clock so much too late
    };
    Network(Options options, Rng rng) : options_(options), rng_(rng), distances_(rng_.fork()) {}

    // Files where something stands; otherwise it is at site 0.
    void settle(Place place, Site site);
    Site site(Place place) const;
    proto::Duration distance(Site one, Site other) const;  // one way, the same both ways; 0 inside

    proto::Duration delay(Place from, Place to);
    proto::Duration late();
    bool publication_lost() { return rng_.below(1000) < options_.fanout_loss; }
    bool fanout_reorders() const { return options_.fanout_reorders; }
    void set_fanout_loss(std::uint32_t of_a_thousand) { options_.fanout_loss = of_a_thousand; }

    // One way each. Blocked: octets wait in the sender's kernel, as TCP has it. Clogged: the sender's queue is full.
    void block(Place from, Place to) { blocked_.insert({from, to}); }
    void block_sites(Site from, Site to) { parted_.insert({from, to}); }
    void clog(Place from, Place to) { clogged_.insert({from, to}); }
    void heal();
    bool blocked(Place from, Place to) const;
    bool clogged(Place from, Place to) const { return !clogged_.empty() && clogged_.contains({from, to}); }
    bool reaches(Place one, Place other) const { return !blocked(one, other) && !blocked(other, one); }

 private:
    Options options_;
    Rng rng_, distances_;
    std::vector<Site> nodes_, clients_;
    std::set<std::pair<Place, Place>> blocked_, clogged_;
    std::set<std::pair<Site, Site>> parted_;
};

}  // namespace mco::mesh::sim
