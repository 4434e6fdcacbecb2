#include "node/md5.hpp"

#include <fcntl.h>
#include <md5.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fmt/format.h>

#include "node/descriptor.hpp"

namespace mco::node {
namespace {

class Digest {
 public:
    Digest() { MD5Init(&context_); }
    void add(const char* octets, std::size_t size) {
        MD5Update(&context_, reinterpret_cast<const std::uint8_t*>(octets), size);
    }
    std::string hex() {
        std::array<std::uint8_t, MD5_DIGEST_LENGTH> octets{};
        MD5Final(octets.data(), &context_);
        std::string text;
        for (const auto octet : octets) text += fmt::format("{:02x}", octet);
        return text;
    }

 private:
    MD5_CTX context_{};
};

proto::Error failure(const std::filesystem::path& file, int number) {
    return {number == EACCES || number == EPERM ? proto::Errc::denied : proto::Errc::invalid,
            fmt::format("{} cannot be read: {}", file.string(), std::generic_category().message(number))};
}

}  // namespace

std::string md5_of(std::string_view text) {
    Digest digest;
    digest.add(text.data(), text.size());
    return digest.hex();
}

proto::Result<std::string> md5_of_file(const std::filesystem::path& file, std::size_t size_max) {
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!opened || ::fstat(opened.get(), &status) != 0) return tl::unexpected(failure(file, errno));
    if (!S_ISREG(status.st_mode))
        return proto::fail(proto::Errc::invalid, fmt::format("{} is not a regular file", file.string()));
    Digest digest;
    std::array<char, 64 * 1024> part{};
    for (std::size_t size = 0;;) {
        const ssize_t got = ::read(opened.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return tl::unexpected(failure(file, errno));
        if (got == 0) return digest.hex();
        size += static_cast<std::size_t>(got);
        if (size > size_max)
            return proto::fail(proto::Errc::invalid,
                               fmt::format("{} is larger than {} octets", file.string(), size_max));
        digest.add(part.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace mco::node
