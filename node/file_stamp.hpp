#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

namespace mco::node {

// What tells that a file was changed since it was read. Take it before reading: then a change made meanwhile is seen at
// the next look. Equal stamps: not changed, as far as the file system can say.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t size = -1;  // -1: there is no such file
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp stamp_of(const std::filesystem::path& file);

}  // namespace mco::node
