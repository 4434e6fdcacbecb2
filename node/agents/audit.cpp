#include "node/agents/audit.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "security/audit.hpp"
#include "security/audit_trail.hpp"
#include "security/small_file.hpp"

namespace mco::node {
namespace {

namespace fs = std::filesystem;
using proto::Value;

constexpr std::size_t head_size_max = 1'024;

struct Part {
    fs::path file;
    std::uint64_t first = 0;
};

std::optional<std::uint64_t> first_of(const fs::path& file) {
    std::optional<std::uint64_t> first;
    const auto read = security::each_audit_line(file, [&](const security::AuditLine& line) {
        first = security::sequence_of(line.text);
        return false;
    });
    return read ? first : std::nullopt;
}

// The trail and what log rotation put beside it (audit.jsonl.1, audit.jsonl-20260301), oldest first. Compressed ones have no
// first line that can be read, so they are left out.
std::vector<Part> parts_of(const fs::path& trail) {
    std::vector<Part> parts;
    std::error_code failed;
    const auto name = trail.filename().string();
    for (fs::directory_iterator at(trail.parent_path(), failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
        const auto& file = at->path();
        if (!file.filename().string().starts_with(name) || file == security::audit_head_file(trail)) continue;
        if (const auto first = first_of(file)) parts.push_back({file, *first});
        if (parts.size() == AuditAgent::files_max) break;
    }
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.first < b.first; });
    return parts;
}

struct Page {
    Value::List lines;
    std::size_t octets = 0;
    std::uint64_t last = 0;
    bool more = false;
};

// Lines behind `since`, up to what the head proves: what is written at this moment comes with the next page.
Page page_of(const std::vector<Part>& parts, std::uint64_t since, std::uint64_t proved, const std::stop_token& stop) {
    Page page{.last = since};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i + 1 < parts.size() && parts[i + 1].first <= since + 1) continue;
        const auto see = [&](const security::AuditLine& line) {
            if (stop.stop_requested()) return false;
            const auto sequence = security::sequence_of(line.text);
            if (!line.whole || !sequence || *sequence <= since) return true;
            if (*sequence > proved) return false;
            if (page.octets + line.text.size() > AuditAgent::page_max) {
                page.more = true;
                return false;
            }
            page.octets += line.text.size();
            page.lines.emplace_back(std::string(line.text));
            page.last = *sequence;
            return true;
        };
        if (!security::each_audit_line(parts[i].file, see) || page.more) break;
    }
    return page;
}

std::uint64_t since_of(const Call& call) {
    const auto given = call.arguments.find("since");
    const auto* mine = given == call.arguments.end() ? nullptr : given->second.find(call.node->traits.identity);
    const auto* number = mine == nullptr ? nullptr : mine->integer();
    return number == nullptr || *number < 0 ? 0 : static_cast<std::uint64_t>(*number);
}

}  // namespace

ActionReply AuditAgent::run(const Call& call, std::stop_token stop) {
    if (call.action != "records") return unknown_action(call);
    const fs::path trail = call.node->audit_file;
    if (trail.empty()) return aborted("this node has no audit trail: plugin.rpcaudit.logfile is not set");
    const auto head_text = security::read_small_file(security::audit_head_file(trail), head_size_max, security::Access::open);
    const auto head = head_text ? security::parse_audit_head(proto::as_text(*head_text)) : std::nullopt;
    if (!head) return aborted(fmt::format("{} cannot be read; nothing was audited yet, or it was damaged",
                                          security::audit_head_file(trail).string()));
    auto page = page_of(parts_of(trail), since_of(call), head->sequence, stop);
    return {.data = {{"records", std::move(page.lines)},
                     {"last", static_cast<std::int64_t>(page.last)},
                     {"more", page.more},
                     {"head", std::string(proto::as_text(*head_text))}}};
}

}  // namespace mco::node
