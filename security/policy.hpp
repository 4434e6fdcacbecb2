#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/filter.hpp"
#include "proto/traits.hpp"

namespace mco::security {

// ActionPolicy as MCollective's operators know it: <dir>/<agent>.policy, first matching line decides, then the file's
// default line; deny when nothing says allow. Immutable once read, copies share it; SIGHUP reads a new one. Any thread.
//
//     policy default deny
//     allow<TAB>cert=alice admins<TAB>status ping<TAB>*<TAB>*
//     deny<TAB>*<TAB>*<TAB>environment=production and not country=uk<TAB>*
//
// Columns are separated by tabs: callers, actions, facts, classes; words in a column by blanks. With one column after the
// actions, its words may be facts and classes. A column with and, or, not, ! or parentheses is a condition as in -S; of
// other words all must hold. Callers match exactly; one without "=" is a group, a line "NAME CALLER..." of the file <dir>/groups.
// Facts are compared as in filters. A malformed line makes the whole file fail with file and line: a deny rule that is
// silently lost is worse than a daemon that refuses to start.
//
// Conditions may ask data sources, which may block: then decide() leaves it open and decide_with() tells. A source that fails
// makes its term neither true nor false, and a rule that is not true does not match.
class Policy {
 public:
    struct Settings {
        bool allow_unconfigured = false;  // an agent without a file, and what a file without a default line leaves open
        bool enable_default = false;      // then default_name.policy decides for it
        std::string default_name = "default";
    };
    struct Question {
        std::string_view caller;  // "cert=alice"
        std::string_view agent;
        std::string_view action;
    };
    struct Verdict {
        bool allowed = false;
        bool open = false;       // only data can tell: not allowed, as long as nobody asks it
        std::string decided_by;  // "rpcutil.policy:3", "rpcutil.policy default", "no policy file"
        std::string line;        // the rule as it is written; empty: no rule decided
    };

    // Every *.policy file of the directory. No such directory: no policies. A file that everybody may write is refused.
    static proto::Result<Policy> read(const std::filesystem::path& directory, Settings settings);
    // The texts of one file and of the groups, for tools and tests.
    static proto::Result<Policy> parse(std::string_view agent, std::string_view text, std::string_view groups, Settings settings);
    static proto::Result<Policy> parse(std::string_view agent, std::string_view text, std::string_view groups = {}) {
        return parse(agent, text, groups, Settings{});
    }

    Verdict decide(const Question& question, const proto::Traits& node) const;
    Verdict decide_with(const Question& question, const proto::Traits& node, const proto::AskData& ask) const;
    // The data sources that decide_with() may ask, one for each question to them.
    std::vector<std::string> sources(const Question& question) const;
    std::vector<std::string> agents() const;  // that have a file, sorted

 private:
    struct Rule {
        bool allow = false;
        std::optional<std::vector<std::string>> callers, actions;  // none: any
        std::shared_ptr<const proto::Matcher> condition;  // facts and classes, all must hold; null: always true
        std::vector<std::string> sources;                 // that the condition asks
        std::size_t line = 0;
        std::string text;
    };
    struct File {
        std::string agent;
        std::string name;  // as shown in verdicts
        std::optional<bool> default_allow;  // none: allow_unconfigured says it
        std::vector<Rule> rules;
    };
    using Groups = std::map<std::string, std::vector<std::string>, std::less<>>;
    static proto::Result<Groups> parse_groups(std::string_view name, std::string_view text);
    static proto::Result<File> parse_file(std::string_view agent, std::string_view name, std::string_view text,
                                          const Groups& groups);
    static bool applies(const Rule& rule, const Question& question);
    const File* find(std::string_view agent) const;
    const File* file_for(std::string_view agent) const;  // its own, or the default one
    template <typename Holds>
    Verdict decide_by(const Question& question, Holds holds) const;

    Settings settings_;
    std::shared_ptr<const std::vector<File>> files_ = std::make_shared<std::vector<File>>();  // sorted by agent
};

}  // namespace mco::security
