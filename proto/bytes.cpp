#include "proto/bytes.hpp"

#include <fmt/format.h>

namespace mco::proto {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

int digit_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

}  // namespace

std::string to_hex(BytesView bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t octet : bytes) {
        text.push_back(digits[octet >> 4U]);
        text.push_back(digits[octet & 0x0FU]);
    }
    return text;
}

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) {
        return fail(Errc::malformed, fmt::format("hexadecimal text has an odd number of digits ({})", text.size()));
    }
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); at += 2) {
        const int high = digit_value(text[at]);
        const int low = digit_value(text[at + 1]);
        // The text may be a secret that was pasted into the wrong place: the place is named, never the text.
        if (high < 0 || low < 0) {
            return fail(Errc::malformed,
                        fmt::format("character {} is not a hexadecimal digit", high < 0 ? at + 1 : at + 2));
        }
        bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return bytes;
}

}  // namespace mco::proto
