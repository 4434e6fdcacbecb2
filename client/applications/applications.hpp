#pragma once

#include "client/command.hpp"

// The commands, one file each. main does not need to know them: command.cpp lists them.
namespace mco::client::applications {

extern const Command audit, completion, config, describe_filter, facts, filemgr, find, health, help, inventory, mesh, nettest, nrpe, package,
    ping, plugin, policy, process, puppet, registration, rpc, service, shell, version;

}  // namespace mco::client::applications
