#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "client/config.hpp"
#include "client/gather.hpp"
#include "client/request.hpp"

// Names that earlier commands met, for the completion of later ones. One small file of the user for each collective of each mesh;
// without it nothing is worse but the completion.
namespace mco::client {

struct KnownNames {
    static constexpr std::size_t nodes_max = 5'000, facts_max = 1'000;  // full: further names are not learned
    static constexpr std::size_t file_size_max = 2 * 1024 * 1024;

    std::set<std::string> nodes, facts;

    // Nodes that replied, and facts of replies that tell some. A whole answer of every node replaces the nodes, so that machines
    // that are gone are forgotten. Whether anything changed.
    bool learn(const Call& call, const Gathered& gathered);
};

// $XDG_CACHE_HOME/mco/names-KEY, or ~/.cache/mco/names-KEY; none without both variables. KEY stands for the authorities of the
// mesh and the collective.
std::optional<std::filesystem::path> name_cache_file(const Environment& environment, const Config& config,
                                                     std::string_view collective);
KnownNames read_names(const std::filesystem::path& file);  // what cannot be read is empty
// At once, readable for its owner only. A cache that cannot be written is none: nobody is told. Of the folder's caches those that
// were written last stay.
inline constexpr std::size_t caches_max = 16;
void write_names(const std::filesystem::path& file, const KnownNames& names);

}  // namespace mco::client
