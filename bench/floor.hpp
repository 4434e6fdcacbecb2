#pragma once

#include <cstddef>

#include "bench/sample.hpp"
#include "proto/error.hpp"

namespace mco::bench {

enum class Transport { curve, tcp };

struct FloorShape {
    std::size_t agents = 5, rounds = 1'000, request_bytes = 600, reply_bytes = 300;
    bool processes = false;
    Transport transport = Transport::curve;
};
// From the send of a request to the last reply, for each round, by bare libzmq with CURVE or by TCP alone.
proto::Result<Sample> measure_floor(const FloorShape& shape);
// What each of them is made of; see floor.cpp and floor_tcp.cpp.
proto::Result<Sample> measure_curve_floor(const FloorShape& shape);
proto::Result<Sample> measure_tcp_floor(const FloorShape& shape);

inline constexpr std::size_t floor_warm_up_rounds = 20;

}  // namespace mco::bench
