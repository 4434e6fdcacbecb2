#pragma once

#include <span>
#include <string>
#include <string_view>

#include "client/config.hpp"

namespace mco::client {

// One key of the client's configuration.
struct ConfigKey {
    std::string_view name;
    std::string_view meaning;
    std::string (*set)(Config& config, std::string_view value);  // returns what is wrong with the value, "" if nothing
    std::string (*shown)(const Config& config);                  // what is in force; none: each line adds a value
};
std::span<const ConfigKey> config_keys();

}  // namespace mco::client
