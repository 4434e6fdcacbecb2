#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace mco::test {

// All of a file; "" if it cannot be read.
inline std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace mco::test
