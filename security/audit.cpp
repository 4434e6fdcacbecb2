#include "security/audit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "security/audit_trail.hpp"
#include "security/keys.hpp"
#include "security/rfc3339.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::uint32_t lines_per_checkpoint = 100;
constexpr auto time_per_checkpoint = std::chrono::seconds(60);
constexpr std::size_t text_max = 1'024;
constexpr std::size_t inputs_max = 4'096;
constexpr std::size_t head_size = 512;

std::string_view name(AuditEvent::Kind kind) {
    switch (kind) {
        case AuditEvent::Kind::decision:
            return "decision";
        case AuditEvent::Kind::outcome:
            return "outcome";
    }
    return "unknown";
}

std::string json_text(std::string_view text) {
    if (text.size() <= text_max) return proto::to_json(proto::Value(text));
    return proto::to_json(proto::Value(std::string(text.substr(0, text_max)) + "... (cut)"));
}

std::string begin_line(std::uint64_t sequence, const proto::Digest& previous, proto::WallTime now, std::string_view kind) {
    return fmt::format(R"({{"seq":{},"prev":"{}","time":"{}","kind":"{}")", sequence, previous.hex(), to_rfc3339_micros(now),
                       kind);
}

// Written by hand, so that the keys stay in an order that a person can read; every text is escaped by proto.
std::string rest_of(const AuditEvent& event) {
    auto line = fmt::format(
        R"(,"request":"{}","caller":{{"serial":"{}","name":{}}},"collective":{},"agent":{},"action":{},"arguments":"{}")",
        event.request.hex(), event.caller.hex(), json_text(event.caller_name), json_text(event.collective), json_text(event.agent),
        json_text(event.action), event.arguments.hex());
    if (event.inputs) {
        const auto inputs = proto::to_json(*event.inputs);
        line += inputs.size() <= inputs_max ? fmt::format(R"(,"inputs":{})", inputs)
                                            : fmt::format(R"(,"inputs_size":{})", inputs.size());
    }
    line += fmt::format(R"(,"code":{},"detail":{})", json_text(event.code), json_text(event.detail));
    if (event.duration_us >= 0) line += fmt::format(R"(,"duration_us":{})", event.duration_us);
    return line + "}";
}

tl::unexpected<proto::Error> failure(std::string_view doing, const std::filesystem::path& file, int number) {
    return proto::fail(Errc::denied,
                       fmt::format("cannot {} the audit file {}: {}\nmake room, or name a file that this user may "
                                   "write",
                                   doing, file.string(), std::generic_category().message(number)));
}

std::optional<std::string> read_from(int descriptor, off_t from, std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < text.size()) {
        const auto part = ::pread(descriptor, text.data() + got, text.size() - got, from + static_cast<off_t>(got));
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return std::nullopt;
        if (part == 0) break;
        got += static_cast<std::size_t>(part);
    }
    text.resize(got);
    return text;
}

struct Tail {
    std::uint64_t sequence = 0;   // of the last line that has one
    proto::Digest last{};         // of the last line
    std::size_t unfinished = 0;   // octets behind it
};
std::optional<Tail> read_tail(int descriptor, off_t size) {
    const off_t from = size > static_cast<off_t>(audit_line_max) ? size - static_cast<off_t>(audit_line_max) : 0;
    auto read = read_from(descriptor, from, static_cast<std::size_t>(size - from));
    if (!read) return std::nullopt;
    std::string_view text = *read;
    const auto end = text.rfind('\n');
    Tail tail{.unfinished = end == std::string::npos ? text.size() : text.size() - end - 1};
    text = end == std::string::npos ? std::string_view() : text.substr(0, end + 1);
    for (bool newest = true; !text.empty(); newest = false) {
        text.remove_suffix(1);
        const auto begin = text.rfind('\n');
        const auto line = text.substr(begin == std::string::npos ? 0 : begin + 1);
        if (newest) tail.last = digest(proto::as_bytes(line));
        if (const auto sequence = sequence_of(line)) {
            tail.sequence = *sequence;
            break;
        }
        text = begin == std::string::npos ? std::string_view() : text.substr(0, begin + 1);
    }
    return tail;
}

struct Opened {
    int descriptor = -1;
    std::uint64_t size = 0;
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
    // A crash in the middle of a write left a piece that no answer rests on; behind it the chain could not go on.
    if (tail->unfinished != 0 && ::ftruncate(descriptor, status.st_size - static_cast<off_t>(tail->unfinished)) != 0)
        return refuse(fmt::format("the unfinished line at the end of {} cannot be taken away", file.string()));
    return Opened{descriptor, static_cast<std::uint64_t>(status.st_size) - tail->unfinished, *tail};
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

bool same_file(int descriptor, const std::filesystem::path& file) {
    struct stat ours {}, there {};
    return ::fstat(descriptor, &ours) == 0 && ::stat(file.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

}  // namespace

std::filesystem::path audit_head_file(const std::filesystem::path& file) { return file.string() + ".head"; }

proto::Result<Audit> Audit::open(const std::filesystem::path& file, const Identity& self, Rotation rotation) {
    Audit audit(file, self, rotation);
    if (auto taken = audit.take(file); !taken) return tl::unexpected(taken.error());
    // Lines that the head knows and the file does not have are gone: the numbers go on behind them, so that the gap is seen.
    const auto head = read_audit_head(audit_head_file(file));
    if (head && head->sequence > audit.sequence_ && head->signed_by(self.keys.sign.public_key)) {
        audit.sequence_ = head->sequence;
        audit.last_ = head->hash;
    }
    return audit;
}

proto::Result<void> Audit::take(const std::filesystem::path& file) {
    auto opened = open_file(file);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = opened->descriptor;
    size_ = opened->size;
    full_at_ = rotation_.size_max;
    introduced_ = false;
    if (opened->tail.sequence < sequence_) return {};  // a new file continues the old one
    sequence_ = opened->tail.sequence;
    last_ = opened->tail.last;
    return {};
}

Audit::Audit(Audit&& other) noexcept
    : file_(std::move(other.file_)),
      self_(other.self_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      rotation_(other.rotation_),
      size_(other.size_),
      full_at_(other.full_at_),
      sequence_(other.sequence_),
      last_(other.last_),
      introduced_(other.introduced_),
      dirty_(other.dirty_),
      unsigned_(other.unsigned_),
      checkpoint_due_(other.checkpoint_due_) {}

Audit& Audit::operator=(Audit&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(self_, other.self_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(rotation_, other.rotation_);
    std::swap(size_, other.size_);
    std::swap(full_at_, other.full_at_);
    std::swap(sequence_, other.sequence_);
    std::swap(last_, other.last_);
    std::swap(introduced_, other.introduced_);
    std::swap(dirty_, other.dirty_);
    std::swap(unsigned_, other.unsigned_);
    std::swap(checkpoint_due_, other.checkpoint_due_);
    return *this;
}

Audit::~Audit() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

int Audit::put(std::string line) {
    const auto hash = digest(proto::as_bytes(line));
    line += '\n';
    if (const int failed = write_line(descriptor_, line); failed != 0) return failed;
    size_ += line.size();
    ++sequence_;
    last_ = hash;
    dirty_ = true;
    return 0;
}

int Audit::introduce(proto::Now now) {
    const int failed = put(begin_line(sequence_ + 1, last_, now.wall, "opened") +
                           fmt::format(R"(,"node":{},"chain":"{}"}})", json_text(self_->name), proto::to_hex(proto::pack(self_->chain))));
    introduced_ = failed == 0;
    return failed;
}

proto::Result<void> Audit::append(const AuditEvent& event, proto::Now now) {
    int failed = introduced_ ? 0 : introduce(now);
    if (failed == 0) failed = put(begin_line(sequence_ + 1, last_, now.wall, name(event.kind)) + rest_of(event));
    if (failed != 0) return failure("append to", file_, failed);
    if (unsigned_++ == 0) checkpoint_due_ = now.mono + time_per_checkpoint;
    return {};
}

bool Audit::checkpoint(proto::Now now, Ending ending) {
    auto line = begin_line(sequence_ + 1, last_, now.wall, "checkpoint");
    if (ending == Ending::closes) line += R"(,"closes":true)";
    const auto signature = sign(self_->keys.sign.secret, audit_label, {proto::as_bytes(line)});
    line += fmt::format("{}{}\"}}", signature_key, signature.hex());
    if (put(std::move(line)) != 0) return false;
    unsigned_ = 0;
    return true;
}

proto::Result<void> Audit::settle(proto::Now now) {
    if (unsigned_ >= lines_per_checkpoint || (unsigned_ != 0 && now.mono >= checkpoint_due_)) {
        if (!checkpoint(now, Ending::goes_on)) checkpoint_due_ = now.mono + time_per_checkpoint;
    }
    auto rotated = introduced_ && full_at_ != 0 && size_ >= full_at_ ? rotate(now) : proto::Result<void>();
    if (dirty_) write_head(now.wall);
    return rotated;
}

void Audit::rotate_by(Rotation rotation) {
    rotation_ = rotation;
    full_at_ = rotation.size_max;
}

proto::Result<void> Audit::rotate(proto::Now now) {
    full_at_ = size_ + rotation_.size_max;  // if it fails
    if (!checkpoint(now, Ending::closes)) return {};  // no room: appending says so
    const auto numbered = [&](std::uint32_t number) { return number == 0 ? file_.string() : fmt::format("{}.{}", file_.string(), number); };
    for (auto number = rotation_.keep; number > 0; --number) {
        const bool moved = ::rename(numbered(number - 1).c_str(), numbered(number).c_str()) == 0;
        if (!moved && errno != ENOENT)
            return proto::fail(Errc::denied, fmt::format("the audit trail grows on in {}: {} cannot be renamed: {}\nmake its folder one that this user may write",
                                                         file_.string(), numbered(number - 1), std::generic_category().message(errno)));
    }
    return continue_in_new_file(now);
}

// With a line in it at once: an empty file proves nothing. If that finds no room, the next event says so.
proto::Result<void> Audit::continue_in_new_file(proto::Now now) {
    const bool introduced = introduced_;
    if (auto taken = take(file_); !taken) return taken;
    if (introduced) (void)introduce(now);
    return {};
}

std::optional<proto::Instant> Audit::next_deadline() const {
    return unsigned_ == 0 ? std::nullopt : std::optional(checkpoint_due_);
}

// In place and always of one size, so that it needs no room on a full disk once it is there.
void Audit::write_head(proto::WallTime now) {
    auto line = fmt::format(R"({{"seq":{},"hash":"{}","time":"{}")", sequence_, last_.hex(), to_rfc3339_micros(now));
    const auto signature = sign(self_->keys.sign.secret, audit_head_label, {proto::as_bytes(line)});
    line += fmt::format("{}{}\"}}", signature_key, signature.hex());
    line.resize(head_size - 1, ' ');
    line += '\n';
    const int head = ::open(audit_head_file(file_).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (head < 0) return;  // the trail itself says so when it cannot be written
    dirty_ = ::pwrite(head, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size());
    ::close(head);
}

// On an error the old file stays in use.
proto::Result<void> Audit::reopen(proto::Now now) {
    if (same_file(descriptor_, file_)) return {};
    if (introduced_) checkpoint(now, Ending::closes);
    if (auto taken = continue_in_new_file(now); !taken) return taken;
    return settle(now);
}

void Audit::close(proto::Now now) {
    if (introduced_) checkpoint(now, Ending::closes);
    if (dirty_) write_head(now.wall);
}

}  // namespace mco::security
