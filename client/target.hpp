#pragma once

#include "client/options.hpp"
#include "proto/filter.hpp"

namespace mco::client {

// The filter options as one filter. The error is `invalid` and shows the term as it was typed.
proto::Result<proto::Filter> read_filter(const Options& options);

// Compiles it, so that an expression that does not hold is found before anything is sent.
proto::Result<proto::Matcher> compile_filter(const proto::Filter& filter);

}  // namespace mco::client
