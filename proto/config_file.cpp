#include "proto/config_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/text_file.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

namespace fs = std::filesystem;

bool is_blank(char sign) { return sign == ' ' || (sign >= '\t' && sign <= '\r'); }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

// plugin.d/*.cfg beside the main file, sorted: which one wins must not depend on the file system.
Result<std::vector<fs::path>> plugin_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const fs::path& file = entry->path();
        if (file.extension() == ".cfg" && is_word(file.stem().native())) files.push_back(file);
        if (files.size() > limits::config_files_max) {
            return fail(Errc::invalid,
                        fmt::format("{} holds more than {} files", folder.string(), limits::config_files_max));
        }
    }
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
        return fail(Errc::denied, fmt::format("{} cannot be read: {}\nchmod it, or run as the user who may read it",
                                              folder.string(), error.message()));
    }
    std::sort(files.begin(), files.end());
    return files;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t edit_distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1), above(row.size()), higher(row.size());
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < one.size(); ++i) {
        higher.swap(above);
        above.swap(row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < other.size(); ++j) {
            row[j + 1] = std::min({row[j] + 1, above[j + 1] + 1, above[j] + (one[i] == other[j] ? 0 : 1)});
            if (i > 0 && j > 0 && one[i] == other[j - 1] && one[i - 1] == other[j])  // two letters that changed places are one error
                row[j + 1] = std::min(row[j + 1], higher[j - 1] + 1);
        }
    }
    return row.back();
}

}  // namespace

Result<std::vector<Setting>> parse_config(std::string_view text, const fs::path& file, std::string_view prefix) {
    std::vector<Setting> settings;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));

        const std::string_view line = trimmed(whole);
        if (line.empty() || whole.front() == '#') continue;
        const Setting place{.key = {}, .value = {}, .file = file, .line = number};
        const std::size_t divide = line.find('=');
        if (divide == std::string_view::npos) {
            if (line.front() == '#') continue;
            return fail(Errc::malformed,
                        config_error(place, fmt::format("\"{}\" has no value\nWrite it as key = value, "
                                                        "or put # in the first column.",
                                                        repair_utf8(line.substr(0, limits::name_size_max)))));
        }
        const std::string_view key = trimmed(line.substr(0, divide));
        if (key.empty()) {
            return fail(Errc::malformed, config_error(place, "there is no key before \"=\"\nWrite it as key = value."));
        }
        settings.push_back({.key = fmt::format("{}{}", prefix, key),
                            .value = std::string(trimmed(line.substr(divide + 1))),
                            .file = file,
                            .line = number});
    }
    return settings;
}

Result<std::vector<Setting>> read_config(const fs::path& file) {
    const auto text = read_text_file(file, limits::config_size_max);
    if (!text) return tl::unexpected(text.error());
    auto settings = parse_config(*text, file);
    if (!settings) return settings;

    const auto files = plugin_files(file.parent_path() / "plugin.d");
    if (!files) return tl::unexpected(files.error());
    for (const fs::path& plugin : *files) {
        const auto part = read_text_file(plugin, limits::config_size_max);
        if (!part) return tl::unexpected(part.error());
        auto more = parse_config(*part, plugin, fmt::format("plugin.{}.", plugin.stem().string()));
        if (!more) return more;
        settings->insert(settings->end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
    }
    return settings;
}

std::string_view plugin_of(std::string_view key) {
    constexpr std::string_view front = "plugin.";
    if (!key.starts_with(front)) return {};
    const auto dot = key.find('.', front.size());
    return dot == std::string_view::npos ? std::string_view() : key.substr(front.size(), dot - front.size());
}

std::string config_error(const Setting& setting, std::string_view text) {
    return fmt::format("{}:{}: {}", setting.file.string(), setting.line, text);
}

Result<bool> parse_boolean(std::string_view value) {
    std::string word(value);
    std::transform(word.begin(), word.end(), word.begin(), lower);
    constexpr std::array<std::string_view, 5> positive{"1", "yes", "true", "y", "t"};
    constexpr std::array<std::string_view, 5> negative{"0", "no", "false", "n", "f"};
    if (std::find(positive.begin(), positive.end(), word) != positive.end()) return true;
    if (std::find(negative.begin(), negative.end(), word) != negative.end()) return false;
    return fail(Errc::invalid, fmt::format("must be yes or no, not \"{}\"", value));
}

Result<std::int64_t> parse_integer(std::string_view value, Range range) {
    std::int64_t number = 0;
    const char* const end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stopped != end || number < range.least || number > range.most) {
        return fail(Errc::invalid,
                    fmt::format("must be a whole number from {} to {}, not \"{}\"", range.least, range.most, value));
    }
    return number;
}

std::vector<std::string> parse_list(std::string_view value) {
    std::vector<std::string> items;
    while (!value.empty()) {
        const std::size_t end = std::min(value.find(','), value.size());
        if (const std::string_view item = trimmed(value.substr(0, end)); !item.empty()) items.emplace_back(item);
        value.remove_prefix(std::min(end + 1, value.size()));
    }
    return items;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    constexpr std::size_t compared_max = 256;
    if (word.size() > compared_max) return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > compared_max) continue;
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace mco::proto
