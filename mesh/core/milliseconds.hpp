#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "proto/time.hpp"

namespace mco::mesh {

// As the wire counts: whole milliseconds in 32 bits, never negative, at most 49 days.
inline std::uint32_t milliseconds(proto::Duration duration) {
    const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace mco::mesh
