#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/error.hpp"

// Files that decide who may do what: read whole, bounded, only if nobody else could have written them. Errors name the file
// and the command that mends it.
namespace mco::security {

enum class Access : std::uint8_t {
    secret,   // ours alone: owned by us, mode 0600 or tighter, no symbolic link
    trusted,  // anybody may read, but not every user of the machine may write it
    open,     // no rule: what a person wants to look at
};

// Regular files only; a FIFO or device is refused without being waited for. The result's memory was never reallocated, so
// wiping it leaves nothing behind.
proto::Result<proto::Bytes> read_small_file(const std::filesystem::path& file, std::size_t size_max, Access access);

// Exclusively (`invalid` if it is there), with exactly this mode, and on disk when it returns. A failed write leaves no file.
proto::Result<void> create_file(const std::filesystem::path& file, std::string_view text, unsigned mode);

// The same in the place of one that may be there: a reader finds the old text or the new one. Not two at once for one file.
proto::Result<void> replace_file(const std::filesystem::path& file, std::string_view text, unsigned mode);

// Makes the folder with mode 0700, and those above it; one that is there must be ours alone.
proto::Result<void> make_private_folder(const std::filesystem::path& folder);

}  // namespace mco::security
