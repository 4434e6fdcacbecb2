#include "proto/filter_terms.hpp"

#include <algorithm>
#include <compare>
#include <optional>

#include <fmt/format.h>

#include "proto/glob.hpp"
#include "proto/number_text.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

constexpr std::size_t comparison_effort = 32;  // beside the octets compared

bool is_ordering(FactOperator op) {
    return op == FactOperator::less || op == FactOperator::less_equal || op == FactOperator::greater ||
           op == FactOperator::greater_equal;
}

bool is_expression(FactOperator op) { return op == FactOperator::matches || op == FactOperator::matches_not; }

bool holds(FactOperator op, std::partial_ordering order) {
    switch (op) {
        case FactOperator::equal:
            return order == 0;
        case FactOperator::not_equal:
            return order != 0;
        case FactOperator::less:
            return order < 0;
        case FactOperator::less_equal:
            return order <= 0;
        case FactOperator::greater:
            return order > 0;
        case FactOperator::greater_equal:
            return order >= 0;
        case FactOperator::matches:
        case FactOperator::matches_not:
            return false;
    }
    return false;
}

Verdict verdict(bool holds) { return holds ? Verdict::yes : Verdict::no; }

// The expression between enclosing slashes, of which the closing one may be missing. An escaped slash does not close.
std::string_view between_slashes(std::string_view text) {
    text.remove_prefix(1);
    if (!text.ends_with('/')) return text;
    text.remove_suffix(1);
    std::size_t backslashes = 0;
    while (backslashes < text.size() && text[text.size() - 1 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 1) return {text.data(), text.size() + 1};
    return text;
}

Result<void> check_size(std::string_view kind, std::string_view term) {
    if (term.empty()) return wrong_filter(kind, "it is empty");
    if (term.size() > limits::filter_text_size_max) {
        return wrong_filter(
            kind, fmt::format("\"{}...\" is longer than {} octets", repair_utf8(term.substr(0, limits::name_size_max)),
                              limits::filter_text_size_max));
    }
    return {};
}

}  // namespace

tl::unexpected<Error> wrong_filter(std::string_view kind, std::string_view why) {
    return fail(Errc::invalid, fmt::format("{} filter: {}", kind, why));
}

bool NameTerm::matches(std::string_view name, Breath& breath) const {
    if (const auto* literal = std::get_if<std::string>(&held_)) {
        return breath.spend(comparison_effort) && *literal == name;
    }
    const auto& expression = std::get<Expression>(held_);
    return breath.spend(expression.effort(name.size())) && expression.matches(name);
}

bool NameTerm::matches_any(const std::vector<std::string>& names, Breath& breath) const {
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches(name, breath); });
}

bool Comparison::is_equal(std::string_view text, Breath& breath) const {
    if (text == value) return true;
    return expression && breath.spend(expression->effort(text.size())) && expression->matches(text);
}

bool Comparison::fits(std::string_view text, Breath& breath) const {
    if (!breath.spend(comparison_effort + text.size())) return false;
    const auto order = [&]() -> std::partial_ordering {
        if (const auto numbers = compare_numbers(text, value)) return *numbers;
        return text.compare(value) <=> 0;
    };
    switch (op) {
        case FactOperator::equal:
            return is_equal(text, breath);
        case FactOperator::not_equal: {
            const bool equal = is_equal(text, breath) || order() == 0;
            return !equal && breath.spend(0);
        }
        case FactOperator::less:
        case FactOperator::less_equal:
        case FactOperator::greater:
        case FactOperator::greater_equal:
            return holds(op, order());
        case FactOperator::matches:
            return breath.spend(expression->effort(text.size())) && expression->matches(text);
        case FactOperator::matches_not:
            return breath.spend(expression->effort(text.size())) && !expression->matches(text);
    }
    return false;
}

Verdict Comparison::judge_text(std::string_view text, Breath& breath) const {
    if (!breath.spend(comparison_effort + text.size())) return Verdict::no;
    if (!is_ordering(op)) return verdict(fits(text, breath));
    const auto order = compare_numbers(text, value);
    return verdict(order && holds(op, *order));
}

Verdict Comparison::judge(const Value& found, Breath& breath) const {
    if (found.is_null() || found.map() != nullptr) return Verdict::no;
    if (const std::string* text = found.text()) return judge_text(*text, breath);
    if (const Value::List* items = found.list()) {
        Verdict best = Verdict::no;
        for (const Value& item : *items) {
            if (!breath.spend(1) || item.list() != nullptr) break;
            const Verdict one = judge(item, breath);
            if (one == Verdict::yes) return one;
            if (one == Verdict::unknown) best = one;
        }
        return best;
    }
    if (is_expression(op)) return Verdict::no;
    if (const bool* flag = found.flag()) {
        if (is_ordering(op)) return Verdict::no;
        if (value != "true" && value != "false") return Verdict::unknown;
        return verdict((*flag == (value == "true")) == (op == FactOperator::equal));
    }
    const auto order = compare_numbers(found.to_text(), value);
    return order ? verdict(holds(op, *order)) : Verdict::unknown;
}

bool CompiledFact::matches(const Value& facts, Breath& breath) const {
    const Value* found = find_fact(facts, fact);
    if (found == nullptr) return false;
    if (const Value::List* items = found->list()) {
        return std::any_of(items->begin(), items->end(), [&](const Value& item) {
            return breath.spend(1) && comparison.fits(item.to_text(), breath);
        });
    }
    if (const Value::Map* members = found->map()) {
        return std::any_of(members->begin(), members->end(),
                           [&](const auto& member) { return comparison.fits(member.first, breath); });
    }
    return comparison.fits(found->to_text(), breath);
}

Result<Expression> TermCompiler::expression(std::string_view kind, std::string_view pattern,
                                            Expression::Anchors anchors) {
    auto compiled = Expression::compile(pattern, anchors);
    if (!compiled) return wrong_filter(kind, compiled.error().detail);
    program_size_ += compiled->program_size();
    if (program_size_ > limits::filter_program_max) {
        return wrong_filter(kind, "all expressions together are too large\nUse fewer, or smaller repetitions.");
    }
    return compiled;
}

Result<NameTerm> TermCompiler::name(std::string_view kind, const std::string& term, Globs globs) {
    if (auto size = check_size(kind, term); !size) return tl::unexpected(size.error());
    if (term.front() == '/') {
        const std::string_view pattern = between_slashes(term);
        if (pattern.empty()) {
            return wrong_filter(kind, fmt::format("\"{}\" has no expression between the slashes", term));
        }
        auto compiled = expression(kind, pattern, Expression::Anchors::lines);
        if (!compiled) return tl::unexpected(compiled.error());
        return NameTerm(std::move(*compiled));
    }
    if (globs == Globs::understood && is_glob(term)) {
        const auto pattern = glob_expression(term);
        if (!pattern) return wrong_filter(kind, pattern.error().detail);
        auto compiled = expression(kind, *pattern, Expression::Anchors::text);
        if (!compiled) return tl::unexpected(compiled.error());
        return NameTerm(std::move(*compiled));
    }
    return NameTerm(term);
}

Result<Comparison> TermCompiler::comparison(std::string_view kind, FactOperator op, const std::string& value,
                                            Globs globs) {
    if (auto size = check_size(kind, value); !size) return tl::unexpected(size.error());
    Comparison compiled{.op = op, .value = value, .expression = std::nullopt};
    if (is_expression(op)) {
        const bool slashes = value.size() > 2 && value.front() == '/' && value.back() == '/';
        const auto pattern = slashes ? between_slashes(value) : std::string_view(value);
        auto made = expression(kind, pattern, Expression::Anchors::lines);
        if (!made) return tl::unexpected(made.error());
        compiled.expression = std::move(*made);
    } else if (globs == Globs::understood && !is_ordering(op) && is_glob(value)) {
        const auto pattern = glob_expression(value);
        if (!pattern) return compiled;  // a fact may well hold a lonely bracket: then it is only literal
        auto made = expression(kind, *pattern, Expression::Anchors::text);
        if (!made) return tl::unexpected(made.error());
        compiled.expression = std::move(*made);
    }
    return compiled;
}

Result<CompiledFact> TermCompiler::fact(const FactTerm& term) {
    if (term.fact.empty() || term.fact.size() > limits::fact_name_size_max) {
        return wrong_filter("fact", fmt::format("a name has 1 to {} octets", limits::fact_name_size_max));
    }
    auto made = comparison("fact", term.op, term.value, Globs::understood);
    if (!made) return tl::unexpected(made.error());
    return CompiledFact{.fact = term.fact, .comparison = std::move(*made)};
}

}  // namespace mco::proto
