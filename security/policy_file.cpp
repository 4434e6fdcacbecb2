// Reading ActionPolicy files.

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "security/policy.hpp"
#include "security/small_file.hpp"

namespace mco::security {
namespace {

namespace fs = std::filesystem;
using proto::Errc;

constexpr std::size_t files_max = 1'024;   // agents of one node
constexpr std::size_t groups_max = 1'024;  // of callers

std::string_view trimmed(std::string_view text, std::string_view blanks) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Pieces between runs of separators; none of them empty.
std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(separators, at), text.size());
        pieces.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(separators, end);
    }
    return pieces;
}

using Words = std::optional<std::vector<std::string>>;

// One column as words. `*` alone is none: any. The error says what is wrong, without the place.
proto::Result<Words> words_of(std::string_view column, std::string_view what) {
    const auto words = split(column, " ");
    if (words.size() == 1 && words.front() == "*") return Words();
    if (words.empty()) return proto::fail(Errc::invalid, fmt::format("the {} column is empty\nwrite * for any", what));
    for (const auto word : words) {
        if (word == "*") return proto::fail(Errc::invalid, fmt::format("* stands alone in the {} column", what));
    }
    return Words(std::in_place, words.begin(), words.end());
}

bool is_caller(std::string_view word) {
    const auto equals = word.find('=');
    return equals != std::string_view::npos && equals != 0 && equals + 1 != word.size();
}

template <typename Groups>
proto::Result<Words> callers_of(std::string_view column, const Groups& groups) {
    auto words = words_of(column, "callers");
    if (!words || !*words) return words;
    std::vector<std::string> callers;
    for (auto& word : **words) {
        if (is_caller(word)) {
            callers.push_back(std::move(word));
            continue;
        }
        if (word.find('=') != std::string::npos)
            return proto::fail(Errc::invalid, fmt::format("\"{}\" is no caller\nwrite it like cert=alice", word));
        const auto group = groups.find(word);
        if (group == groups.end())
            return proto::fail(Errc::invalid,
                               fmt::format("there is no caller group \"{}\"\nname it in the file groups beside this "
                                           "one: {} cert=alice cert=bob",
                                           word, word));
        callers.insert(callers.end(), group->second.begin(), group->second.end());
    }
    return callers;
}

proto::Result<Words> actions_of(std::string_view column) {
    auto words = words_of(column, "actions");
    if (!words || !*words) return words;
    for (const auto& word : **words) {
        if (word.find_first_of("*/,") != std::string::npos)
            return proto::fail(Errc::invalid,
                               fmt::format("\"{}\" is no action: actions are matched exactly\nwrite names apart "
                                           "by blanks, or * alone for any",
                                           word));
    }
    return words;
}

// As MCollective tells a compound expression from plain words; && and || are ours, as in -S.
bool is_compound(std::string_view column) {
    const auto words = split(column, " ");
    return std::any_of(words.begin(), words.end(), [](std::string_view word) {
        return word.starts_with('!') || word == "and" || word == "or" || word == "not" || word == "&&" ||
               word == "||" || word.find_first_of("()") != std::string_view::npos;
    });
}

enum class Column : std::uint8_t { facts, classes, both };

proto::Result<void> add_conditions(std::string_view column, Column kind, proto::Filter& filter) {
    if (is_compound(column)) {
        auto condition = proto::parse_condition(trimmed(column, " "));
        if (!condition) return tl::unexpected(std::move(condition.error()));
        filter.conditions.push_back(std::move(*condition));
        return {};
    }
    const auto what = kind == Column::classes ? "classes" : kind == Column::facts ? "facts" : "conditions";
    auto words = words_of(column, what);
    if (!words) return tl::unexpected(std::move(words.error()));
    if (!*words) return {};
    for (auto& word : **words) {
        const bool is_fact = kind == Column::facts || (kind == Column::both && !word.starts_with('/') &&
                                                       word.find_first_of("=<>") != std::string::npos);
        if (!is_fact) {
            filter.classes.push_back(std::move(word));
            continue;
        }
        auto term = proto::parse_fact_term(word);
        if (!term) return tl::unexpected(std::move(term.error()));
        filter.facts.push_back(std::move(*term));
    }
    return {};
}

proto::Result<proto::Filter> condition_of(const std::vector<std::string_view>& fields) {
    proto::Filter filter;
    auto added = add_conditions(fields[3], fields.size() == 4 ? Column::both : Column::facts, filter);
    if (added && fields.size() == 5) added = add_conditions(fields[4], Column::classes, filter);
    if (!added) return tl::unexpected(std::move(added.error()));
    return filter;
}

// "policy default allow": whether it allows. Nothing: this line is no default line.
std::optional<proto::Result<bool>> default_of(std::string_view line) {
    const auto words = split(line, " \t");
    if (words.front() != "policy") return std::nullopt;
    if (words.size() != 3 || words[1] != "default")
        return proto::fail(Errc::invalid, "a line that begins with \"policy\"\nwrite: policy default deny");
    return words[2] == "allow";  // any other word, also ALLOW, has always meant deny
}

// Lines that say something, without the blanks round them.
class Lines {
 public:
    explicit Lines(std::string_view text) : text_(text) {}
    std::optional<std::string_view> next() {
        while (!text_.empty()) {
            ++number_;
            const auto end = std::min(text_.find('\n'), text_.size());
            const auto line = trimmed(text_.substr(0, end), "\r \t");
            text_.remove_prefix(std::min(end + 1, text_.size()));
            if (!line.empty() && !line.starts_with('#')) return line;
        }
        return std::nullopt;
    }
    std::size_t number() const { return number_; }

 private:
    std::string_view text_;
    std::size_t number_ = 0;
};

bool is_group_name(std::string_view word) {
    return std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

}  // namespace

proto::Result<Policy::Groups> Policy::parse_groups(std::string_view name, std::string_view text) {
    Groups groups;
    Lines lines(text);
    const auto refuse = [&](std::string what) {
        return proto::fail(Errc::invalid, fmt::format("{}:{}: {}", name, lines.number(), what));
    };
    while (const auto line = lines.next()) {
        const auto words = split(*line, " \t");
        if (!is_group_name(words.front()))
            return refuse(fmt::format("\"{}\" is no name of a group\nwrite letters, digits, _ - and .", words.front()));
        if (groups.size() == groups_max) return refuse(fmt::format("more than {} groups", groups_max));
        auto [group, fresh] = groups.emplace(words.front(), std::vector<std::string>());
        if (!fresh) return refuse(fmt::format("the group \"{}\" is there twice\nput its callers on one line", words.front()));
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (!is_caller(words[i]))
                return refuse(fmt::format("\"{}\" is no caller\nwrite it like cert=alice; groups do not hold groups",
                                          words[i]));
            group->second.emplace_back(words[i]);
        }
    }
    return groups;
}

proto::Result<Policy::File> Policy::parse_file(std::string_view agent, std::string_view name, std::string_view text,
                                               const Groups& groups) {
    File file{.agent = std::string(agent), .name = std::string(name)};
    Lines lines(text);
    const auto refuse = [&](const proto::Error& error) {
        return proto::fail(Errc::invalid, fmt::format("{}:{}: {}", name, lines.number(), error.detail));
    };
    while (const auto next = lines.next()) {
        const auto line = *next;
        if (auto decided = default_of(line)) {
            if (!*decided) return refuse(decided->error());
            file.default_allow = **decided;
            continue;
        }
        const auto fields = split(line, "\t");
        const auto verb = trimmed(fields.front(), " ");
        if (fields.size() == 1 && (verb.starts_with("allow ") || verb.starts_with("deny ")))
            return refuse({Errc::invalid, "the columns are apart by blanks\nput hard tabs between them"});
        if (verb != "allow" && verb != "deny")
            return refuse(
                {Errc::invalid, fmt::format("\"{}\" begins no rule\na rule begins with allow or deny, then tabs "
                                            "between its columns",
                                            verb.substr(0, 40))});
        if (fields.size() < 4 || fields.size() > 5)
            return refuse(
                {Errc::invalid, fmt::format("{} columns, not 4 or 5\nwrite, with tabs between: {} CALLERS ACTIONS "
                                            "FACTS CLASSES",
                                            fields.size(), verb)});
        auto callers = callers_of(fields[1], groups);
        if (!callers) return refuse(callers.error());
        auto actions = actions_of(fields[2]);
        if (!actions) return refuse(actions.error());
        auto filter = condition_of(fields);
        if (!filter) return refuse(filter.error());
        auto matcher = proto::Matcher::compile(*filter);
        if (!matcher) return refuse(matcher.error());
        Rule rule{.allow = verb == "allow",
                  .callers = std::move(*callers),
                  .actions = std::move(*actions),
                  .condition = {},
                  .sources = {},
                  .line = lines.number(),
                  .text = std::string(line)};
        if (!filter->empty()) rule.condition = std::make_shared<const proto::Matcher>(std::move(*matcher));
        for (const auto* term : proto::data_terms(*filter)) rule.sources.push_back(term->name);
        file.rules.push_back(std::move(rule));
    }
    return file;
}

proto::Result<Policy> Policy::parse(std::string_view agent, std::string_view text, std::string_view groups, Settings settings) {
    const auto known = parse_groups("groups", groups);
    if (!known) return tl::unexpected(known.error());
    auto file = parse_file(agent, fmt::format("{}.policy", agent), text, *known);
    if (!file) return tl::unexpected(std::move(file.error()));
    Policy policy;
    policy.settings_ = std::move(settings);
    policy.files_ = std::make_shared<const std::vector<File>>(std::vector<File>{std::move(*file)});
    return policy;
}

proto::Result<Policy> Policy::read(const fs::path& directory, Settings settings) {
    Policy policy;
    policy.settings_ = std::move(settings);
    std::error_code failed;
    fs::directory_iterator entries(directory, failed);
    if (failed == std::errc::no_such_file_or_directory) return policy;
    Groups groups;
    if (auto octets = read_small_file(directory / "groups", proto::limits::config_size_max, Access::trusted)) {
        auto read = parse_groups((directory / "groups").string(), proto::as_text(*octets));
        if (!read) return tl::unexpected(std::move(read.error()));
        groups = std::move(*read);
    } else if (!failed && octets.error().code != Errc::not_found) {
        return tl::unexpected(std::move(octets.error()));
    }
    std::vector<File> files;
    for (; !failed && entries != fs::directory_iterator(); entries.increment(failed)) {
        const auto& path = entries->path();
        if (path.extension() != ".policy") continue;
        if (files.size() == files_max)
            return proto::fail(Errc::invalid,
                               fmt::format("{} holds more than {} policies", directory.string(), files_max));
        auto octets = read_small_file(path, proto::limits::config_size_max, Access::trusted);
        if (!octets) return tl::unexpected(std::move(octets.error()));
        auto file = parse_file(path.stem().string(), path.string(), proto::as_text(*octets), groups);
        if (!file) return tl::unexpected(std::move(file.error()));
        file->name = path.filename().string();  // errors name the whole path, verdicts the file
        files.push_back(std::move(*file));
    }
    if (failed)
        return proto::fail(Errc::denied,
                           fmt::format("cannot read the policies in {}: {}\nmake it a folder that this user may "
                                       "read",
                                       directory.string(), failed.message()));
    std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.agent < b.agent; });
    policy.files_ = std::make_shared<const std::vector<File>>(std::move(files));
    return policy;
}

}  // namespace mco::security
