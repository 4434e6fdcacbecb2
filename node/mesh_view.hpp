#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mesh/core/engine.hpp"
#include "mesh/io/counters.hpp"

namespace mco::node {

// What this node sees of the mesh at one moment, of its own group in the first place. Made on the reactor, which owns the
// engine, when a call that asks for it starts (Agent::sees_mesh); after that a value like any other.
struct MeshView {
    mesh::Engine::Role role = mesh::Engine::Role::leaf;
    bool gateway = false;
    std::string group;
    std::size_t members = 0;  // known ones of the group, ourselves included; a leaf knows the relays only
    std::vector<mesh::Engine::GroupView> other_groups;
    std::vector<mesh::Engine::LinkView> links;  // by name
    std::optional<mesh::Engine::RequestView> request;  // the one that asks for this view
    std::vector<mesh::io::Count> counters;             // of sockets and engine
};

}  // namespace mco::node
