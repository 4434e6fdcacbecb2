#pragma once

#include <cstdint>
#include <span>

#include "proto/bytes.hpp"

namespace mco::fuzz {

// Changes octets as the input says: groups of three, where (two octets, big endian) and what to add by exclusive or. So a
// fuzzer gets behind signatures and checksums that it could never guess.
inline proto::Bytes edited(proto::Bytes octets, std::span<const std::uint8_t> input) {
    for (; input.size() >= 3 && !octets.empty(); input = input.subspan(3)) {
        const std::size_t at = (static_cast<std::size_t>(input[0]) << 8 | input[1]) % octets.size();
        octets[at] = static_cast<std::uint8_t>(octets[at] ^ input[2]);
    }
    return octets;
}

}  // namespace mco::fuzz
