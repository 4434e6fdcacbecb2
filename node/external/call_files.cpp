#include "node/external/call_files.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace mco::node::external {
namespace {

using proto::Errc;

constexpr std::string_view name_start = "mcod-call-";

std::string reason(int number) { return std::generic_category().message(number); }

// Held by an open folder until it is closed, or its process has ended in whichever way.
Descriptor lock(const std::filesystem::path& folder) {
    Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (opened && ::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) opened.reset();
    return opened;
}

}  // namespace

CallFiles::CallFiles(std::filesystem::path folder, std::optional<ChildProcess::User> owner)
    : folder_(std::move(folder)), owner_(owner), lock_(lock(folder_)) {}

CallFiles::CallFiles(CallFiles&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), owner_(other.owner_), lock_(std::move(other.lock_)) {}

CallFiles::~CallFiles() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

proto::Result<CallFiles> CallFiles::make(const std::optional<ChildProcess::User>& owner) {
    std::error_code error;
    auto name = (std::filesystem::temp_directory_path(error) / fmt::format("{}XXXXXX", name_start)).string();
    if (error || ::mkdtemp(name.data()) == nullptr)
        return proto::fail(Errc::overloaded,
                           fmt::format("no folder for the call's files in {}: {}",
                                       std::filesystem::path(name).parent_path().string(),
                                       error ? error.message() : reason(errno)));
    CallFiles files(name, owner);
    if (owner && ::chown(name.c_str(), owner->uid, owner->gid) != 0)
        return proto::fail(Errc::denied, fmt::format("{}: cannot be given to user {}: {}", name, owner->uid, reason(errno)));
    return files;
}

void CallFiles::sweep() {
    std::error_code error;
    std::filesystem::directory_iterator at(std::filesystem::temp_directory_path(error), error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        if (!at->path().filename().string().starts_with(name_start)) continue;
        std::error_code ignored;
        if (const auto ours_alone = lock(at->path())) std::filesystem::remove_all(at->path(), ignored);
    }
}

proto::Result<void> CallFiles::write(std::string_view name, std::string_view text) const {
    const auto target = path(name), fresh = path(fmt::format(".{}.new", name));
    const auto failed = [&] {
        return proto::fail(Errc::overloaded, fmt::format("{}: {}", target.string(), reason(errno)));
    };
    // O_EXCL: never through a link that the agent's user left there.
    const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return failed();
    for (auto rest = text; !rest.empty();) {
        const auto wrote = ::write(file.get(), rest.data(), rest.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return failed();
        rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (owner_ && ::fchown(file.get(), owner_->uid, owner_->gid) != 0) return failed();
    if (::rename(fresh.c_str(), target.c_str()) != 0) return failed();
    return {};
}

proto::Result<std::string> CallFiles::read(std::string_view name, std::size_t size_max) const {
    const Descriptor file(::open(path(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0) return proto::fail(Errc::not_found, fmt::format("cannot be read: {}", reason(errno)));
    if (!S_ISREG(found.st_mode)) return proto::fail(Errc::invalid, "is no plain file");
    if (owner_ && found.st_uid != owner_->uid) return proto::fail(Errc::denied, "belongs to somebody else");
    if (found.st_size > static_cast<off_t>(size_max))
        return proto::fail(Errc::invalid, fmt::format("is larger than {} octets", size_max));
    std::string text(static_cast<std::size_t>(found.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const auto got = ::read(file.get(), text.data() + have, text.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

}  // namespace mco::node::external
