#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

namespace mco::security {

// One line of the audit trail: a decision, or the outcome of an action that was allowed.
struct AuditEvent {
    enum class Kind : std::uint8_t { decision, outcome };
    Kind kind = Kind::decision;
    proto::RequestId request{};
    proto::Serial caller{};
    std::string caller_name;
    std::string agent, action, collective;
    proto::Digest arguments{};      // digest, always
    std::string code;               // "allowed", "policy_denied", "replayed", ... ; outcome: status word
    std::string detail;             // what decided
    std::int64_t duration_us = -1;  // outcomes only
};

// Append-only JSON lines: {"seq","time","kind","request","caller":{"serial","name"},"collective","agent","action",
// "arguments","code","detail"} and, for outcomes, "duration_us". One thread. A line is written with one write(2), so lines do
// not mix; reopen() follows log rotation. The sequence goes on where the file ends. An error says that nothing was appended:
// the caller then refuses state-changing actions. The file is made with mode 0600; one that others may write or everybody may
// read is refused.
class Audit {
 public:
    static proto::Result<Audit> open(const std::filesystem::path& file);
    Audit(Audit&& other) noexcept;
    Audit& operator=(Audit&& other) noexcept;
    ~Audit();

    proto::Result<void> append(const AuditEvent& event, proto::WallTime now);
    proto::Result<void> reopen();

 private:
    explicit Audit(std::filesystem::path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}
    std::filesystem::path file_;
    int descriptor_ = -1;
    std::uint64_t sequence_ = 0;  // of the last line
    bool unfinished_ = false;     // the file ends in the middle of a line
};

}  // namespace mco::security
