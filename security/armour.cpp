#include "security/armour.hpp"

#include <sodium.h>

#include <fmt/format.h>

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::string_view begin_mark = "-----BEGIN MCO ", end_mark = "-----END MCO ", tail_mark = "-----";
constexpr std::size_t line_size = 64;
constexpr std::size_t blocks_max = 8;  // a trust file of four roots, twice over

// The X of "-----BEGIN MCO X-----", or nothing.
std::optional<std::string_view> title_of(std::string_view line, std::string_view mark) {
    if (!line.starts_with(mark) || !line.ends_with(tail_mark) || line.size() <= mark.size() + tail_mark.size())
        return std::nullopt;
    return line.substr(mark.size(), line.size() - mark.size() - tail_mark.size());
}

// Each line but the last has 64 characters, so every line is whole groups and decodes alone.
bool append_line(std::string_view line, proto::Bytes& into) {
    if (line.empty() || line.size() > line_size) return false;
    const auto before = into.size();
    into.resize(before + line_size);
    std::size_t got = 0;
    const char* stopped = nullptr;
    const int failed = sodium_base642bin(into.data() + before, line_size, line.data(), line.size(), nullptr, &got,
                                         &stopped, sodium_base64_VARIANT_ORIGINAL);
    into.resize(before + (failed == 0 ? got : 0));
    return failed == 0 && stopped == line.data() + line.size();
}

}  // namespace

std::string wrap_armour(std::string_view title, proto::BytesView octets) {
    std::string text = fmt::format("{}{}{}\n", begin_mark, title, tail_mark);
    text.reserve(text.size() + octets.size() * 2 + 128);  // no reallocation: a secret leaves no copy behind
    constexpr std::size_t octets_a_line = line_size / 4 * 3;
    char line[line_size + 1];
    for (std::size_t at = 0; at < octets.size(); at += octets_a_line) {
        const auto count = std::min(octets_a_line, octets.size() - at);
        sodium_bin2base64(line, sizeof line, octets.data() + at, count, sodium_base64_VARIANT_ORIGINAL);
        text.append(line).push_back('\n');
    }
    sodium_memzero(line, sizeof line);
    text.append(end_mark).append(title).append(tail_mark).push_back('\n');
    return text;
}

proto::Result<std::vector<Armoured>> open_armour(std::string_view text) {
    std::vector<Armoured> blocks;
    blocks.reserve(blocks_max);
    bool inside = false, short_line = false;
    std::size_t number = 0;
    const auto refuse = [&](std::string_view why) -> tl::unexpected<proto::Error> {
        wipe(blocks);
        return proto::fail(Errc::malformed, fmt::format("line {}: {}", number, why));
    };
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (const auto title = title_of(line, begin_mark)) {
            if (inside) return refuse("a block begins within another");
            if (blocks.size() == blocks_max) return refuse("too many blocks");
            blocks.push_back({std::string(*title), {}});
            blocks.back().octets.reserve(text.size());
            inside = true;
            short_line = false;
        } else if (const auto closed = title_of(line, end_mark)) {
            if (!inside || *closed != blocks.back().title) return refuse("an end without its beginning");
            if (blocks.back().octets.empty()) return refuse("an empty block");
            inside = false;
        } else if (inside) {
            if (short_line || !append_line(line, blocks.back().octets))
                return refuse("no base64 text of 64 characters a line");
            short_line = line.size() < line_size;
        }
    }
    if (inside) return refuse("the last block has no end");
    return blocks;
}

void wipe(proto::Bytes& octets) { sodium_memzero(octets.data(), octets.size()); }
void wipe(std::string& text) { sodium_memzero(text.data(), text.size()); }
void wipe(std::vector<Armoured>& blocks) {
    for (auto& block : blocks) wipe(block.octets);
}

}  // namespace mco::security
