#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "client/session.hpp"

namespace mco::client::applications {

// What the options of `mco puppet` ask of a run, as arguments of the action runonce. `invalid`: they contradict each other.
proto::Result<std::map<std::string, std::string>> read_run_options(const Options& options);

// Runs Puppet on all nodes of the filter that are enabled, never more than `most` at once. It asks every second who applies a
// catalog, starts as many as there is room for, and gives a node up that did not answer, or not start, five times. With
// --rerun it begins again, until it is interrupted. Prints a line with the time for each step.
proto::Result<ExitStatus> run_all(Context& context, Session& session, std::size_t most,
                                  const std::map<std::string, std::string>& arguments);

}  // namespace mco::client::applications
