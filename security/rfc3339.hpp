#pragma once

#include <string>
#include <string_view>

#include "proto/error.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"

// Wall time as people and other programs write it, always UTC, from 1970 to what the wire can carry.
namespace mco::security {

inline constexpr proto::WallTime wall_time_min{};
inline constexpr proto::WallTime wall_time_max{proto::limits::wall_time_max};

// Times outside are written as the nearest one inside.
std::string to_rfc3339(proto::WallTime time);         // "2026-03-01T09:30:00Z"
std::string to_rfc3339_micros(proto::WallTime time);  // "2026-03-01T09:30:00.000001Z"

// "2026-03-01T09:30:00Z", with up to six decimals; another zone, a leap second, a date that does not exist or is out of range is `invalid`.
proto::Result<proto::WallTime> parse_rfc3339(std::string_view text);

}  // namespace mco::security
