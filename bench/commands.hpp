#pragma once

#include <string_view>

#include "bench/arguments.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// A benchmark is a row: `run` measures, prints what it found to stdout, and fails with a sentence.
struct Command {
    std::string_view name, summary, usage, help;  // help: what --help adds, with examples
    proto::Result<void> (*run)(Arguments arguments);
};

proto::Result<void> run_agents(Arguments arguments);
proto::Result<void> run_emulate(Arguments arguments);
proto::Result<void> run_fanout(Arguments arguments);
proto::Result<void> run_floor(Arguments arguments);
proto::Result<void> run_report(Arguments arguments);
proto::Result<void> run_request(Arguments arguments);
proto::Result<void> run_simulate(Arguments arguments);
proto::Result<void> run_wan(Arguments arguments);

}  // namespace mco::bench
