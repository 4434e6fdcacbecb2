#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/filter.hpp"
#include "proto/traits.hpp"

namespace mco::security {

// ActionPolicy as MCollective's operators know it: <dir>/<agent>.policy, first matching line decides, then the file's
// default line; deny when nothing says allow. Immutable once read; SIGHUP reads a new one.
//
//     policy default deny
//     allow<TAB>cert=alice cert=bob<TAB>status ping<TAB>*<TAB>*
//
// Columns are separated by tabs: callers, actions, facts, classes; words in a column by blanks. With one column after the
// actions, its words may be facts and classes. Callers match exactly, facts are compared as in filters. A malformed line
// makes the whole file fail with file and line: a deny rule that is silently lost is worse than a daemon that refuses to
// start. Not here yet, and refused by name: conditions (compound expressions) and caller groups.
class Policy {
 public:
    struct Settings {
        bool allow_unconfigured = false;  // an agent without a file
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
        std::string decided_by;  // "rpcutil.policy:3", "rpcutil.policy default", "no policy file"
    };

    // Every *.policy file of the directory. No such directory: no policies. A file that everybody may write is refused.
    static proto::Result<Policy> read(const std::filesystem::path& directory, Settings settings);
    static proto::Result<Policy> parse(std::string_view agent,
                                       std::string_view text);  // one file's text, for tools and tests

    Verdict decide(const Question& question, const proto::Traits& node) const;

 private:
    struct Rule {
        bool allow = false;
        std::vector<std::string> callers, actions;        // empty: any
        std::shared_ptr<const proto::Matcher> condition;  // facts and classes, all must hold; null: always true
        std::size_t line = 0;
    };
    struct File {
        std::string agent;
        std::string name;  // as shown in verdicts
        bool default_allow = false;
        std::vector<Rule> rules;
    };
    static proto::Result<File> parse_file(std::string_view agent, std::string_view name, std::string_view text);
    const File* find(std::string_view agent) const;

    Settings settings_;
    std::vector<File> files_;  // sorted by agent
};

}  // namespace mco::security
