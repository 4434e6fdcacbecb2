// Filters as operators write them. What nodes do with them is in filter.cpp.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proto/filter.hpp"
#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

struct Spelling {
    std::string_view text;
    FactOperator op;
};
// At one place in the text the first that fits is meant.
constexpr auto spellings = std::to_array<Spelling>({
    {"=>", FactOperator::greater_equal},
    {"=<", FactOperator::less_equal},
    {"<=", FactOperator::less_equal},
    {">=", FactOperator::greater_equal},
    {"<", FactOperator::less},
    {">", FactOperator::greater},
    {"!=", FactOperator::not_equal},
    {"!~", FactOperator::matches_not},
    {"==", FactOperator::equal},
    {"=~", FactOperator::matches},
    {"=", FactOperator::equal},
});

struct Found {
    std::size_t at;
    Spelling spelling;
};
std::optional<Found> find_operator(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const Spelling& spelling : spellings) {
            if (text.substr(at).starts_with(spelling.text)) return Found{at, spelling};
        }
    }
    return std::nullopt;
}

std::string_view without_blanks_before(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text;
}

tl::unexpected<Error> wrong(std::string_view term, std::string_view why) {
    return fail(Errc::invalid,
                fmt::format("the fact filter \"{}\" cannot be read: {}\nWrite NAME=VALUE, NAME=/EXPRESSION/ or "
                            "NAME>NUMBER; operators: = != < <= > >= =~ !~",
                            repair_utf8(term.substr(0, limits::fact_name_size_max)), why));
}

}  // namespace

std::string_view symbol(FactOperator op) {
    switch (op) {
        case FactOperator::equal:
            return "=";
        case FactOperator::not_equal:
            return "!=";
        case FactOperator::less:
            return "<";
        case FactOperator::less_equal:
            return "<=";
        case FactOperator::greater:
            return ">";
        case FactOperator::greater_equal:
            return ">=";
        case FactOperator::matches:
            return "=~";
        case FactOperator::matches_not:
            return "!~";
    }
    return "?";
}

Result<FactTerm> parse_fact_term(std::string_view text) {
    const auto found = find_operator(text);
    if (!found) return wrong(text, "it has no operator");
    std::string_view name = without_blanks_before(text.substr(0, found->at));
    while (name.ends_with(' ')) name.remove_suffix(1);
    const std::string_view value = without_blanks_before(text.substr(found->at + found->spelling.text.size()));

    if (name.empty()) return wrong(text, "the fact's name is missing");
    if (name.find(' ') != std::string_view::npos) return wrong(text, "a fact's name has no blanks");
    if (name.size() > limits::fact_name_size_max) {
        return wrong(text, fmt::format("the name is longer than {} octets", limits::fact_name_size_max));
    }
    if (value.empty()) return wrong(text, "the value is missing");
    if (value.size() > limits::filter_text_size_max) {
        return wrong(text, fmt::format("the value is longer than {} octets", limits::filter_text_size_max));
    }
    FactTerm term{.fact = std::string(name), .op = found->spelling.op, .value = std::string(value)};
    const bool slashes = value.size() > 2 && value.front() == '/' && value.back() == '/';
    if (found->spelling.text == "=" && slashes) term.op = FactOperator::matches;  // "==" is how to ask for the slashes
    return term;
}

std::string to_text(const FactTerm& term) {
    std::string text = fmt::format("{}{}{}", term.fact, symbol(term.op), term.value);
    if (const auto read = parse_fact_term(text); read && *read == term) return text;
    return fmt::format("{} {} {}", term.fact, term.op == FactOperator::equal ? "==" : symbol(term.op), term.value);
}

namespace {

std::string in_quotes(std::string_view text) {
    const char quote = text.find('"') == std::string_view::npos || text.find('\'') != std::string_view::npos ? '"' : '\'';
    std::string result(1, quote);
    for (const char c : text) {
        if (c == quote) result += '\\';
        result += c;
    }
    return result + quote;
}

// As it would be typed: in quotes only where it must be.
std::string value_text(const Step& step) {
    const std::string& value = step.value;
    if (step.op == FactOperator::matches || step.op == FactOperator::matches_not) {
        const std::string_view body = std::string_view(value).substr(1, value.size() < 2 ? 0 : value.size() - 2);
        bool escaped = false, closed = false;
        for (const char c : body) {
            closed = closed || (c == '/' && !escaped);
            escaped = c == '\\' && !escaped;
        }
        return closed ? in_quotes(body) : value;
    }
    const bool plain = !value.empty() && value.find_first_of(" \t\n\v\f\r()") == std::string::npos &&
                       value.find("&&") == std::string::npos && value.find("||") == std::string::npos &&
                       std::string_view("/=~<>!'\"").find(value.front()) == std::string_view::npos;
    return plain ? value : in_quotes(value);
}

std::string operand_text(const Step& step) {
    if (step.kind == Step::Kind::class_name) return step.name;
    const std::string comparison = fmt::format("{}{}", symbol(step.op), value_text(step));
    if (step.kind == Step::Kind::fact) return step.name + comparison;
    return fmt::format("{}({}).{}{}", step.name, step.query.empty() ? "" : in_quotes(step.query), step.field, comparison);
}

struct Written {
    std::string text;
    Step::Kind kind;
};
// Both sides of an operator are read from the left, so a right side of the same kind needs parentheses to stay one.
std::string side(const Written& written, Step::Kind within, bool right) {
    const auto rank = [](Step::Kind kind) {
        return kind == Step::Kind::either ? 0 : kind == Step::Kind::both ? 1 : kind == Step::Kind::negate ? 2 : 3;
    };
    const bool loose = rank(written.kind) < rank(within) || (right && written.kind == within);
    return loose ? fmt::format("({})", written.text) : written.text;
}

}  // namespace

std::string to_text(const Condition& condition) {
    std::vector<Written> stack;
    for (const Step& step : condition.steps) {
        const bool two = step.kind == Step::Kind::both || step.kind == Step::Kind::either;
        if (stack.size() < (two ? 2U : step.kind == Step::Kind::negate ? 1U : 0U)) return "(malformed)";
        if (two) {
            const std::string right = side(stack.back(), step.kind, true);
            stack.pop_back();
            const std::string left = side(stack.back(), step.kind, false);
            stack.back() = {fmt::format("{} {} {}", left, step.kind == Step::Kind::both ? "and" : "or", right), step.kind};
        } else if (step.kind == Step::Kind::negate) {
            stack.back() = {fmt::format("not {}", side(stack.back(), step.kind, false)), step.kind};
        } else {
            stack.push_back({operand_text(step), step.kind});
        }
    }
    return stack.size() == 1 ? std::move(stack.back().text) : "(malformed)";
}

std::vector<const Step*> data_terms(const Filter& filter) {
    std::vector<const Step*> terms;
    for (const Condition& condition : filter.conditions) {
        for (const Step& step : condition.steps) {
            if (step.kind == Step::Kind::data) terms.push_back(&step);
        }
    }
    return terms;
}

Result<void> add_with(Filter& filter, std::string_view words) {
    Filter added;
    for (;;) {
        words = without_blanks_before(words);
        if (words.empty()) break;
        const std::string_view word = words.substr(0, words.find(' '));
        words.remove_prefix(word.size());
        if (word.front() == '/' || !find_operator(word)) {
            added.classes.emplace_back(word);
            continue;
        }
        auto term = parse_fact_term(word);
        if (!term) return tl::unexpected(term.error());
        added.facts.push_back(std::move(*term));
    }
    filter.classes.insert(filter.classes.end(), added.classes.begin(), added.classes.end());
    filter.facts.insert(filter.facts.end(), added.facts.begin(), added.facts.end());
    return {};
}

}  // namespace mco::proto
