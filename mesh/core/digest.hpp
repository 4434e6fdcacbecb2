#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mesh/core/rng.hpp"
#include "proto/ids.hpp"

namespace mco::mesh {

// Short sums by which two peers see that they know the same. They find differences; they do not withstand somebody who
// constructs equal ones. The same on every kind of machine.
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t word) { return Rng(hash ^ word).next(); }

inline std::uint64_t digest_of(const proto::PeerId& peer) {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < peer.octets.size(); i += 8) {
        std::uint64_t word = 0;
        for (std::size_t k = 0; k < 8; ++k) word = word << 8 | peer.octets[i + k];
        hash = mix(hash, word);
    }
    return hash;
}

inline std::uint64_t digest_of(std::span<const proto::PeerId> peers) {
    std::uint64_t hash = peers.size();
    for (const auto& peer : peers) hash = mix(hash, digest_of(peer));
    return hash;
}

}  // namespace mco::mesh
