#pragma once

#include <cstddef>
#include <string>

#include "bench/fleet.hpp"
#include "node/signals.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// Whether somebody wants us to stop: INT or TERM since the last call.
bool asked_to_stop(node::Signals& signals);

// To who started us, as daemons do it: one line, then the end of the file.
void tell_line(int descriptor, std::string line);

// Until all nodes of the fleet have their place and know of each other; progress on stderr, a line now and then where that is no terminal. False: asked to stop.
proto::Result<bool> wait_until_whole(EmulatedFleet& fleet, std::size_t nodes, node::Signals& signals);

}  // namespace mco::bench
