#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>
#include <string_view>

namespace mco::node {

// What the agent filemgr and the data source fstat call a file's type, and how they write its times.
std::string_view kind_of(mode_t mode);
std::string local_time(std::time_t seconds);

}  // namespace mco::node
