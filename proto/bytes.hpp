#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace mco::proto {

// Owned and borrowed octets. A view never outlives the frame or file it was cut from.
using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(BytesView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes copy(BytesView bytes) { return {bytes.begin(), bytes.end()}; }

// Lower-case hexadecimal. Reading accepts both cases and nothing else: no blanks, no prefix, an even count.
std::string to_hex(BytesView bytes);
Result<Bytes> from_hex(std::string_view text);

}  // namespace mco::proto
