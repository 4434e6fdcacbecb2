#include "tests/support/temp_dir.hpp"

#include <stdlib.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace mco::test {

TempDir::TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mco-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        std::perror("mkdtemp");
        std::abort();
    }
    path_ = pattern;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDir::write(std::string_view name, std::string_view text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) {
        std::fprintf(stderr, "cannot write %s\n", file.c_str());
        std::abort();
    }
    return file;
}

}  // namespace mco::test
