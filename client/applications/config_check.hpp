#pragma once

#include "client/command.hpp"

namespace mco::client::applications {

// mco config check FILE: what becomes of each line of an MCollective configuration, and what has to be added to it. Status 0: a
// program would start with these lines, once what is missing is there.
proto::Result<ExitStatus> check_config(Context& context);

}  // namespace mco::client::applications
