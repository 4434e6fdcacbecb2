#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace mco::client {

// Words of a line as a shell reads them: blanks separate, quotes group, a backslash takes the next character. Nothing is
// expanded. An open quote is `invalid`.
proto::Result<std::vector<std::string>> split_shell_words(std::string_view line);

// "a, b and c"; "nothing" when empty.
std::string enumerate(std::span<const std::string> words);

// "'stauts' is not known (did you mean 'status'?); " if the first of the words is none of these; else "". In front of what is taken.
std::string not_known(std::span<const std::string> words, std::span<const std::string_view> known);

// "12 s", "3 min", "2 h 5 min", "4 d 3 h".
std::string length_of(std::chrono::seconds time);

// "1 node", "2 nodes".
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

}  // namespace mco::client
