#pragma once

#include <cstdint>

namespace mco::mesh {

// Dice that can be thrown again: splitmix64 (Steele, Lea and Flood, 2014). For choices and jitter, never for secrets. One
// stream a purpose, so that a new use does not shift everybody's dice.
class Rng {
 public:
    explicit Rng(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
        return mixed ^ (mixed >> 31);
    }
    // Evenly from [0, bound), bound at most 2^32; 0 for bound 0. The bias is below 2^-32 for our bounds.
    std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }
    Rng fork() { return Rng(next()); }

 private:
    std::uint64_t state_;
};

}  // namespace mco::mesh
