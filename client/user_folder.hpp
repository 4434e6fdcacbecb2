#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "client/command.hpp"

namespace mco::client {

// Where files of the user's own go: $VARIABLE/mco, or ~/UNDER_HOME/mco. None without both, and none in a home that is not there:
// that of an account for services is not made.
std::optional<std::filesystem::path> user_folder(const Environment& environment, std::string_view variable, std::string_view under_home);

}  // namespace mco::client
