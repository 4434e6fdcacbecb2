#pragma once

#include <optional>
#include <string>

#include "client/command.hpp"
#include "client/session.hpp"

namespace mco::client::applications {

// `mco inventory --list-collectives`: asks every node for its collectives and counts. With `graph` a file for Graphviz is
// written instead of the table.
proto::Result<ExitStatus> report_collectives(Context& context, Session& session,
                                             const std::optional<std::string>& graph);

}  // namespace mco::client::applications
