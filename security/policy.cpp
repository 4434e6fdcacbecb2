#include "security/policy.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mco::security {
namespace {

bool means(const std::vector<std::string>& words, std::string_view word) {
    return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

const Policy::File* Policy::find(std::string_view agent) const {
    const auto at = std::lower_bound(files_.begin(), files_.end(), agent,
                                     [](const File& file, std::string_view name) { return file.agent < name; });
    return at != files_.end() && at->agent == agent ? &*at : nullptr;
}

Policy::Verdict Policy::decide(const Question& question, const proto::Traits& node) const {
    const File* file = find(question.agent);
    if (file == nullptr && settings_.enable_default) file = find(settings_.default_name);
    if (file == nullptr)
        return {settings_.allow_unconfigured,
                settings_.allow_unconfigured ? "no policy file, allow_unconfigured" : "no policy file"};
    for (const auto& rule : file->rules) {
        if (means(rule.callers, question.caller) && means(rule.actions, question.action) &&
            (!rule.condition || rule.condition->matches(node)))
            return {rule.allow, fmt::format("{}:{}", file->name, rule.line)};
    }
    return {file->default_allow, fmt::format("{} default", file->name)};
}

}  // namespace mco::security
