#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/value.hpp"
#include "security/trust_store.hpp"

// Reading audit trails back. What their lines are is told in audit.hpp.
namespace mco::security {

// "seq" of a line; nothing: it is none of ours.
std::optional<std::uint64_t> sequence_of(std::string_view line);

struct AuditHead {
    std::uint64_t sequence = 0;
    proto::Digest hash{};
    std::string text;  // what is signed
    proto::Signature signature{};
    bool signed_by(const proto::SignPublicKey& key) const;
};
std::optional<AuditHead> parse_audit_head(std::string_view text);
std::optional<AuditHead> read_audit_head(const std::filesystem::path& file);

// Lines of a file, one after the other, in bounded memory: a longer one is cut at audit_line_max, and `whole` is false for
// that and for one without its end. False from `see` ends it. `not_found`, `denied`: the file cannot be read.
struct AuditLine {
    std::size_t number = 0;
    std::string_view text;
    bool whole = true;
};
proto::Result<void> each_audit_line(const std::filesystem::path& file, const std::function<bool(const AuditLine&)>& see);

// What a trail is found to be. Findings are complete sentences with file and line; after findings_max no more are noted.
struct TrailReport {
    static constexpr std::size_t findings_max = 100;
    std::string node;                // whose it is, by the certificate in it
    std::uint64_t lines = 0, first = 0, last = 0, checkpoints = 0;
    std::vector<std::string> findings;  // empty: nothing was changed, taken out, put elsewhere or cut off
    std::vector<std::string> notes;     // what cannot be told from these files
};

// One node's files, oldest first. Every line is held against the one before, every signature against the certificate in the trail,
// that against the trust store (whose revocations do not matter: what was signed before stays signed). The end of each file
// must be closed, continued by the next, or be the one that FILE.head tells.
proto::Result<TrailReport> check_trail(std::span<const std::filesystem::path> files, TrustStore& trust);

}  // namespace mco::security
