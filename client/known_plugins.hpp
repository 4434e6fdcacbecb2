#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mco::client {

// What `mco plugin doc` knows beside agents and data sources: parts of the program itself, which have no DDL.
struct KnownPlugin {
    std::string_view kind;         // as in "KIND/NAME"
    std::string_view name;
    std::string_view description;  // one line
    std::string_view text;         // more lines, how it is used
};
std::span<const KnownPlugin> known_plugins();  // those of a kind together, in the order of their names

std::string known_page(const KnownPlugin& plugin);

}  // namespace mco::client
