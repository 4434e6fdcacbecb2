#include "node/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/small_file.hpp"

namespace mco::node {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

constexpr std::size_t file_size_max = 512 * 1024 * 1024;  // far above what the replay window lets in between two compactions

std::string line_of(const Journal::Entry& entry) {
    return fmt::format("started {} {} {} {} {} {} {}\n", entry.request.hex(), entry.caller.hex(),
                       entry.until.time_since_epoch().count(), entry.collective, entry.caller_name, entry.agent, entry.action);
}
std::string end_line_of(const proto::RequestId& request, const proto::Serial& caller) {
    return fmt::format("ended {} {}\n", request.hex(), caller.hex());
}

tl::unexpected<proto::Error> failure(const fs::path& file, int number) {
    return proto::fail(Errc::denied, fmt::format("the journal {} cannot be written: {}\nmake room, or name a state_folder that this "
                                                 "user may write",
                                                 file.string(), std::generic_category().message(number)));
}

int write_all(int descriptor, std::string_view text) {
    struct stat before {};
    if (::fstat(descriptor, &before) != 0) return errno;
    for (;;) {
        const auto put = ::write(descriptor, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        if (static_cast<std::size_t>(put) == text.size()) return 0;
        return ::ftruncate(descriptor, before.st_size) == 0 ? ENOSPC : errno;
    }
}

}  // namespace

Journal::Journal(Journal&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      lines_(other.lines_),
      compact_at_(other.compact_at_),
      known_(std::move(other.known_)) {}

Journal::~Journal() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Journal::Past Journal::open(proto::WallTime now) {
    Past past;
    const auto octets = security::read_small_file(file_, file_size_max, security::Access::secret);
    if (!octets && octets.error().code != Errc::not_found) past.problem = octets.error().detail;
    std::istringstream lines(octets ? std::string(proto::as_text(*octets)) : std::string());
    for (std::string line; std::getline(lines, line);) {
        if (lines.eof()) break;  // a line without its end was not finished, so nothing rests on it
        ++lines_;
        std::istringstream words(line);
        std::string kind, request, caller;
        words >> kind >> request >> caller;
        const auto id = proto::RequestId::from_hex(request);
        const auto serial = proto::Serial::from_hex(caller);
        if (!id || !serial) continue;
        auto& entries = known_[*id];
        const auto found = std::find_if(entries.begin(), entries.end(), [&](const Known& known) { return known.entry.caller == *serial; });
        if (kind == "ended" && found != entries.end()) found->ended = true;
        if (kind != "started" || found != entries.end()) continue;
        Entry entry{.request = *id, .caller = *serial};
        std::int64_t until = 0;
        if (words >> until >> entry.collective >> entry.caller_name >> entry.agent >> entry.action) {
            entry.until = proto::WallTime(proto::Duration(until));
            entries.push_back({std::move(entry)});
        }
    }
    for (auto& [id, entries] : known_) {
        for (auto& known : entries) {
            if (!known.ended) {
                // Told as interrupted for as long as somebody may still ask; after another restart no longer as news.
                known.ended = true;
                known.entry.until = std::max(known.entry.until, now + interrupted_for);
                past.interrupted.push_back(known.entry);
            } else if (known.entry.until >= now) {
                past.ended.push_back(known.entry);
            }
        }
    }
    if (past.problem.empty()) {
        if (auto opened = open_file(); opened) {
            compact(now);
        } else {
            past.problem = opened.error().detail;
        }
    }
    return past;
}

proto::Result<void> Journal::open_file() {
    if (auto made = security::make_private_folder(file_.parent_path()); !made) return made;
    descriptor_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor_ < 0) return failure(file_, errno);
    return {};
}

proto::Result<void> Journal::append(std::string_view line) {
    if (descriptor_ < 0) {
        if (auto opened = open_file(); !opened) return opened;
    }
    if (const int failed = write_all(descriptor_, line); failed != 0) return failure(file_, failed);
    ++lines_;
    return {};
}

proto::Result<void> Journal::started(const Entry& entry, Written written, proto::WallTime now) {
    if (lines_ >= compact_at_) compact(now);
    if (auto appended = append(line_of(entry)); !appended) return appended;
    if (written == Written::on_disk && ::fdatasync(descriptor_) != 0) return failure(file_, errno);
    known_[entry.request].push_back({entry});
    return {};
}

void Journal::ended(const proto::RequestId& request, const proto::Serial& caller) {
    const auto found = known_.find(request);
    if (found == known_.end()) return;
    for (auto& known : found->second) {
        if (known.entry.caller != caller || known.ended) continue;
        known.ended = true;
        // Unwritten, it is reported as interrupted after a crash: that is the safe way to be wrong.
        (void)append(end_line_of(request, caller));
    }
}

// Into a new file that takes the place of the old one, so that a crash leaves either. If it fails, the old one goes on.
void Journal::compact(proto::WallTime now) {
    std::string text;
    std::size_t lines = 0;
    for (auto at = known_.begin(); at != known_.end();) {
        auto& entries = at->second;
        std::erase_if(entries, [&](const Known& known) { return known.ended && known.entry.until < now; });
        for (const auto& known : entries) {
            text += line_of(known.entry);
            if (known.ended) text += end_line_of(known.entry.request, known.entry.caller);
            lines += known.ended ? 2 : 1;
        }
        at = entries.empty() ? known_.erase(at) : std::next(at);
    }
    compact_at_ = std::max<std::size_t>(1'024, 2 * lines);
    const auto fresh = file_.string() + ".new";
    ::unlink(fresh.c_str());
    const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return;
    if (write_all(descriptor, text) != 0 || ::fdatasync(descriptor) != 0 || ::rename(fresh.c_str(), file_.c_str()) != 0) {
        ::close(descriptor);
        ::unlink(fresh.c_str());
        return;
    }
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
    lines_ = lines;
}

}  // namespace mco::node
