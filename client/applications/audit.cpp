// mco audit: verify and show. Neither needs a mesh.

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/applications/audit_collect.hpp"
#include "client/config.hpp"
#include "client/terminal.hpp"
#include "client/words.hpp"
#include "proto/value.hpp"
#include "security/audit_trail.hpp"
#include "security/key_file.hpp"
#include "security/rfc3339.hpp"

namespace mco::client::applications {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::array looking{
    Option{"trust", "FILE", Section::application, "verify: the root certificates; otherwise those of the configuration"},
    Option{"caller", "NAME", Section::application, "show: only what this caller asked for"},
    Option{"agent", "AGENT", Section::application, "show: only this agent"},
    Option{"action", "ACTION", Section::application, "show: only this action"},
    Option{"code", "CODE", Section::application, "show: only this decision or outcome: allowed, policy_denied, ok, ..."},
    Option{"request", "ID", Section::application, "show: only the request whose id begins so"},
    Option{"since", "TIME", Section::application, "show: not before 2026-03-01T09:30:00Z"},
    Option{"until", "TIME", Section::application, "show: before 2026-03-01T09:30:00Z"},
    Option{"to", "FOLDER", Section::application, "collect: where NODE.jsonl are kept"},
};

void declare(OptionSet& options) {
    options.add(looking);
    options.add(json_option());
    options.add(common_options());
    options.add(required_options());
    options.add(filter_options());
}

Result<security::TrustStore> trust(const Context& context) {
    auto file = context.options.value("trust");
    if (!file) {
        const auto config = choose_config(context.options.value("config"), context.world.environment);
        if (!config) return tl::unexpected(config.error());
        const auto loaded = load_config(*config);
        if (!loaded) return tl::unexpected(loaded.error());
        file = loaded->config.trust.string();
    }
    auto roots = security::read_certificates(*file);
    if (!roots) return tl::unexpected(roots.error());
    return security::TrustStore::make(std::move(*roots));
}

std::string text(const proto::Value& line, std::string_view key) {
    const auto* value = line.find(key);
    return value == nullptr ? std::string() : value->to_text();
}

struct First {
    std::string node;
    std::uint64_t sequence = 0;
};
Result<First> first_of(const fs::path& file) {
    First first;
    auto read = security::each_audit_line(file, [&](const security::AuditLine& line) {
        const auto value = proto::parse_json(line.text);
        if (value) first = {text(*value, "node"), security::sequence_of(line.text).value_or(0)};
        return false;
    });
    if (!read) return tl::unexpected(read.error());
    return first;
}

// Files of one node are one trail, in the order of their numbers; one that names nobody is judged alone.
Result<std::vector<std::vector<fs::path>>> trails_of(std::span<const std::string> words) {
    std::map<std::string, std::vector<std::pair<std::uint64_t, fs::path>>> by_node;
    for (const auto& word : words) {
        const auto first = first_of(word);
        if (!first) return tl::unexpected(first.error());
        by_node[first->node.empty() ? "?" + word : first->node].emplace_back(first->sequence, word);
    }
    std::vector<std::vector<fs::path>> trails;
    for (auto& [node, files] : by_node) {
        std::stable_sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        auto& trail = trails.emplace_back();
        for (auto& [sequence, file] : files) trail.push_back(std::move(file));
    }
    return trails;
}

proto::Value::List values(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

Result<ExitStatus> verify(Context& context, std::span<const std::string> words) {
    if (words.empty()) return fail(Errc::invalid, "needs files\nLike this: mco audit verify /var/log/mco/audit.jsonl.1 /var/log/mco/audit.jsonl");
    auto store = trust(context);
    if (!store) return tl::unexpected(store.error());
    const auto trails = trails_of(words);
    if (!trails) return tl::unexpected(trails.error());
    bool whole = true;
    for (const auto& files : *trails) {
        const auto report = security::check_trail(files, *store);
        if (!report) return tl::unexpected(report.error());
        whole = whole && report->findings.empty();
        if (context.options.has("json")) {
            context.out() << proto::to_json(proto::Value::Map{{"node", report->node},
                                                              {"lines", static_cast<std::int64_t>(report->lines)},
                                                              {"first", static_cast<std::int64_t>(report->first)},
                                                              {"last", static_cast<std::int64_t>(report->last)},
                                                              {"checkpoints", static_cast<std::int64_t>(report->checkpoints)},
                                                              {"whole", report->findings.empty()},
                                                              {"findings", values(report->findings)},
                                                              {"notes", values(report->notes)}})
                          << '\n';
            continue;
        }
        context.out() << fmt::format("{}: lines {} to {}, {}: {}\n", visible(report->node.empty() ? files.front().string() : report->node),
                                     report->first, report->last, counted(report->checkpoints, "checkpoint", "checkpoints"),
                                     report->findings.empty() ? "whole" : "NOT whole");
        for (const auto& finding : report->findings) context.out() << fmt::format("    {}\n", visible(finding));
        for (const auto& remark : report->notes) context.err() << fmt::format("note: {}\n", visible(remark));
    }
    return whole ? ExitStatus::ok : ExitStatus::failed;
}

// What `show` is to let through.
class Wanted {
 public:
    static Result<Wanted> read(const Options& options) {
        Wanted wanted;
        for (const std::string_view key : {"agent", "action", "code"}) {
            if (const auto value = options.value(key)) wanted.exact_.emplace_back(key, *value);
        }
        wanted.caller_ = options.value("caller").value_or("");
        if (wanted.caller_.starts_with("cert=")) wanted.caller_.erase(0, 5);
        wanted.request_ = options.value("request").value_or("");
        for (auto [key, at] : {std::pair("since", &wanted.since_), std::pair("until", &wanted.until_)}) {
            const auto given = options.value(key);
            if (!given) continue;
            const auto time = security::parse_rfc3339(*given);
            if (!time) return fail(Errc::invalid, fmt::format("--{}: {}", key, time.error().detail));
            *at = security::to_rfc3339_micros(*time);  // of one length, so they compare as text
        }
        return wanted;
    }
    bool passes(const proto::Value& line) const {
        if (line.find("request") == nullptr) return false;  // about the trail itself
        const auto time = text(line, "time");
        const auto* caller = line.find("caller");
        return std::all_of(exact_.begin(), exact_.end(), [&](const auto& pair) { return text(line, pair.first) == pair.second; }) &&
               (caller_.empty() || (caller != nullptr && text(*caller, "name") == caller_)) &&
               text(line, "request").starts_with(request_) && (since_.empty() || time >= since_) &&
               (until_.empty() || time < until_);
    }

 private:
    std::vector<std::pair<std::string_view, std::string>> exact_;
    std::string caller_, request_, since_, until_;
};

std::string sentence(const proto::Value& line) {
    const auto* caller = line.find("caller");
    const auto* inputs = line.find("inputs");
    return fmt::format("{} {} {} {} cert={} {}/{}{} {}", text(line, "time"), text(line, "request").substr(0, 12), text(line, "kind"),
                       text(line, "code"), caller == nullptr ? "" : text(*caller, "name"), text(line, "agent"),
                       text(line, "action"), inputs == nullptr ? "" : " " + inputs->to_text(), text(line, "detail"));
}

Result<ExitStatus> show(Context& context, std::span<const std::string> words) {
    if (words.empty()) return fail(Errc::invalid, "needs files\nLike this: mco audit show /var/log/mco/audit.jsonl --caller alice");
    const auto wanted = Wanted::read(context.options);
    if (!wanted) return tl::unexpected(wanted.error());
    const bool json = context.options.has("json");
    std::uint64_t unreadable = 0;
    for (const auto& word : words) {
        auto read = security::each_audit_line(word, [&](const security::AuditLine& line) {
            const auto value = proto::parse_json(line.text);
            if (!value) {
                ++unreadable;
            } else if (wanted->passes(*value)) {
                context.out() << (json ? visible_json(line.text) : visible(sentence(*value))) << '\n';
            }
            return true;
        });
        if (!read) return tl::unexpected(read.error());
    }
    if (unreadable != 0)
        context.err() << counted(unreadable, "line", "lines") << " could not be read; mco audit verify tells which\n";
    return ExitStatus::ok;
}

Result<ExitStatus> run(Context& context) {
    const std::span words(context.options.words());
    const auto what = words.empty() ? std::string_view() : std::string_view(words[0]);
    const auto rest = words.subspan(words.empty() ? 0 : 1);
    if (what == "verify") return verify(context, rest);
    if (what == "show") return show(context, rest);
    if (what == "collect") return collect_audit(context, rest);
    return fail(Errc::invalid, "needs verify, show or collect\nLike this: mco audit verify /var/log/mco/audit.jsonl");
}

}  // namespace

const Command audit{
    "audit",
    "Verifies, shows and collects audit trails",
    "verify FILE...\n[options] show FILE...\n[options] collect --to FOLDER",
    "mco audit verify /var/log/mco/audit.jsonl.1 /var/log/mco/audit.jsonl\n"
    "mco audit show /var/log/mco/audit.jsonl --caller alice --code policy_denied --since 2026-03-01T00:00:00Z\n"
    "mco audit collect --to /srv/audit && mco audit verify /srv/audit/*.jsonl",
    declare,
    run,
};

}  // namespace mco::client::applications
