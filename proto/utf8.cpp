#include "proto/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace mco::proto {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

std::uint8_t octet(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

bool in_range(std::uint8_t value, std::uint8_t first, std::uint8_t last) { return value >= first && value <= last; }

// Octets of the character at `at`, 0 if none is there. The ranges of the second octet are those of Unicode's table of
// well-formed sequences (3-7): they exclude overlong forms, surrogates and what lies above U+10FFFF.
std::size_t character_size(std::string_view text, std::size_t at) {
    const std::uint8_t first = octet(text, at);
    if (first < 0x80) return 1;
    std::size_t size = 0;
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (in_range(first, 0xC2, 0xDF)) {
        size = 2;
    } else if (in_range(first, 0xE0, 0xEF)) {
        size = 3;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (in_range(first, 0xF0, 0xF4)) {
        size = 4;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (text.size() - at < size || !in_range(octet(text, at + 1), low, high)) return 0;
    for (std::size_t i = 2; i < size; ++i) {
        if (!in_range(octet(text, at + i), 0x80, 0xBF)) return 0;
    }
    return size;
}

}  // namespace

std::size_t valid_utf8_size(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        // Nearly all text is ASCII: eight octets in one look.
        std::uint64_t eight = 0;
        while (text.size() - at >= sizeof eight) {
            std::memcpy(&eight, text.data() + at, sizeof eight);
            if ((eight & 0x8080808080808080U) != 0) break;
            at += sizeof eight;
        }
        if (at == text.size()) break;
        const std::size_t size = character_size(text, at);
        if (size == 0) break;
        at += size;
    }
    return at;
}

std::string repair_utf8(std::string_view text) {
    std::string repaired;
    while (true) {
        const std::size_t valid = valid_utf8_size(text);
        repaired += text.substr(0, valid);
        if (valid == text.size()) return repaired;
        repaired += replacement;
        text.remove_prefix(valid + 1);
    }
}

std::string_view cut_utf8(std::string_view text, std::size_t size_max) {
    if (text.size() <= size_max) return text;
    std::size_t size = size_max;
    while (size > 0 && (octet(text, size) & 0xC0U) == 0x80U) --size;
    return text.substr(0, size);
}

}  // namespace mco::proto
