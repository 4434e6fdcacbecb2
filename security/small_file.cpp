#include "security/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace mco::security {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

class Descriptor {
 public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }

 private:
    int number_;
};

tl::unexpected<proto::Error> system_failure(std::string_view doing, const fs::path& file, int number) {
    const auto code = number == ENOENT || number == ENOTDIR ? Errc::not_found
                      : number == EACCES || number == EPERM ? Errc::denied
                                                            : Errc::invalid;
    return proto::fail(code,
                       fmt::format("cannot {} {}: {}", doing, file.string(), std::generic_category().message(number)));
}

proto::Result<void> check_access(const fs::path& file, const struct stat& status, Access access) {
    const unsigned mode = status.st_mode & 07777U;
    if (!S_ISREG(status.st_mode))
        return proto::fail(Errc::invalid, fmt::format("{} is no regular file", file.string()));
    switch (access) {
        case Access::open:
            return {};
        case Access::trusted:
            if ((mode & S_IWOTH) == 0) return {};
            return proto::fail(Errc::denied, fmt::format("{} can be written by everybody (mode {:04o})\nchmod o-w {}",
                                                         file.string(), mode, file.string()));
        case Access::secret:
            if (status.st_uid != ::geteuid())
                return proto::fail(
                    Errc::denied,
                    fmt::format("{} holds secrets and belongs to user {}, not to user {} who reads it\nchown {} {}",
                                file.string(), status.st_uid, ::geteuid(), ::geteuid(), file.string()));
            if ((mode & 077U) == 0) return {};
            return proto::fail(Errc::denied,
                               fmt::format("{} holds secrets and is open to others (mode {:04o})\nchmod 600 {}",
                                           file.string(), mode, file.string()));
    }
    return {};
}

// Everything, or an error number.
int write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto put = ::write(descriptor, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

proto::Result<proto::Bytes> read_small_file(const fs::path& file, std::size_t size_max, Access access) {
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (access == Access::secret ? O_NOFOLLOW : 0);
    const Descriptor opened(::open(file.c_str(), flags));
    if (opened.number() < 0 && errno == ELOOP)
        return proto::fail(Errc::denied,
                           fmt::format("{} holds secrets and is a symbolic link\nname the file itself", file.string()));
    if (opened.number() < 0) return system_failure("read", file, errno);
    struct stat status {};
    if (::fstat(opened.number(), &status) != 0) return system_failure("read", file, errno);
    if (auto checked = check_access(file, status, access); !checked) return tl::unexpected(std::move(checked.error()));

    // One more tells a file that is too large; one that grows meanwhile by more than a page is, too.
    const auto expected = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0)) + 4096;
    proto::Bytes octets(std::min(size_max, expected) + 1);
    std::size_t size = 0;
    while (size < octets.size()) {
        const auto got = ::read(opened.number(), octets.data() + size, octets.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure("read", file, errno);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size == octets.size())
        return proto::fail(Errc::invalid, fmt::format("{} is larger than {} octets", file.string(), size_max));
    octets.resize(size);
    return octets;
}

proto::Result<void> create_file(const fs::path& file, std::string_view text, unsigned mode) {
    const Descriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (made.number() < 0 && errno == EEXIST)
        return proto::fail(Errc::invalid,
                           fmt::format("{} is there already and is not overwritten\nmove it away, or name "
                                       "another file",
                                       file.string()));
    if (made.number() < 0) return system_failure("create", file, errno);
    int failed = ::fchmod(made.number(), mode) == 0 ? 0 : errno;  // the umask must not decide
    if (failed == 0) failed = write_all(made.number(), text);
    if (failed == 0) return {};
    ::unlink(file.c_str());
    return system_failure("write", file, failed);
}

proto::Result<void> replace_file(const fs::path& file, std::string_view text, unsigned mode) {
    const fs::path fresh = file.string() + ".new";
    std::error_code failed;
    fs::remove(fresh, failed);  // of a process that was killed
    if (auto written = create_file(fresh, text, mode); !written) return written;
    fs::rename(fresh, file, failed);
    if (!failed) return {};
    return proto::fail(Errc::denied, fmt::format("cannot write {}: {}", file.string(), failed.message()));
}

proto::Result<void> make_private_folder(const fs::path& folder) {
    std::error_code failed;
    if (folder.has_parent_path() && !fs::exists(folder.parent_path(), failed)) {
        fs::create_directories(folder.parent_path(), failed);
        if (failed) return system_failure("create", folder.parent_path(), failed.value());
    }
    if (::mkdir(folder.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) return system_failure("create", folder, errno);
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) return system_failure("use", folder, errno);
    const unsigned mode = status.st_mode & 07777U;
    if (!S_ISDIR(status.st_mode)) return proto::fail(Errc::invalid, fmt::format("{} is no folder", folder.string()));
    if (status.st_uid != ::geteuid())
        return proto::fail(Errc::denied,
                           fmt::format("{} shall hold secrets and belongs to another user\nname a folder of "
                                       "your own",
                                       folder.string()));
    if ((mode & 077U) != 0)
        return proto::fail(Errc::denied,
                           fmt::format("{} shall hold secrets and is open to others (mode {:04o})\nchmod 700 {}",
                                       folder.string(), mode, folder.string()));
    return {};
}

}  // namespace mco::security
