#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "proto/error.hpp"
#include "proto/filter.hpp"

namespace mco::client {

// The nodes that a file says this filter means. YAML or JSON, a list of what each node is:
//
//     nodes:
//       - name: web1
//         facts: {country: uk}
//         classes: [httpd]
//         agents: [puppet]
//         collectives: [mcollective]
//
// All but the name may be left out; who has no collectives is in all. A part of the filter about which the file says nothing at
// all is `invalid`, and so are data functions, which only nodes can answer. At most 16 MiB and node_set_max nodes.
proto::Result<std::vector<std::string>> search_inventory(const std::filesystem::path& file, const proto::Filter& filter,
                                                         const std::string& collective);

}  // namespace mco::client
