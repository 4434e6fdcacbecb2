#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"
#include "security/hello.hpp"

namespace mco::security {

// One line of the audit trail: a decision, or the outcome of an action that was allowed.
struct AuditEvent {
    enum class Kind : std::uint8_t { decision, outcome };
    Kind kind = Kind::decision;
    proto::RequestId request{};
    proto::Serial caller{};
    std::string caller_name;
    std::string agent, action, collective;
    proto::Digest arguments{};             // digest, always; of secret ones only that they were there
    std::optional<proto::Value> inputs{};  // decisions: what was asked for, as far as the DDL declares it and it is no secret
    std::string code;                      // "allowed", "policy_denied", "replayed", ... ; outcome: status word
    std::string detail;                    // what decided
    std::int64_t duration_us = -1;         // outcomes only
};

// Append-only JSON lines: {"seq","prev","time","kind","request","caller":{"serial","name"},"collective","agent","action",
// "arguments","inputs","code","detail"} and, for outcomes, "duration_us". `prev` is the BLAKE2b-256 of the line before, also past
// a restart and into the next file, so that no line can be changed, taken out or put elsewhere unnoticed. Beside events there are
// lines of two other kinds:
//
//     opened      at every start and in every new file: "node" and "chain", the hexadecimal certificate chain of who signs
//     checkpoint  every 100 lines or 60 s: "signature" of this node over "mco-audit-v1\0" and the line before ,"signature";
//                 "closes" if the file ends there, for a rotation or a stop
//
// FILE.head is one line, signed likewise: the last sequence and the hash of its line, so that an end cut off is missed. Its
// owner can still take file and head back to an earlier moment together; only a copy elsewhere (mco audit collect) shows that.
//
// One thread. A line is written with one write(2), so lines do not mix; texts longer than 1 KiB are cut. An error says that
// nothing was appended: the caller then refuses state-changing actions. The file is made with mode 0600; one that others may
// write or everybody may read is refused. `self` must outlive it.
class Audit {
 public:
    // When the trail goes on in a new file: the full one becomes FILE.1, that one FILE.2, and so on; what would be FILE.(keep+1)
    // is deleted.
    struct Rotation {
        std::uint64_t size_max = 0;  // octets; 0: somebody else rotates, or nobody
        std::uint32_t keep = 52;     // at least 1
        friend bool operator==(const Rotation&, const Rotation&) = default;
    };
    static proto::Result<Audit> open(const std::filesystem::path& file, const Identity& self, Rotation rotation);
    static proto::Result<Audit> open(const std::filesystem::path& file, const Identity& self) { return open(file, self, Rotation{}); }
    Audit(Audit&& other) noexcept;
    Audit& operator=(Audit&& other) noexcept;
    ~Audit();

    proto::Result<void> append(const AuditEvent& event, proto::Now now);
    // Signs what is due, begins a new file if this one is full, and writes the head. Once a turn; cheap when nothing was appended.
    // An error says that no new file could be begun: the old one is used for as much again, and nothing is lost.
    proto::Result<void> settle(proto::Now now);
    void rotate_by(Rotation rotation);
    std::optional<proto::Instant> next_deadline() const;  // of a checkpoint
    proto::Result<void> reopen(proto::Now now);           // after a rotation; nothing if the file is still the same
    void close(proto::Now now);                           // the last line: a checkpoint that closes the file

 private:
    enum class Ending : std::uint8_t { goes_on, closes };
    Audit(std::filesystem::path file, const Identity& self, Rotation rotation) : file_(std::move(file)), self_(&self) { rotate_by(rotation); }
    proto::Result<void> take(const std::filesystem::path& file);  // opens it and finds its end
    int put(std::string line);                                    // errno
    bool checkpoint(proto::Now now, Ending ending);
    int introduce(proto::Now now);                                // errno
    proto::Result<void> rotate(proto::Now now);
    proto::Result<void> continue_in_new_file(proto::Now now);
    void write_head(proto::WallTime now);

    std::filesystem::path file_;
    const Identity* self_;
    int descriptor_ = -1;
    Rotation rotation_;
    std::uint64_t size_ = 0;      // of the file
    std::uint64_t full_at_ = 0;   // the size at which a new one is begun
    std::uint64_t sequence_ = 0;  // of the last line
    proto::Digest last_{};        // its hash; zero: there was none
    bool introduced_ = false;     // the line "opened" is in this file since it was opened
    bool dirty_ = false;          // the head is older than the file
    std::uint32_t unsigned_ = 0;  // lines since the last checkpoint
    proto::Instant checkpoint_due_{};
};

// What both sides of a trail agree on.
inline constexpr std::string_view audit_label{"mco-audit-v1\0", 13};
inline constexpr std::string_view audit_head_label{"mco-audit-head-v1\0", 18};
inline constexpr std::string_view signature_key{",\"signature\":\""};
inline constexpr std::size_t audit_line_max = 64 * 1024;  // longer than any line we write
std::filesystem::path audit_head_file(const std::filesystem::path& file);

}  // namespace mco::security
