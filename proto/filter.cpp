#include "proto/filter.hpp"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "proto/expression.hpp"
#include "proto/glob.hpp"
#include "proto/limits.hpp"
#include "proto/number_text.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

// What one question may cost. Filters are asked before anybody looks into a policy, so a caller who may do nothing must not
// be able to keep a node busy: out of breath means no match.
class Breath {
 public:
    bool spend(std::size_t effort) {
        left_ -= std::min(left_, effort);
        return left_ > 0;
    }

 private:
    std::size_t left_ = limits::filter_effort_max;
};

constexpr std::size_t comparison_effort = 32;  // beside the octets compared

// A name, or an expression that many names fit.
class NameTerm {
 public:
    explicit NameTerm(std::string literal) : held_(std::move(literal)) {}
    explicit NameTerm(Expression expression) : held_(std::move(expression)) {}

    bool matches(std::string_view name, Breath& breath) const {
        if (const auto* literal = std::get_if<std::string>(&held_)) {
            return breath.spend(comparison_effort) && *literal == name;
        }
        const auto& expression = std::get<Expression>(held_);
        return breath.spend(expression.effort(name.size())) && expression.matches(name);
    }

    bool matches_any(const std::vector<std::string>& names, Breath& breath) const {
        return std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches(name, breath); });
    }

 private:
    std::variant<std::string, Expression> held_;
};

struct CompiledFact {
    std::string fact;
    FactOperator op = FactOperator::equal;
    std::string value;
    std::optional<Expression> expression;  // `matches`: the expression; equal, not_equal: the glob, if it is one

    bool fits(std::string_view text, Breath& breath) const;

 private:
    bool is_equal(std::string_view text, Breath& breath) const;
};

bool CompiledFact::is_equal(std::string_view text, Breath& breath) const {
    if (text == value) return true;
    return expression && breath.spend(expression->effort(text.size())) && expression->matches(text);
}

bool CompiledFact::fits(std::string_view text, Breath& breath) const {
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
            return order() < 0;
        case FactOperator::less_equal:
            return order() <= 0;
        case FactOperator::greater:
            return order() > 0;
        case FactOperator::greater_equal:
            return order() >= 0;
        case FactOperator::matches:
            return breath.spend(expression->effort(text.size())) && expression->matches(text);
    }
    return false;
}

bool fact_matches(const CompiledFact& term, const Value& facts, Breath& breath) {
    const Value* found = find_fact(facts, term.fact);
    if (found == nullptr) return false;
    if (const Value::List* items = found->list()) {
        return std::any_of(items->begin(), items->end(),
                           [&](const Value& item) { return breath.spend(1) && term.fits(item.to_text(), breath); });
    }
    if (const Value::Map* members = found->map()) {
        return std::any_of(members->begin(), members->end(),
                           [&](const auto& member) { return term.fits(member.first, breath); });
    }
    return term.fits(found->to_text(), breath);
}

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

tl::unexpected<Error> wrong(std::string_view kind, std::string_view why) {
    return fail(Errc::invalid, fmt::format("{} filter: {}", kind, why));
}

// Compiles all terms of one request against one budget of program steps.
class Compiler {
 public:
    enum class Globs { ordinary, understood };

    Result<std::vector<NameTerm>> names(std::string_view kind, const std::vector<std::string>& terms, Globs globs) {
        if (terms.size() > limits::filter_terms_max) return too_many(kind);
        std::vector<NameTerm> compiled;
        for (const std::string& term : terms) {
            auto one = name(kind, term, globs);
            if (!one) return tl::unexpected(one.error());
            compiled.push_back(std::move(*one));
        }
        return compiled;
    }

    Result<std::vector<CompiledFact>> facts(const std::vector<FactTerm>& terms) {
        if (terms.size() > limits::filter_terms_max) return too_many("fact");
        std::vector<CompiledFact> compiled;
        for (const FactTerm& term : terms) {
            auto one = fact(term);
            if (!one) return tl::unexpected(one.error());
            compiled.push_back(std::move(*one));
        }
        return compiled;
    }

 private:
    static tl::unexpected<Error> too_many(std::string_view kind) {
        return wrong(kind, fmt::format("there are more than {} of them", limits::filter_terms_max));
    }

    static Result<void> check_size(std::string_view kind, std::string_view term) {
        if (term.empty()) return wrong(kind, "it is empty");
        if (term.size() > limits::filter_text_size_max) {
            return wrong(kind,
                         fmt::format("\"{}...\" is longer than {} octets",
                                     repair_utf8(term.substr(0, limits::name_size_max)), limits::filter_text_size_max));
        }
        return {};
    }

    Result<Expression> expression(std::string_view kind, std::string_view pattern, Expression::Anchors anchors) {
        auto compiled = Expression::compile(pattern, anchors);
        if (!compiled) return wrong(kind, compiled.error().detail);
        program_size_ += compiled->program_size();
        if (program_size_ > limits::filter_program_max) {
            return wrong(kind, "all expressions together are too large\nUse fewer, or smaller repetitions.");
        }
        return compiled;
    }

    Result<NameTerm> name(std::string_view kind, const std::string& term, Globs globs) {
        if (auto size = check_size(kind, term); !size) return tl::unexpected(size.error());
        if (term.front() == '/') {
            const std::string_view pattern = between_slashes(term);
            if (pattern.empty()) return wrong(kind, fmt::format("\"{}\" has no expression between the slashes", term));
            auto compiled = expression(kind, pattern, Expression::Anchors::lines);
            if (!compiled) return tl::unexpected(compiled.error());
            return NameTerm(std::move(*compiled));
        }
        if (globs == Globs::understood && is_glob(term)) {
            const auto pattern = glob_expression(term);
            if (!pattern) return wrong(kind, pattern.error().detail);
            auto compiled = expression(kind, *pattern, Expression::Anchors::text);
            if (!compiled) return tl::unexpected(compiled.error());
            return NameTerm(std::move(*compiled));
        }
        return NameTerm(term);
    }

    Result<CompiledFact> fact(const FactTerm& term) {
        if (term.fact.empty() || term.fact.size() > limits::fact_name_size_max) {
            return wrong("fact", fmt::format("a name has 1 to {} octets", limits::fact_name_size_max));
        }
        if (auto size = check_size("fact", term.value); !size) return tl::unexpected(size.error());
        CompiledFact compiled{.fact = term.fact, .op = term.op, .value = term.value, .expression = std::nullopt};
        if (term.op == FactOperator::matches) {
            const bool slashes = term.value.size() > 2 && term.value.front() == '/' && term.value.back() == '/';
            const auto pattern = slashes ? between_slashes(term.value) : std::string_view(term.value);
            auto made = expression("fact", pattern, Expression::Anchors::lines);
            if (!made) return tl::unexpected(made.error());
            compiled.expression = std::move(*made);
        } else if ((term.op == FactOperator::equal || term.op == FactOperator::not_equal) && is_glob(term.value)) {
            const auto pattern = glob_expression(term.value);
            if (!pattern) return compiled;  // a fact may well hold a lonely bracket: then it is only literal
            auto made = expression("fact", *pattern, Expression::Anchors::text);
            if (!made) return tl::unexpected(made.error());
            compiled.expression = std::move(*made);
        }
        return compiled;
    }

    std::size_t program_size_ = 0;
};

}  // namespace

struct Matcher::Compiled {
    std::vector<NameTerm> identities, classes, agents;
    std::vector<CompiledFact> facts;

    bool identity_matches(std::string_view identity, Breath& breath) const {
        return identities.empty() || std::any_of(identities.begin(), identities.end(),
                                                 [&](const NameTerm& term) { return term.matches(identity, breath); });
    }
};

Matcher::Matcher(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Result<Matcher> Matcher::compile(const Filter& filter) {
    Compiler compiler;
    auto identities = compiler.names("identity", filter.identities, Compiler::Globs::understood);
    if (!identities) return tl::unexpected(identities.error());
    auto classes = compiler.names("class", filter.classes, Compiler::Globs::ordinary);
    if (!classes) return tl::unexpected(classes.error());
    auto agents = compiler.names("agent", filter.agents, Compiler::Globs::ordinary);
    if (!agents) return tl::unexpected(agents.error());
    auto facts = compiler.facts(filter.facts);
    if (!facts) return tl::unexpected(facts.error());
    return Matcher(std::make_unique<const Compiled>(
        Compiled{std::move(*identities), std::move(*classes), std::move(*agents), std::move(*facts)}));
}

bool Matcher::matches(const Traits& node) const {
    Breath breath;
    const auto all = [](const auto& terms, const auto& holds) {
        return std::all_of(terms.begin(), terms.end(), holds);
    };
    return compiled_->identity_matches(node.identity, breath) &&
           all(compiled_->agents,
               [&](const NameTerm& term) {
                   return term.matches("mcollective", breath) || term.matches_any(node.agents, breath);
               }) &&
           all(compiled_->classes, [&](const NameTerm& term) { return term.matches_any(node.classes, breath); }) &&
           all(compiled_->facts, [&](const CompiledFact& term) { return fact_matches(term, node.facts, breath); });
}

bool Matcher::may_match_identity(std::string_view identity) const {
    Breath breath;
    return compiled_->identity_matches(identity, breath);
}

// At each map the longest key that the rest of the name begins with is taken, so a literal name comes first, keys that hold
// dots themselves ("eth0.100") can be reached, and nothing is tried twice.
const Value* find_fact(const Value& facts, std::string_view name) {
    const Value* here = &facts;
    while (here != nullptr) {
        if (const Value::List* items = here->list()) {
            const std::string_view number = name.substr(0, name.find('.'));
            const auto index = number.starts_with('-') || number.starts_with('+') ? std::nullopt : to_integer(number);
            if (!index || static_cast<std::uint64_t>(*index) >= items->size()) return nullptr;
            here = &(*items)[static_cast<std::size_t>(*index)];
            if (number.size() == name.size()) return here;
            name.remove_prefix(number.size() + 1);
            continue;
        }
        if (const Value* whole = here->find(name)) return whole;
        const Value* next = nullptr;
        for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot > 0;
             dot = name.rfind('.', dot - 1)) {
            next = here->find(name.substr(0, dot));
            if (next != nullptr) {
                name.remove_prefix(dot + 1);
                break;
            }
        }
        here = next;
    }
    return nullptr;
}

}  // namespace mco::proto
