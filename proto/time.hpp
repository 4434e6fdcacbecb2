#pragma once

#include <chrono>

namespace mco::proto {

using Duration = std::chrono::microseconds;

// Two clocks that must not mix. Monotonic time decides behaviour; wall time only stamps, expires credentials and
// bounds replays. Neither type can read a clock: whoever owns the clock samples it once a turn and passes `Now` down.
struct Monotonic {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Monotonic, Duration>;
    static constexpr bool is_steady = true;
};
struct Wall {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Wall, Duration>;  // since 1970-01-01 00:00 UTC
    static constexpr bool is_steady = false;
};
using Instant = Monotonic::time_point;
using WallTime = Wall::time_point;

struct Now {
    Instant mono{};
    WallTime wall{};
};

}  // namespace mco::proto
