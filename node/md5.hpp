#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "proto/error.hpp"

// MD5 proves nothing to anybody; scripts written for MCollective compare it all the same. 32 hex digits. Any thread.
namespace mco::node {

std::string md5_of(std::string_view text);

// Of a regular file of at most `size_max` octets: `invalid` if it is larger or no such file, `denied` if it may not be read.
proto::Result<std::string> md5_of_file(const std::filesystem::path& file, std::size_t size_max);

}  // namespace mco::node
