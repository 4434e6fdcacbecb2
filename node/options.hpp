#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "proto/error.hpp"

namespace mco::node {

// What the command line of mcod says.
struct Options {
    std::filesystem::path config = "/etc/mco/mcod.conf";
    std::optional<int> ready_descriptor;  // told once the node takes part
    bool check_config = false;
    bool version = false;
    bool help = false;
};

proto::Result<Options> parse_options(int argc, const char* const* argv);  // `invalid`: one sentence and the next step
std::string usage();

}  // namespace mco::node
