#pragma once

#include <filesystem>
#include <string_view>

namespace mco::test {

// A fresh directory (mode 0700) that goes away with the object.
class TempDir {
 public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
    // Writes a file below the directory, making folders on the way; returns its path.
    std::filesystem::path write(std::string_view name, std::string_view text) const;

 private:
    std::filesystem::path path_;
};

}  // namespace mco::test
