#include "node/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace mco::node {

proto::Result<Descriptor> claim_state_folder(const std::filesystem::path& folder, std::string_view program) {
    using proto::Errc;
    if (folder.empty()) return Descriptor();
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return proto::fail(Errc::invalid,
                           fmt::format("state_folder {} cannot be made: {}", folder.string(), std::generic_category().message(errno)));
    const auto file = folder / fmt::format("{}.lock", program);
    Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) return lock;
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 16> pid{};
        const auto size = ::read(lock.get(), pid.data(), pid.size() - 1);
        return proto::fail(Errc::invalid, fmt::format("state_folder {} is in use: {} runs already, as process {}\nStop that one first, or give this "
                                                      "one a configuration of its own (-c).",
                                                      folder.string(), program, size > 0 ? pid.data() : "?"));
    }
    // For the message above only, so a full disk is no reason to stop.
    const auto pid = std::to_string(::getpid());
    if (::ftruncate(lock.get(), 0) != 0 || ::write(lock.get(), pid.data(), pid.size()) < 0) return lock;
    return lock;
}

}  // namespace mco::node
