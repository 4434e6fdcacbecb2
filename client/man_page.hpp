#pragma once

#include <filesystem>
#include <string>

#include "client/command.hpp"
#include "proto/error.hpp"

namespace mco::client {

// Manual pages in roff, from what the help pages are made of.
std::string man_page(const Command& command);  // mco-NAME(1)
std::string man_overview();                    // mco(1)

// mco.1 and mco-NAME.1 of every command, into a folder that is made if need be.
proto::Result<void> write_man_pages(const std::filesystem::path& folder);

}  // namespace mco::client
