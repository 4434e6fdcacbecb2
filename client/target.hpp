#pragma once

#include <chrono>

#include "client/options.hpp"
#include "proto/filter.hpp"
#include "proto/schema_library.hpp"

namespace mco::client {

// The filter options as one filter. The error is `invalid` and shows the term as it was typed.
proto::Result<proto::Filter> read_filter(const Options& options);

// That every data function exists, takes its question and has that output: found by its DDL before anything is sent. What they may
// take together is added to the wait.
proto::Result<std::chrono::seconds> check_data(const proto::Filter& filter, const proto::SchemaLibrary& library);

// Compiles it, so that an expression that does not hold is found before anything is sent.
proto::Result<proto::Matcher> compile_filter(const proto::Filter& filter);

}  // namespace mco::client
