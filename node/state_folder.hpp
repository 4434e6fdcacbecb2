#pragma once

#include <filesystem>
#include <string_view>

#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::node {

// Makes the folder (itself, not those above it: one that is mistyped is named) and claims it for this process: two daemons with one journal
// and one identity would answer for each other. Held until the descriptor is closed, by whatever end of the process. Errors name the
// process that has it, or why the folder cannot be made. A folder that cannot be written is nobody's to claim; what is to be written there
// complains for itself, and reading goes on.
proto::Result<Descriptor> claim_state_folder(const std::filesystem::path& folder, std::string_view program);

}  // namespace mco::node
