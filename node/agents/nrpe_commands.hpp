#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

// Checks as Nagios' NRPE is told of them: command[NAME]=TEXT. Pure functions but for the reading; any thread.
namespace mco::node {

inline constexpr std::size_t nrpe_commands_max = 1'024;
inline constexpr std::size_t nrpe_files_max = 512;  // read for one call, included ones among them

using NrpeCommands = std::map<std::string, std::string, std::less<>>;  // name -> text; the last definition wins

// From files, and the *.cfg of folders, in this order; include= and include_dir= are followed. Files decide what runs as the
// daemon's user, so those that others can write are refused. A place that is not there defines nothing.
proto::Result<NrpeCommands> read_nrpe_commands(const std::vector<std::filesystem::path>& places);

// The argument list of a definition. Words are divided as a shell divides them, and only then $ARG1$, $ARG2$, ... are filled
// in: an argument of the caller's stays one word, whatever is in it. A definition that a shell has to read (pipes, variables,
// globs) becomes /bin/sh -c TEXT, as in NRPE, because it is the administrator's own text; it cannot take arguments.
proto::Result<std::vector<std::string>> nrpe_argv(std::string_view text, const std::vector<std::string>& arguments);

}  // namespace mco::node
