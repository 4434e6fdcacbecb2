#include "bench/usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace mco::bench {
namespace {

std::chrono::microseconds of(const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// As a container has it: its own group's files are where those of the whole machine would be.
std::size_t left_of_group() {
    for (const auto& [limit_file, usage_file] : {std::pair("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
                                                 std::pair("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")}) {
        std::size_t limit = 0, usage = 0;
        if (std::ifstream(limit_file) >> limit && std::ifstream(usage_file) >> usage) return limit - std::min(limit, usage);
    }
    return std::numeric_limits<std::size_t>::max();
}

}  // namespace

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t open_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator all("/proc/self/fd", error);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::chrono::microseconds processor_time() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return of(usage.ru_utime) + of(usage.ru_stime);
}

std::size_t available_bytes() {
    std::ifstream file("/proc/meminfo");
    std::string word;
    std::size_t kibibytes = 0;
    while (file >> word) {
        if (word == "MemAvailable:" && file >> kibibytes) break;
    }
    return std::min(kibibytes * 1'024, left_of_group());
}

std::size_t available_descriptors() {
    std::size_t used = 0, unused = 0, most = 0;
    std::ifstream("/proc/sys/fs/file-nr") >> used >> unused >> most;
    return most - std::min(most, used);
}

std::size_t address_space_bytes() {
    rlimit limit{};
    ::getrlimit(RLIMIT_AS, &limit);
    return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max() : limit.rlim_cur;
}

proto::Result<void> raise_descriptors(std::uint64_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return {};
    rlimit raised{.rlim_cur = wanted, .rlim_max = std::max<rlim_t>(limit.rlim_max, wanted)};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return {};
    return proto::fail(proto::Errc::overloaded,
                       fmt::format("{} file descriptors are needed, and this process may have {}\n"
                                   "As root: prlimit --pid $$ --nofile={}; if that is refused, sysctl fs.nr_open={}",
                                   wanted, limit.rlim_max, wanted, wanted));
}

}  // namespace mco::bench
