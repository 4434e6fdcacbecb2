// Filters as operators write them. What nodes do with them is in filter.cpp.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

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
                            "NAME>NUMBER; operators: = != < <= > >= =~",
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
