#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/config.hpp"
#include "proto/error.hpp"

// Applications that are no commands of ours: an executable mco-NAME in $PATH is run by "mco NAME".
namespace mco::client {

struct PathApplication {
    std::string name;  // letters, digits, "_" and "-"
    std::filesystem::path program;
};

// By name; the first in $PATH counts. Our own programs (mco-ca, mco-proxy, mco-bench) are none.
std::vector<PathApplication> path_applications(const Environment& environment);
std::optional<PathApplication> find_path_application(const Environment& environment, std::string_view name);

// How it is started. The options for the connection, the discovery and the filter (-c -T -t --dt --ttl --dm --do --nodes --color -W -F -C
// -A -I -S, by their whole names) are taken out of what was typed and put into MCOLLECTIVE_EXTRA_OPTS, so that every mco it calls
// means the same nodes in the same mesh; everything else is its own, in its order. MCO is the path of this program.
struct Launch {
    std::vector<std::string> argv;
    Environment environment;
};
proto::Result<Launch> prepare_launch(const PathApplication& application, std::span<const std::string> typed,
                                     const Environment& environment, const std::string& self);

}  // namespace mco::client
