#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/error.hpp"
#include "proto/expression.hpp"
#include "proto/filter.hpp"
#include "proto/limits.hpp"

// Private to the filter: its terms, compiled. Immutable, so any thread may ask them.
namespace mco::proto {

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

// A name, or an expression that many names fit.
class NameTerm {
 public:
    explicit NameTerm(std::string literal) : held_(std::move(literal)) {}
    explicit NameTerm(Expression expression) : held_(std::move(expression)) {}

    bool matches(std::string_view name, Breath& breath) const;
    bool matches_any(const std::vector<std::string>& names, Breath& breath) const;

 private:
    std::variant<std::string, Expression> held_;
};

// A comparison with what the operator wrote.
struct Comparison {
    FactOperator op = FactOperator::equal;
    std::string value;
    std::optional<Expression> expression;  // matches, matches_not: the expression; equal, not_equal: the glob, if it is one

    bool fits(std::string_view text, Breath& breath) const;  // as a fact's value
    Verdict judge(const Value& value, Breath& breath) const;  // as an output of a data source

 private:
    bool is_equal(std::string_view text, Breath& breath) const;
    Verdict judge_text(std::string_view text, Breath& breath) const;
};

struct CompiledFact {
    std::string fact;
    Comparison comparison;

    bool matches(const Value& facts, Breath& breath) const;
};

// Compiles all terms of one request against one budget of program steps. Errors are `invalid` and begin with the kind.
class TermCompiler {
 public:
    enum class Globs { ordinary, understood };

    Result<NameTerm> name(std::string_view kind, const std::string& term, Globs globs);
    Result<CompiledFact> fact(const FactTerm& term);
    Result<Comparison> comparison(std::string_view kind, FactOperator op, const std::string& value, Globs globs);

 private:
    Result<Expression> expression(std::string_view kind, std::string_view pattern, Expression::Anchors anchors);

    std::size_t program_size_ = 0;
};

tl::unexpected<Error> wrong_filter(std::string_view kind, std::string_view why);

}  // namespace mco::proto
