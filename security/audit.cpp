#include "security/audit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "security/rfc3339.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr off_t tail_size = 64 * 1024;  // longer than any line we write

std::string_view name(AuditEvent::Kind kind) {
    switch (kind) {
        case AuditEvent::Kind::decision:
            return "decision";
        case AuditEvent::Kind::outcome:
            return "outcome";
    }
    return "unknown";
}

// Written by hand, so that the keys stay in an order that a person can read; every text is escaped by proto.
std::string line_of(const AuditEvent& event, std::uint64_t sequence, proto::WallTime now) {
    const auto text = [](const std::string& value) { return proto::to_json(proto::Value(value)); };
    auto line = fmt::format(
        R"({{"seq":{},"time":"{}","kind":"{}","request":"{}","caller":{{"serial":"{}","name":{}}},"collective":{},)"
        R"("agent":{},"action":{},"arguments":"{}","code":{},"detail":{})",
        sequence, to_rfc3339_micros(now), name(event.kind), event.request.hex(), event.caller.hex(),
        text(event.caller_name), text(event.collective), text(event.agent), text(event.action), event.arguments.hex(),
        text(event.code), text(event.detail));
    if (event.duration_us >= 0) line += fmt::format(R"(,"duration_us":{})", event.duration_us);
    return line + "}\n";
}

tl::unexpected<proto::Error> failure(std::string_view doing, const std::filesystem::path& file, int number) {
    return proto::fail(Errc::denied,
                       fmt::format("cannot {} the audit file {}: {}\nmake room, or name a file that this user may "
                                   "write",
                                   doing, file.string(), std::generic_category().message(number)));
}

// The sequence of the last whole line; 0 if there is none. A last line without its end (a crash in the middle of a write) is
// closed, so that the next one begins on its own.
struct Tail {
    std::uint64_t sequence = 0;
    bool unfinished = false;
};
std::optional<Tail> read_tail(int descriptor, off_t size) {
    const off_t from = size > tail_size ? size - tail_size : 0;
    std::string text(static_cast<std::size_t>(size - from), '\0');
    std::size_t got = 0;
    while (got < text.size()) {
        const auto part = ::pread(descriptor, text.data() + got, text.size() - got, from + static_cast<off_t>(got));
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return std::nullopt;
        if (part == 0) break;
        got += static_cast<std::size_t>(part);
    }
    text.resize(got);
    Tail tail{.unfinished = !text.empty() && text.back() != '\n'};
    while (!text.empty()) {  // backwards, to the last line that is one of ours
        const auto end = text.rfind('\n');
        if (end == std::string::npos) break;
        text.resize(end);
        const auto begin = text.rfind('\n');
        const auto line = proto::parse_json(std::string_view(text).substr(begin == std::string::npos ? 0 : begin + 1));
        const auto* sequence = line ? line->find("seq") : nullptr;
        if (sequence == nullptr || sequence->integer() == nullptr || *sequence->integer() < 0) continue;
        tail.sequence = static_cast<std::uint64_t>(*sequence->integer());
        break;
    }
    return tail;
}

struct Opened {
    int descriptor = -1;
    Tail tail;
};

proto::Result<Opened> open_file(const std::filesystem::path& file) {
    const int descriptor =
        ::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (descriptor < 0) return failure("open", file, errno);
    const auto refuse = [&](std::string why) {
        ::close(descriptor);
        return proto::fail(Errc::denied, std::move(why));
    };
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return refuse(fmt::format("the audit file {} is no regular file", file.string()));
    const unsigned mode = status.st_mode & 07777U;
    if ((mode & 027U) != 0)
        return refuse(fmt::format("the audit file {} is open to others (mode {:04o})\nchmod 640 {}", file.string(),
                                  mode, file.string()));
    const auto tail = read_tail(descriptor, status.st_size);
    if (!tail) return refuse(fmt::format("the audit file {} cannot be read back", file.string()));
    return Opened{descriptor, *tail};
}

// All or nothing: a line that only partly found room is taken back.
int write_line(int descriptor, std::string_view line) {
    struct stat before {};
    if (::fstat(descriptor, &before) != 0) return errno;
    for (;;) {
        const auto put = ::write(descriptor, line.data(), line.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        if (static_cast<std::size_t>(put) == line.size()) return 0;
        return ::ftruncate(descriptor, before.st_size) == 0 ? ENOSPC : errno;
    }
}

}  // namespace

proto::Result<Audit> Audit::open(const std::filesystem::path& file) {
    auto opened = open_file(file);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    Audit audit(file, opened->descriptor);
    audit.sequence_ = opened->tail.sequence;
    audit.unfinished_ = opened->tail.unfinished;
    return audit;
}

Audit::Audit(Audit&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      sequence_(other.sequence_),
      unfinished_(other.unfinished_) {}

Audit& Audit::operator=(Audit&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(sequence_, other.sequence_);
    std::swap(unfinished_, other.unfinished_);
    return *this;
}

Audit::~Audit() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

proto::Result<void> Audit::append(const AuditEvent& event, proto::WallTime now) {
    auto line = line_of(event, sequence_ + 1, now);
    if (unfinished_) line.insert(line.begin(), '\n');
    if (const int failed = write_line(descriptor_, line); failed != 0) return failure("append to", file_, failed);
    ++sequence_;
    unfinished_ = false;
    return {};
}

// A rotated file is empty, and the count goes on; on an error the old file stays in use.
proto::Result<void> Audit::reopen() {
    auto opened = open_file(file_);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    ::close(std::exchange(descriptor_, opened->descriptor));
    sequence_ = std::max(sequence_, opened->tail.sequence);
    unfinished_ = opened->tail.unfinished;
    return {};
}

}  // namespace mco::security
