#include "security/audit_trail.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "security/audit.hpp"
#include "security/keys.hpp"
#include "security/small_file.hpp"

namespace mco::security {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

constexpr std::size_t head_size_max = 1'024;

// What a line with a signature at its end is: the octets signed, and the signature.
struct Signed {
    std::string_view octets;
    proto::Signature signature{};
};
std::optional<Signed> split_signature(std::string_view line) {
    const auto at = line.rfind(signature_key);
    if (at == std::string_view::npos || !line.ends_with("\"}")) return std::nullopt;
    const auto begin = at + signature_key.size();
    if (line.size() < begin + 2) return std::nullopt;
    const auto hex = line.substr(begin, line.size() - begin - 2);
    const auto signature = proto::Signature::from_hex(hex);
    // One signature, one text: another spelling of the same octets is an edit.
    if (!signature || signature->hex() != hex) return std::nullopt;
    return Signed{line.substr(0, at), *signature};
}

std::optional<std::uint64_t> number(const proto::Value& line, std::string_view key) {
    const auto* value = line.find(key);
    if (value == nullptr || value->integer() == nullptr || *value->integer() < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value->integer());
}

std::string text(const proto::Value& line, std::string_view key) {
    const auto* value = line.find(key);
    return value == nullptr || value->text() == nullptr ? std::string() : *value->text();
}

// Where the reading stands: what the next line must continue.
class Check {
 public:
    explicit Check(TrustStore& trust) : trust_(trust) {}

    void begin(const fs::path& file) {
        if (!file_.empty() && !closed_) find_at_end("the file is not closed by a checkpoint, though another follows it");
        file_ = file;
        line_ = 0;
        closed_ = false;
    }
    void take(const AuditLine& line);
    void end();
    TrailReport& report() { return report_; }

 private:
    void find(std::string what) { note(fmt::format("{}:{}: {}", file_.string(), line_, what)); }
    void find_at_end(std::string what) { note(fmt::format("{}: {}", file_.string(), what)); }
    void note(std::string what) {
        if (report_.findings.size() < TrailReport::findings_max) report_.findings.push_back(std::move(what));
    }
    void check_order(std::uint64_t sequence, const proto::Value& line);
    void introduce(const proto::Value& line);
    void check_checkpoint(const AuditLine& line, const proto::Value& value);

    TrustStore& trust_;
    TrailReport report_;
    fs::path file_;
    std::size_t line_ = 0;
    bool begun_ = false, closed_ = false;
    proto::Digest last_{};
    std::optional<proto::SignPublicKey> key_;
    std::uint64_t covered_ = 0;  // by a checkpoint
};

void Check::take(const AuditLine& line) {
    line_ = line.number;
    if (!line.whole) find("the line is not finished, or too long; it was cut");
    const auto value = proto::parse_json(line.text);
    const auto sequence = value ? number(*value, "seq") : std::nullopt;
    if (!sequence) {
        find("this is no line of an audit trail; it was changed or put in");
    } else {
        check_order(*sequence, *value);
        const auto kind = text(*value, "kind");
        closed_ = false;
        if (kind == "opened") introduce(*value);
        if (kind == "checkpoint") check_checkpoint(line, *value);
        report_.last = *sequence;
    }
    last_ = digest(proto::as_bytes(line.text));
    ++report_.lines;
}

void Check::check_order(std::uint64_t sequence, const proto::Value& line) {
    const auto previous = text(line, "prev");
    if (!std::exchange(begun_, true)) {
        report_.first = sequence;
        if (sequence != 1) report_.notes.push_back(fmt::format("it begins with line {}; the earlier ones are elsewhere", sequence));
        return;
    }
    if (sequence > report_.last + 1) {
        find(fmt::format("lines {} to {} are missing", report_.last + 1, sequence - 1));
    } else if (sequence <= report_.last) {
        find(fmt::format("line {} stands behind line {}", sequence, report_.last));
    } else if (previous != last_.hex()) {
        find(fmt::format("line {} does not continue the line before it: one of them was changed", sequence));
    }
}

void Check::introduce(const proto::Value& line) {
    key_.reset();
    const auto octets = proto::from_hex(text(line, "chain"));
    const auto chain = octets ? proto::unpack<proto::CertificateChain>(*octets)
                              : proto::Result<proto::CertificateChain>(proto::fail(Errc::malformed, "it is no hexadecimal text"));
    if (!chain) return find("its certificate cannot be read: " + chain.error().detail);
    const auto owner = trust_.identify(*chain);
    if (!owner) return find(owner.error().detail);
    if (owner->name != text(line, "node")) return find(fmt::format("it names another node than its certificate, {}", owner->name));
    if (!report_.node.empty() && report_.node != owner->name)
        find(fmt::format("here begins the trail of {}, not of {}", owner->name, report_.node));
    report_.node = owner->name;
    key_ = owner->sign_key;
}

void Check::check_checkpoint(const AuditLine& line, const proto::Value& value) {
    const auto parts = split_signature(line.text);
    if (!parts) return find("the signature of the checkpoint cannot be read");
    if (!key_) return find("a checkpoint before the line that says whose trail this is");
    if (!verify(*key_, audit_label, {proto::as_bytes(parts->octets)}, parts->signature))
        return find("the signature of the checkpoint does not hold");
    ++report_.checkpoints;
    covered_ = *number(value, "seq");
    const auto* closes = value.find("closes");
    closed_ = closes != nullptr && closes->flag() != nullptr && *closes->flag();
}

void Check::end() {
    if (file_.empty()) return;
    const auto head_file = audit_head_file(file_);
    const auto head = read_audit_head(head_file);
    if (!head) {
        std::error_code ignored;
        if (fs::exists(head_file, ignored)) {
            note(fmt::format("{}: it cannot be read; it was changed", head_file.string()));
        } else if (closed_) {
            report_.notes.push_back("there is no .head file beside it, so lines behind its last checkpoint would not be missed");
        } else {
            find_at_end(fmt::format("lines {} to {} are behind the last checkpoint, and there is no .head file that proves the end",
                                    covered_ + 1, report_.last));
        }
        return;
    }
    if (!key_ || !head->signed_by(*key_)) return find_at_end("the signature of its .head file does not hold");
    if (head->sequence > report_.last)
        return find_at_end(fmt::format("lines {} to {} are missing at the end", report_.last + 1, head->sequence));
    if (head->sequence == report_.last && head->hash != last_)
        return find_at_end(fmt::format("line {} was changed", report_.last));
    if (head->sequence < report_.last && head->sequence < covered_)
        return find_at_end("its .head file is older than its last checkpoint");
}

}  // namespace

std::optional<std::uint64_t> sequence_of(std::string_view line) {
    const auto value = proto::parse_json(line);
    return value ? number(*value, "seq") : std::nullopt;
}

bool AuditHead::signed_by(const proto::SignPublicKey& key) const {
    return verify(key, audit_head_label, {proto::as_bytes(text)}, signature);
}

std::optional<AuditHead> parse_audit_head(std::string_view text) {
    if (!text.ends_with('\n')) return std::nullopt;
    const auto last = text.find_last_not_of(" \n");
    const auto line = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const auto parts = split_signature(line);
    const auto value = proto::parse_json(line);
    if (!parts || !value) return std::nullopt;
    const auto sequence = number(*value, "seq");
    const auto hash = proto::Digest::from_hex(mco::security::text(*value, "hash"));
    if (!sequence || !hash) return std::nullopt;
    return AuditHead{*sequence, *hash, std::string(parts->octets), parts->signature};
}

std::optional<AuditHead> read_audit_head(const fs::path& file) {
    const auto octets = read_small_file(file, head_size_max, Access::open);
    return octets ? parse_audit_head(proto::as_text(*octets)) : std::nullopt;
}

proto::Result<void> each_audit_line(const fs::path& file, const std::function<bool(const AuditLine&)>& see) {
    std::error_code ignored;
    std::ifstream stream;
    if (fs::is_regular_file(file, ignored)) stream.open(file, std::ios::binary);
    if (!stream.is_open())
        return proto::fail(Errc::denied, fmt::format("{}: it cannot be read\nName an audit file that this user may read.", file.string()));
    std::string line(audit_line_max, '\0');
    for (std::size_t number = 1; stream; ++number) {
        stream.getline(line.data(), static_cast<std::streamsize>(line.size()));
        auto size = static_cast<std::size_t>(stream.gcount());
        if (size == 0 && stream.eof()) break;
        const bool too_long = stream.fail() && !stream.eof();
        const bool whole = !too_long && !stream.eof();
        if (whole) --size;  // the end of the line was counted
        if (too_long) {
            stream.clear();
            stream.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
        }
        if (!see({number, std::string_view(line.data(), size), whole})) break;
    }
    return {};
}

proto::Result<TrailReport> check_trail(std::span<const fs::path> files, TrustStore& trust) {
    Check check(trust);
    for (const auto& file : files) {
        check.begin(file);
        auto read = each_audit_line(file, [&](const AuditLine& line) {
            check.take(line);
            return true;
        });
        if (!read) return tl::unexpected(std::move(read.error()));
    }
    check.end();
    return std::move(check.report());
}

}  // namespace mco::security
