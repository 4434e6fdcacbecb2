#include "proto/condition.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "proto/limits.hpp"

namespace mco::proto {
namespace {

Verdict negation(Verdict verdict) {
    switch (verdict) {
        case Verdict::no:
            return Verdict::yes;
        case Verdict::yes:
            return Verdict::no;
        case Verdict::unknown:
            return Verdict::unknown;
    }
    return Verdict::unknown;
}

// `both` as negation of `either` of the negations, so that there is one table.
Verdict either(Verdict one, Verdict other) {
    if (one == Verdict::yes || other == Verdict::yes) return Verdict::yes;
    return one == Verdict::no && other == Verdict::no ? Verdict::no : Verdict::unknown;
}

Verdict combine(Step::Kind kind, Verdict left, Verdict right) {
    if (kind == Step::Kind::negate) return negation(left);
    if (kind == Step::Kind::either) return either(left, right);
    return negation(either(negation(left), negation(right)));
}

// What decides such an operator whatever its other side is.
Verdict decisive(Step::Kind kind) { return kind == Step::Kind::either ? Verdict::yes : Verdict::no; }

bool is_operator(Step::Kind kind) {
    return kind == Step::Kind::negate || kind == Step::Kind::both || kind == Step::Kind::either;
}

}  // namespace

const Value* DataAnswers::find(const std::string& source, const std::string& query, const std::string& field) {
    auto known = std::find_if(answers_.begin(), answers_.end(), [&](const Answer& answer) {
        return answer.source == source && answer.query == query;
    });
    if (known == answers_.end()) {
        answers_.push_back({source, query, ask_(source, query)});
        known = answers_.end() - 1;
    }
    if (!known->outputs) return nullptr;
    const auto found = known->outputs->find(field);
    return found == known->outputs->end() ? nullptr : &found->second;
}

Result<CompiledCondition::Part> CompiledCondition::term(const Step& step, TermCompiler& compiler) {
    if (step.kind == Step::Kind::class_name) {
        auto name = compiler.name("class", step.name, TermCompiler::Globs::ordinary);
        if (!name) return tl::unexpected(name.error());
        return Part(std::move(*name));
    }
    if (step.kind == Step::Kind::fact) {
        auto fact = compiler.fact({step.name, step.op, step.value});
        if (!fact) return tl::unexpected(fact.error());
        return Part(std::move(*fact));
    }
    if (step.name.empty() || step.name.size() > limits::name_size_max || step.field.empty()) {
        return wrong_filter("data", "a source has a name, and it is asked for one of its outputs");
    }
    auto comparison = compiler.comparison("data", step.op, step.value, TermCompiler::Globs::ordinary);
    if (!comparison) return tl::unexpected(comparison.error());
    return Part(DataTerm{step.name, step.query, step.field, std::move(*comparison)});
}

Result<CompiledCondition> CompiledCondition::compile(const Condition& condition, TermCompiler& compiler) {
    if (condition.steps.empty()) return wrong_filter("compound", "it is empty");
    if (condition.steps.size() > limits::condition_steps_max) {
        return wrong_filter("compound", fmt::format("it has more than {} terms and operators", limits::condition_steps_max));
    }
    CompiledCondition compiled;
    std::vector<std::size_t> stack;
    for (const Step& step : condition.steps) {
        const std::size_t at = compiled.parts_.size();
        if (is_operator(step.kind)) {
            const std::size_t wanted = step.kind == Step::Kind::negate ? 1 : 2;
            if (stack.size() < wanted) return wrong_filter("compound", "an operator has no operand");
            const Operator made{step.kind, stack[stack.size() - wanted], stack.back()};
            stack.resize(stack.size() - wanted);
            compiled.parts_.emplace_back(made);
        } else {
            auto part = term(step, compiler);
            if (!part) return tl::unexpected(part.error());
            compiled.parts_.push_back(std::move(*part));
        }
        stack.push_back(at);
    }
    if (stack.size() != 1) return wrong_filter("compound", "an operand has no operator");
    return compiled;
}

std::size_t CompiledCondition::queries() const {
    return static_cast<std::size_t>(std::count_if(
        parts_.begin(), parts_.end(), [](const Part& part) { return std::holds_alternative<DataTerm>(part); }));
}

std::vector<Verdict> CompiledCondition::judge(const Traits& node, Breath& breath) const {
    std::vector<Verdict> verdicts;
    verdicts.reserve(parts_.size());
    const auto verdict = [](bool holds) { return holds ? Verdict::yes : Verdict::no; };
    for (const Part& part : parts_) {
        if (const auto* fact = std::get_if<CompiledFact>(&part)) {
            verdicts.push_back(verdict(fact->matches(node.facts, breath)));
        } else if (const auto* name = std::get_if<NameTerm>(&part)) {
            verdicts.push_back(verdict(name->matches_any(node.classes, breath)));
        } else if (const auto* combined = std::get_if<Operator>(&part)) {
            verdicts.push_back(combine(combined->kind, verdicts[combined->left], verdicts[combined->right]));
        } else {
            verdicts.push_back(Verdict::unknown);
        }
    }
    return verdicts;
}

Verdict CompiledCondition::decide(const std::vector<Verdict>& known, DataAnswers& data, Breath& breath) const {
    return decide(parts_.size() - 1, known, data, breath);
}

Verdict CompiledCondition::decide(std::size_t at, const std::vector<Verdict>& known, DataAnswers& data,
                                  Breath& breath) const {
    if (known[at] != Verdict::unknown) return known[at];
    if (const auto* term = std::get_if<DataTerm>(&parts_[at])) {
        const Value* found = data.find(term->source, term->query, term->field);
        return found == nullptr ? Verdict::unknown : term->comparison.judge(*found, breath);
    }
    const auto& combined = std::get<Operator>(parts_[at]);  // terms of other kinds are never unknown
    const Verdict left = decide(combined.left, known, data, breath);
    if (combined.kind == Step::Kind::negate) return negation(left);
    if (left == decisive(combined.kind)) return left;
    return combine(combined.kind, left, decide(combined.right, known, data, breath));
}

}  // namespace mco::proto
