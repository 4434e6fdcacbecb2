#include "proto/text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

namespace mco::proto {
namespace {

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

tl::unexpected<Error> system_failure(const std::filesystem::path& file, int number) {
    const std::string what = std::generic_category().message(number);
    if (number == ENOENT || number == ENOTDIR) {
        return fail(Errc::not_found, fmt::format("{}: there is no such file", file.string()));
    }
    if (number == EACCES || number == EPERM) {
        return fail(Errc::denied, fmt::format("{} cannot be read: {}\nchmod it, or run as the user who may read it",
                                              file.string(), what));
    }
    return fail(Errc::invalid, fmt::format("{} cannot be read: {}", file.string(), what));
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t size_max) {
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (opened.number() < 0) return system_failure(file, errno);
    struct stat status {};
    if (::fstat(opened.number(), &status) != 0) return system_failure(file, errno);
    if (!S_ISREG(status.st_mode)) return fail(Errc::invalid, fmt::format("{} is not a regular file", file.string()));

    std::string text;
    std::array<char, 16 * 1024> part{};
    for (;;) {  // until the end, not until st_size: the file may grow meanwhile, and files in /proc say 0
        const ssize_t got = ::read(opened.number(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure(file, errno);
        if (got == 0) return text;
        if (text.size() + static_cast<std::size_t>(got) > size_max) {
            return fail(Errc::invalid, fmt::format("{} is larger than {} octets", file.string(), size_max));
        }
        text.append(part.data(), static_cast<std::size_t>(got));
    }
}

Result<void> replace_file(const std::filesystem::path& file, std::string_view text, mode_t mode) {
    auto beside = file;
    beside += fmt::format(".{}", ::getpid());
    const auto failed = [&] {
        const auto why = std::generic_category().message(errno);
        ::unlink(beside.c_str());
        return fail(Errc::invalid, fmt::format("{} cannot be written: {}", file.string(), why));
    };
    ::unlink(beside.c_str());  // of a process that was killed and had our number; never followed
    const Descriptor opened(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (opened.number() < 0) return failed();
    while (!text.empty()) {
        const ssize_t put = ::write(opened.number(), text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed();
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::rename(beside.c_str(), file.c_str()) != 0) return failed();
    return {};
}

}  // namespace mco::proto
