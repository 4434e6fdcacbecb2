#pragma once

#include <vector>

#include "node/agent.hpp"
#include "node/config.hpp"

namespace mco::node {

// main() of both programs: command line, configuration, then --check-config or a daemon's life. Returns the exit status.
// `agents` are those of the program; a proxy has none.
int run_program(Program program, std::vector<Agent*> agents, int argc, const char* const* argv);

}  // namespace mco::node
