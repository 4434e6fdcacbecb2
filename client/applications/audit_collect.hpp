#pragma once

#include <span>
#include <string>

#include "client/command.hpp"

namespace mco::client::applications {

// mco audit collect: asks the agent audit of the nodes for what is new, and appends it to FOLDER/NODE.jsonl. What does not continue what
// was collected before is not taken, and told. Interrupted, it goes on where it was.
proto::Result<ExitStatus> collect_audit(Context& context, std::span<const std::string> words);

}  // namespace mco::client::applications
