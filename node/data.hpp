#pragma once

#include <span>
#include <string_view>

#include "node/call.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::node {

// Something a node can be asked about itself at the moment of the question: agent('rpcutil'), fstat('/etc/hosts'). Rows of
// one table; `query` has at most 256 octets. Worker thread.
struct DataSource {
    std::string_view name;
    proto::Result<proto::Value::Map> (*look_up)(const Call& call, std::string_view query);
};
std::span<const DataSource> data_sources();                 // sorted by name
const DataSource* find_data_source(std::string_view name);  // nullptr: there is none

}  // namespace mco::node
