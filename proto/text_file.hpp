#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "proto/error.hpp"

namespace mco::proto {

// The octets of a regular file of at most `size_max`. Anything else (a folder, a FIFO, /dev/zero) is refused without being
// waited for. `not_found`: there is no such file; `denied`: it may not be read; `invalid`: too large or not a file. The text
// names the file and the next step. Any thread.
Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t size_max);

// The file holds exactly this text, or still what it held: it is written beside it and renamed. For what may be lost with the
// power, so nothing waits for a disk. Any thread; of two processes at once one is the last.
Result<void> replace_file(const std::filesystem::path& file, std::string_view text, mode_t mode);

}  // namespace mco::proto
