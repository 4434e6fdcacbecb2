#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proto/error.hpp"
#include "proto/filter.hpp"
#include "proto/filter_terms.hpp"
#include "proto/traits.hpp"

// Private to the filter: conditions, compiled.
namespace mco::proto {

// What one filter learned from data sources so far: each query is put once.
class DataAnswers {
 public:
    explicit DataAnswers(const AskData& ask) : ask_(ask) {}
    // nullptr: nobody can tell.
    const Value* find(const std::string& source, const std::string& query, const std::string& field);

 private:
    struct Answer {
        std::string source, query;
        Result<Value::Map> outputs;
    };
    const AskData& ask_;
    std::vector<Answer> answers_;
};

// A postfix condition as a tree in one vector, operands before their operators. Immutable; any thread.
//
// judge() goes through all steps once, without recursion. decide() is for what that left unknown: it goes down from the root
// only into what can still decide, so that no source is asked in vain. Its recursion is bounded by the number of steps.
class CompiledCondition {
 public:
    // `invalid`: too many steps, operands missing or left over, a term that does not compile.
    static Result<CompiledCondition> compile(const Condition& condition, TermCompiler& compiler);

    std::vector<Verdict> judge(const Traits& node, Breath& breath) const;  // of each step, the last is the whole
    Verdict decide(const std::vector<Verdict>& known, DataAnswers& data, Breath& breath) const;
    std::size_t queries() const;  // data terms

 private:
    struct DataTerm {
        std::string source, query, field;
        Comparison comparison;
    };
    struct Operator {
        Step::Kind kind;
        std::size_t left, right;  // negate: both are its operand
    };
    using Part = std::variant<CompiledFact, NameTerm, DataTerm, Operator>;

    static Result<Part> term(const Step& step, TermCompiler& compiler);
    Verdict decide(std::size_t at, const std::vector<Verdict>& known, DataAnswers& data, Breath& breath) const;

    std::vector<Part> parts_;
};

}  // namespace mco::proto
