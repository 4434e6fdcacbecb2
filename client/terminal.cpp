#include "client/terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace mco::client {
namespace {

struct Character {
    char32_t code = 0;
    std::size_t octets = 0;  // 0: not UTF-8
};

// One character of UTF-8, strictly: shortest form, no surrogates, nothing above U+10FFFF.
Character read_character(std::string_view text) {
    const auto octet = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    const std::uint8_t lead = octet(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
    char32_t code = lead & (0xff >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((octet(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (octet(i) & 0x3f);
    }
    const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
    return {code, length};
}

// Characters that show nothing but change how their neighbours show.
bool deceives(char32_t code) {
    return (code >= 0x80 && code < 0xa0) || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xe0000 && code <= 0xe007f);
}

void escape(std::string& into, char32_t code) {
    switch (code) {
        case '\n':
            into += "\\n";
            return;
        case '\r':
            into += "\\r";
            return;
        case '\t':
            into += "\\t";
            return;
        default:
            break;
    }
    if (code < 0x80) {
        fmt::format_to(std::back_inserter(into), "\\x{:02x}", static_cast<std::uint32_t>(code));
    } else {
        fmt::format_to(std::back_inserter(into), "\\u{:04x}", static_cast<std::uint32_t>(code));
    }
}

}  // namespace

std::string visible(std::string_view foreign) {
    std::string text;
    text.reserve(foreign.size());
    while (!foreign.empty()) {
        const Character next = read_character(foreign);
        if (next.octets == 0) {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<std::uint8_t>(foreign.front()));
            foreign.remove_prefix(1);
            continue;
        }
        if (next.code < 0x20 || next.code == 0x7f || deceives(next.code)) {
            escape(text, next.code);
        } else {
            text += foreign.substr(0, next.octets);
        }
        foreign.remove_prefix(next.octets);
    }
    return text;
}

std::string on_one_line(std::string_view foreign) {
    const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    constexpr std::string_view closed = ".:;,!? ";
    std::string text;
    for (std::size_t i = 0; i < foreign.size(); ++i) {
        if (foreign[i] != '\n') {
            text += foreign[i];
            continue;
        }
        const bool sentence = i + 1 < foreign.size() && is_capital(foreign[i + 1]);
        text += sentence && !text.empty() && closed.find(text.back()) == closed.npos ? ". " : " ";
    }
    return visible(text);
}

std::string visible_json(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    while (!json.empty()) {
        const Character next = read_character(json);
        const std::size_t octets = std::max<std::size_t>(next.octets, 1);  // a writer of JSON leaves nothing invalid
        if (next.octets == 0 || (next.code != 0x7f && !deceives(next.code))) {
            text += json.substr(0, octets);
        } else if (next.code > 0xffff) {
            const auto rest = static_cast<std::uint32_t>(next.code) - 0x10000;
            fmt::format_to(std::back_inserter(text), "\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10),
                           0xdc00 + (rest & 0x3ff));
        } else {
            fmt::format_to(std::back_inserter(text), "\\u{:04x}", static_cast<std::uint32_t>(next.code));
        }
        json.remove_prefix(octets);
    }
    return text;
}

std::string dot_quoted(std::string_view foreign) {
    std::string text = "\"";
    for (const char character : visible(foreign)) {
        if (character == '"' || character == '\\') text += '\\';
        text += character;
    }
    return text + "\"";
}

std::string painted(const Terminal& terminal, Paint paint, std::string_view text) {
    if (!terminal.colour) return std::string(text);
    const auto code = [&] {
        switch (paint) {
            case Paint::red:
                return 31;
            case Paint::green:
                return 32;
            case Paint::yellow:
                return 33;
            case Paint::bold:
                return 1;
        }
        return 0;
    }();
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char octet) { return (static_cast<std::uint8_t>(octet) & 0xc0) != 0x80; }));
}

std::string sparkline(std::span<const std::size_t> counts) {
    constexpr std::array ticks{"▁", "▂", "▃", "▄", "▅", "▆", "▇"};
    std::size_t most = 1;
    for (const auto count : counts) most = std::max(most, count);
    std::string text;
    for (const auto count : counts) text += ticks[count * (ticks.size() - 1) / most];
    return text;
}

std::string left(std::string_view text, std::size_t columns) {
    const std::size_t used = width(text);
    return std::string(text) + std::string(columns > used ? columns - used : 0, ' ');
}

std::string right(std::string_view text, std::size_t columns) {
    const std::size_t used = width(text);
    return std::string(columns > used ? columns - used : 0, ' ') + std::string(text);
}

}  // namespace mco::client
