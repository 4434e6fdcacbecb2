#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "node/counters.hpp"
#include "node/mesh_view.hpp"
#include "proto/time.hpp"

namespace mco::node {

// What a daemon knows of itself at one moment, for those who watch over it.
struct DaemonState {
    std::string name;      // the certificate's
    std::string software;  // "mcod 0.1.0"
    proto::WallTime started{};
    proto::WallTime certificate_until{};
    bool ready = false;       // it belongs to its group
    std::size_t running = 0;  // actions
    Counters counters;
    MeshView mesh;
};

// Counters in the order and by the names in which they are told.
struct NamedCounter {
    std::string_view name, meaning;
    std::uint64_t Counters::*value;
};
std::span<const NamedCounter> named_counters();

// SIGUSR1: a few lines for a person, one event each.
std::vector<std::string> state_report(const DaemonState& state, proto::WallTime now);

}  // namespace mco::node
