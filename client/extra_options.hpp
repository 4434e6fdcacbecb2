#pragma once

#include <string>
#include <vector>

#include "client/config.hpp"
#include "client/options.hpp"

namespace mco::client {

// The words of MCOLLECTIVE_EXTRA_OPTS for a command with these options. Options that only other commands have are left out, with
// their values: the variable is for all of them. What no command has stays, to be refused.
proto::Result<std::vector<std::string>> extra_options(const Environment& environment, const OptionSet& options);

}  // namespace mco::client
