#pragma once

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

}  // namespace mco::client
