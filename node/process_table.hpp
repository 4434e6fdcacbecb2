#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "proto/error.hpp"

namespace mco::node {

// One process as /proc tells it.
struct ProcessRow {
    pid_t pid = 0, parent = 0;
    uid_t uid = 0;
    std::int64_t threads = 0, tty_nr = 0;
    std::int64_t vsize = 0;      // octets
    std::int64_t rss = 0;        // pages
    std::string state;           // "S", "R", "Z", ...
    std::string command_line;    // words joined by blanks; "[name]" of kernel threads and zombies, which have none
};

inline constexpr std::size_t command_line_max = 4'096;  // octets kept of one

// Visits every process, in no order; `visit` returns false to end. Read by hand: it is two files of a process, libproc2 would
// want more of the kernel's files for the same, and a table of a test's own can be looked at. A process that ends while it is
// read is left out. Any thread.
proto::Result<void> each_process(const std::filesystem::path& proc, const std::function<bool(const ProcessRow&)>& visit,
                                 std::stop_token stop = {});

}  // namespace mco::node
