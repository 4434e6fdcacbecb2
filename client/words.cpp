#include "client/words.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "proto/config_file.hpp"

namespace mco::client {
namespace {

bool is_blank(char character) { return character == ' ' || character == '\t' || character == '\n'; }

}  // namespace

proto::Result<std::vector<std::string>> split_shell_words(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char character = line[i];
        if (quote == '\'' ? character != '\'' : quote == '"' && character != '"' && character != '\\') {
            word += character;
        } else if (quote != 0 && character == quote) {
            quote = 0;
        } else if (quote == 0 && (character == '\'' || character == '"')) {
            quote = character;
            in_word = true;
        } else if (character == '\\' && i + 1 < line.size()) {
            const char next = line[++i];
            if (quote == '"' && next != '"' && next != '\\') word += '\\';
            word += next;
            in_word = true;
        } else if (is_blank(character)) {
            if (in_word) words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else {
            word += character;
            in_word = true;
        }
    }
    if (quote != 0)
        return proto::fail(proto::Errc::invalid, fmt::format("a quote {} is not closed in: {}", quote, line));
    if (in_word) words.push_back(std::move(word));
    return words;
}

std::string enumerate(std::span<const std::string> words) {
    if (words.empty()) return "nothing";
    std::string text = words[0];
    for (std::size_t i = 1; i < words.size(); ++i) text += (i + 1 == words.size() ? " and " : ", ") + words[i];
    return text;
}

std::string not_known(std::span<const std::string> words, std::span<const std::string_view> known) {
    if (words.empty() || std::find(known.begin(), known.end(), words[0]) != known.end()) return {};
    const auto near = proto::nearest(words[0], known);
    return fmt::format("'{}' is not known{}; ", words[0], near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
}

std::string length_of(std::chrono::seconds time) {
    const auto seconds = time.count();
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} min", seconds / 60);
    if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace mco::client
