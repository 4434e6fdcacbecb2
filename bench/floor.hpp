#pragma once

#include <cstddef>

#include "bench/sample.hpp"
#include "proto/error.hpp"

namespace mco::bench {

struct FloorShape {
    std::size_t agents = 5, rounds = 1'000, request_bytes = 600, reply_bytes = 300;
    bool processes = false;
};
// Bare libzmq with CURVE: from the send of a request to the last reply, for each round; see floor.cpp.
proto::Result<Sample> measure_floor(const FloorShape& shape);

}  // namespace mco::bench
