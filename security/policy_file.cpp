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

constexpr std::size_t files_max = 1'024;  // agents of one node

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

// One column as words. `*` alone is empty: any. The error says what is wrong, without the place.
proto::Result<std::vector<std::string>> words_of(std::string_view column, std::string_view what) {
    const auto words = split(column, " ");
    if (words.size() == 1 && words.front() == "*") return std::vector<std::string>{};
    if (words.empty()) return proto::fail(Errc::invalid, fmt::format("the {} column is empty\nwrite * for any", what));
    for (const auto word : words) {
        if (word == "*") return proto::fail(Errc::invalid, fmt::format("* stands alone in the {} column", what));
    }
    return std::vector<std::string>(words.begin(), words.end());
}

proto::Result<std::vector<std::string>> callers_of(std::string_view column) {
    auto words = words_of(column, "callers");
    if (!words) return words;
    for (const auto& word : *words) {
        const auto equals = word.find('=');
        if (equals == std::string::npos)
            return proto::fail(Errc::invalid,
                               fmt::format("the caller group \"{}\": groups are not supported yet\nwrite the "
                                           "callers themselves, like cert=alice cert=bob",
                                           word));
        if (equals == 0 || equals + 1 == word.size())
            return proto::fail(Errc::invalid, fmt::format("\"{}\" is no caller\nwrite it like cert=alice", word));
    }
    return words;
}

proto::Result<std::vector<std::string>> actions_of(std::string_view column) {
    auto words = words_of(column, "actions");
    if (!words) return words;
    for (const auto& word : *words) {
        if (word.find_first_of("*/,") != std::string::npos)
            return proto::fail(Errc::invalid,
                               fmt::format("\"{}\" is no action: actions are matched exactly\nwrite names apart "
                                           "by blanks, or * alone for any",
                                           word));
    }
    return words;
}

// As MCollective tells a compound expression from plain words.
bool is_compound(std::string_view word) {
    return word.starts_with('!') || word == "and" || word == "or" || word == "not" ||
           word.find_first_of("()") != std::string_view::npos;
}

enum class Column : std::uint8_t { facts, classes, both };

proto::Result<void> add_conditions(std::string_view column, Column kind, proto::Filter& filter) {
    const auto what = kind == Column::classes ? "classes" : kind == Column::facts ? "facts" : "conditions";
    auto words = words_of(column, what);
    if (!words) return tl::unexpected(std::move(words.error()));
    for (auto& word : *words) {
        if (is_compound(word))
            return proto::fail(Errc::invalid,
                               fmt::format("the compound condition \"{}\": such conditions are not supported "
                                           "yet\nwrite plain facts and classes, which must all hold",
                                           trimmed(column, " ")));
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

proto::Result<std::shared_ptr<const proto::Matcher>> condition_of(const std::vector<std::string_view>& fields) {
    proto::Filter filter;
    auto added = add_conditions(fields[3], fields.size() == 4 ? Column::both : Column::facts, filter);
    if (added && fields.size() == 5) added = add_conditions(fields[4], Column::classes, filter);
    if (!added) return tl::unexpected(std::move(added.error()));
    if (filter.empty()) return std::shared_ptr<const proto::Matcher>();
    auto matcher = proto::Matcher::compile(filter);
    if (!matcher) return tl::unexpected(std::move(matcher.error()));
    return std::make_shared<const proto::Matcher>(std::move(*matcher));
}

// "policy default allow": whether it allows. Nothing: this line is no default line.
std::optional<proto::Result<bool>> default_of(std::string_view line) {
    const auto words = split(line, " \t");
    if (words.front() != "policy") return std::nullopt;
    if (words.size() != 3 || words[1] != "default")
        return proto::fail(Errc::invalid, "a line that begins with \"policy\"\nwrite: policy default deny");
    return words[2] == "allow";  // any other word, also ALLOW, has always meant deny
}

}  // namespace

proto::Result<Policy::File> Policy::parse_file(std::string_view agent, std::string_view name, std::string_view text) {
    File file{.agent = std::string(agent), .name = std::string(name)};
    std::size_t number = 0;
    const auto refuse = [&](const proto::Error& error) {
        return proto::fail(Errc::invalid, fmt::format("{}:{}: {}", name, number, error.detail));
    };
    while (!text.empty()) {
        ++number;
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end), "\r \t");
        const bool comment = text.starts_with('#');
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || comment) continue;
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
        auto callers = callers_of(fields[1]);
        if (!callers) return refuse(callers.error());
        auto actions = actions_of(fields[2]);
        if (!actions) return refuse(actions.error());
        auto condition = condition_of(fields);
        if (!condition) return refuse(condition.error());
        file.rules.push_back(
            {verb == "allow", std::move(*callers), std::move(*actions), std::move(*condition), number});
    }
    return file;
}

proto::Result<Policy> Policy::parse(std::string_view agent, std::string_view text) {
    auto file = parse_file(agent, fmt::format("{}.policy", agent), text);
    if (!file) return tl::unexpected(std::move(file.error()));
    Policy policy;
    policy.files_.push_back(std::move(*file));
    return policy;
}

proto::Result<Policy> Policy::read(const fs::path& directory, Settings settings) {
    Policy policy;
    policy.settings_ = std::move(settings);
    std::error_code failed;
    fs::directory_iterator entries(directory, failed);
    if (failed == std::errc::no_such_file_or_directory) return policy;
    for (; !failed && entries != fs::directory_iterator(); entries.increment(failed)) {
        const auto& path = entries->path();
        if (path.filename() == "groups")
            return proto::fail(Errc::invalid,
                               fmt::format("{}: caller groups are not supported yet\nwrite the callers into the "
                                           "rules and remove the file",
                                           path.string()));
        if (path.extension() != ".policy") continue;
        if (policy.files_.size() == files_max)
            return proto::fail(Errc::invalid,
                               fmt::format("{} holds more than {} policies", directory.string(), files_max));
        auto octets = read_small_file(path, proto::limits::config_size_max, Access::trusted);
        if (!octets) return tl::unexpected(std::move(octets.error()));
        auto file = parse_file(path.stem().string(), path.string(), proto::as_text(*octets));
        if (!file) return tl::unexpected(std::move(file.error()));
        file->name = path.filename().string();  // errors name the whole path, verdicts the file
        policy.files_.push_back(std::move(*file));
    }
    if (failed)
        return proto::fail(Errc::denied,
                           fmt::format("cannot read the policies in {}: {}\nmake it a folder that this user may "
                                       "read",
                                       directory.string(), failed.message()));
    std::sort(policy.files_.begin(), policy.files_.end(),
              [](const File& a, const File& b) { return a.agent < b.agent; });
    return policy;
}

}  // namespace mco::security
