#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "mesh/core/rng.hpp"
#include "proto/time.hpp"

namespace mco::mesh::sim {

// Where something is on the network: a node by its index, a client beyond all of them.
using Place = std::uint32_t;
inline constexpr Place first_client = 1'000'000;
inline constexpr Place nowhere = 0xffff'ffff;

// Who reaches whom, how fast, and what gets lost. Knows nothing of engines.
class Network {
 public:
    struct Options {
        proto::Duration delay_min{200}, delay_max{300};  // one way, evenly between
        std::uint32_t fanout_loss = 0;                   // publications lost, of a thousand
        bool fanout_reorders = false;                    // publications may overtake each other
        proto::Duration late_max{0};                     // a host looks at its clock so much too late
    };
    Network(Options options, Rng rng) : options_(options), rng_(rng) {}

    proto::Duration delay();
    proto::Duration late();
    std::optional<proto::Duration> fanout_delay();  // nothing: lost
    bool fanout_reorders() const { return options_.fanout_reorders; }
    void set_fanout_loss(std::uint32_t of_a_thousand) { options_.fanout_loss = of_a_thousand; }

    // One way each. Blocked: octets wait in the sender's kernel, as TCP has it. Clogged: the sender's queue is full.
    void block(Place from, Place to) { blocked_.insert({from, to}); }
    void clog(Place from, Place to) { clogged_.insert({from, to}); }
    void heal();
    bool blocked(Place from, Place to) const { return blocked_.contains({from, to}); }
    bool clogged(Place from, Place to) const { return clogged_.contains({from, to}); }
    bool reaches(Place one, Place other) const { return !blocked(one, other) && !blocked(other, one); }

 private:
    Options options_;
    Rng rng_;
    std::set<std::pair<Place, Place>> blocked_, clogged_;
};

}  // namespace mco::mesh::sim
