#include "node/file_stamp.hpp"

#include <sys/stat.h>

namespace mco::node {

FileStamp stamp_of(const std::filesystem::path& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return {};
    constexpr std::int64_t second = 1'000'000'000;
    return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec * second + found.st_mtim.tv_nsec,
            found.st_ctim.tv_sec * second + found.st_ctim.tv_nsec};
}

}  // namespace mco::node
