#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mesh/io/host.hpp"

namespace mco::mesh::io {

struct Count {
    std::string_view name;  // static
    std::uint64_t value = 0;
};

// Every counter of a host under its stable name: "socket.…" is what sockets carried, dropped or refused, "mesh.…" what the
// engine noticed. Names are only ever added; docs/mesh.md explains each.
std::vector<Count> named(const Host::Counters& counters);

}  // namespace mco::mesh::io
