#pragma once

#include <string>

#include "client/account.hpp"
#include "client/mesh_map.hpp"
#include "client/results.hpp"
#include "client/terminal.hpp"
#include "proto/time.hpp"

// A MeshMap for people, scripts and Graphviz. Pure functions; all foreign text is made visible here.
namespace mco::client {

// Groups, their gateways, relays and proxies, and the leaves of each. `now` is what ages are told from.
std::string mesh_tree(const MeshMap& map, const Terminal& terminal, proto::WallTime now);

// One object: groups (with all nodes and links), missing, ledger, trouble. Keys are only ever added.
std::string mesh_json(const MeshMap& map, const Account& account, JsonForm form);

// One cluster a group, one line a link.
std::string mesh_dot(const MeshMap& map);

}  // namespace mco::client
