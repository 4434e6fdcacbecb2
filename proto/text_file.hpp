#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "proto/error.hpp"

namespace mco::proto {

// The octets of a regular file of at most `size_max`. Anything else (a folder, a FIFO, /dev/zero) is refused without being
// waited for. `not_found`: there is no such file; `denied`: it may not be read; `invalid`: too large or not a file. The text
// names the file and the next step. Any thread.
Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t size_max);

}  // namespace mco::proto
