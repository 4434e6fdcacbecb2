#pragma once

#include <chrono>
#include <cstdint>

#include "mesh/core/rng.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// How long to wait before the next attempt: doubles up to a limit, and a fresh die between half of it and all of it, so
// that two thousand peers of a relay that came back do not return in step.
class Backoff {
 public:
    Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed)
        : first_(first), most_(most), next_(first), rng_(seed) {}

    std::chrono::milliseconds next();
    void reset() { next_ = first_; }

 private:
    std::chrono::milliseconds first_, most_, next_;
    Rng rng_;
};

}  // namespace mco::mesh::io
