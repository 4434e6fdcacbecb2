#include "security/policy.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mco::security {
namespace {

bool means(const std::optional<std::vector<std::string>>& words, std::string_view word) {
    return !words || std::find(words->begin(), words->end(), word) != words->end();
}

}  // namespace

bool Policy::applies(const Rule& rule, const Question& question) {
    return means(rule.callers, question.caller) && means(rule.actions, question.action);
}

const Policy::File* Policy::find(std::string_view agent) const {
    const auto at = std::lower_bound(files_->begin(), files_->end(), agent,
                                     [](const File& file, std::string_view name) { return file.agent < name; });
    return at != files_->end() && at->agent == agent ? &*at : nullptr;
}

const Policy::File* Policy::file_for(std::string_view agent) const {
    const File* file = find(agent);
    return file == nullptr && settings_.enable_default ? find(settings_.default_name) : file;
}

// `holds` tells of a rule's condition: yes, no, or that only data knows.
template <typename Holds>
Policy::Verdict Policy::decide_by(const Question& question, Holds holds) const {
    const File* file = file_for(question.agent);
    if (file == nullptr) {
        const bool allowed = settings_.allow_unconfigured;
        return {.allowed = allowed,
                .decided_by = allowed ? "no policy file, allow_unconfigured" : "no policy file",
                .line = {}};
    }
    for (const auto& rule : file->rules) {
        if (!applies(rule, question)) continue;
        const auto held = rule.condition ? holds(*rule.condition) : proto::Verdict::yes;
        if (held == proto::Verdict::no) continue;
        const bool open = held == proto::Verdict::unknown;
        return {.allowed = rule.allow && !open,
                .open = open,
                .decided_by = fmt::format("{}:{}", file->name, rule.line),
                .line = rule.text};
    }
    // As in MCollective, a file without a default line leaves that to allow_unconfigured, too.
    if (!file->default_allow && settings_.allow_unconfigured)
        return {.allowed = true, .decided_by = fmt::format("{} has no default, allow_unconfigured", file->name), .line = {}};
    return {.allowed = file->default_allow.value_or(false), .decided_by = fmt::format("{} default", file->name), .line = {}};
}

Policy::Verdict Policy::decide(const Question& question, const proto::Traits& node) const {
    return decide_by(question, [&](const proto::Matcher& condition) { return condition.judge(node); });
}

Policy::Verdict Policy::decide_with(const Question& question, const proto::Traits& node,
                                    const proto::AskData& ask) const {
    return decide_by(question, [&](const proto::Matcher& condition) {
        return condition.judge_with(node, ask) ? proto::Verdict::yes : proto::Verdict::no;
    });
}

std::vector<std::string> Policy::sources(const Question& question) const {
    std::vector<std::string> asked;
    const File* file = file_for(question.agent);
    if (file == nullptr) return asked;
    for (const auto& rule : file->rules) {
        if (applies(rule, question)) asked.insert(asked.end(), rule.sources.begin(), rule.sources.end());
    }
    return asked;
}

std::vector<std::string> Policy::agents() const {
    std::vector<std::string> names;
    for (const auto& file : *files_) names.push_back(file.agent);
    return names;
}

}  // namespace mco::security
