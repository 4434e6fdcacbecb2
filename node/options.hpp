#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "node/config.hpp"
#include "proto/error.hpp"

namespace mco::node {

// What the command line says.
struct Options {
    std::filesystem::path config;         // mcod: /etc/mco/mcod.conf, proxy: /etc/mco/proxy.conf
    std::optional<int> ready_descriptor;  // told once the node takes part
    bool check_config = false;
    bool version = false;
    bool help = false;
};

// Error: `invalid`, one sentence and the next step.
proto::Result<Options> parse_options(Program program, int argc, const char* const* argv);
std::string usage(Program program);

}  // namespace mco::node
