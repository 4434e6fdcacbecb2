#include "proto/filter.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proto/condition.hpp"
#include "proto/filter_terms.hpp"
#include "proto/limits.hpp"
#include "proto/number_text.hpp"

namespace mco::proto {
namespace {

tl::unexpected<Error> too_many(std::string_view kind, std::size_t most) {
    return wrong_filter(kind, fmt::format("there are more than {} of them", most));
}

Result<std::vector<NameTerm>> compile_names(TermCompiler& compiler, std::string_view kind,
                                            const std::vector<std::string>& terms, TermCompiler::Globs globs,
                                            std::size_t most = limits::filter_terms_max) {
    if (terms.size() > most) return too_many(kind, most);
    std::vector<NameTerm> compiled;
    for (const std::string& term : terms) {
        auto one = compiler.name(kind, term, globs);
        if (!one) return tl::unexpected(one.error());
        compiled.push_back(std::move(*one));
    }
    return compiled;
}

Result<std::vector<CompiledFact>> compile_facts(TermCompiler& compiler, const std::vector<FactTerm>& terms) {
    if (terms.size() > limits::filter_terms_max) return too_many("fact", limits::filter_terms_max);
    std::vector<CompiledFact> compiled;
    for (const FactTerm& term : terms) {
        auto one = compiler.fact(term);
        if (!one) return tl::unexpected(one.error());
        compiled.push_back(std::move(*one));
    }
    return compiled;
}

Result<std::vector<CompiledCondition>> compile_conditions(TermCompiler& compiler,
                                                          const std::vector<Condition>& conditions) {
    if (conditions.size() > limits::conditions_max) return too_many("compound", limits::conditions_max);
    std::vector<CompiledCondition> compiled;
    std::size_t queries = 0;
    for (const Condition& condition : conditions) {
        auto one = CompiledCondition::compile(condition, compiler);
        if (!one) return tl::unexpected(one.error());
        queries += one->queries();
        if (queries > limits::data_queries_max) return too_many("data", limits::data_queries_max);
        compiled.push_back(std::move(*one));
    }
    return compiled;
}

}  // namespace

struct Matcher::Compiled {
    std::vector<NameTerm> identities, classes, agents;
    std::vector<CompiledFact> facts;
    std::vector<CompiledCondition> conditions;

    bool identity_matches(std::string_view identity, Breath& breath) const {
        return identities.empty() || std::any_of(identities.begin(), identities.end(),
                                                 [&](const NameTerm& term) { return term.matches(identity, breath); });
    }

    bool terms_match(const Traits& node, Breath& breath) const {
        const auto all = [](const auto& terms, const auto& holds) {
            return std::all_of(terms.begin(), terms.end(), holds);
        };
        return identity_matches(node.identity, breath) &&
               all(agents,
                   [&](const NameTerm& term) {
                       return term.matches("mcollective", breath) || term.matches_any(node.agents, breath);
                   }) &&
               all(classes, [&](const NameTerm& term) { return term.matches_any(node.classes, breath); }) &&
               all(facts, [&](const CompiledFact& term) { return term.matches(node.facts, breath); });
    }

    // Of each condition what its steps are without data; empty: some condition does not hold, whatever the data are.
    std::vector<std::vector<Verdict>> known(const Traits& node, Breath& breath) const {
        std::vector<std::vector<Verdict>> all;
        if (!terms_match(node, breath)) return all;
        for (const CompiledCondition& condition : conditions) {
            all.push_back(condition.judge(node, breath));
            if (all.back().back() == Verdict::no || !breath.spend(0)) return {};
        }
        return all;
    }
};

Matcher::Matcher(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Result<Matcher> Matcher::compile(const Filter& filter) {
    using Globs = TermCompiler::Globs;
    TermCompiler compiler;
    auto identities = compile_names(compiler, "identity", filter.identities, Globs::understood, limits::identities_max);
    if (!identities) return tl::unexpected(identities.error());
    auto classes = compile_names(compiler, "class", filter.classes, Globs::ordinary);
    if (!classes) return tl::unexpected(classes.error());
    auto agents = compile_names(compiler, "agent", filter.agents, Globs::ordinary);
    if (!agents) return tl::unexpected(agents.error());
    auto facts = compile_facts(compiler, filter.facts);
    if (!facts) return tl::unexpected(facts.error());
    auto conditions = compile_conditions(compiler, filter.conditions);
    if (!conditions) return tl::unexpected(conditions.error());
    return Matcher(std::make_unique<const Compiled>(
        Compiled{std::move(*identities), std::move(*classes), std::move(*agents), std::move(*facts),
                 std::move(*conditions)}));
}

Verdict Matcher::judge(const Traits& node) const {
    Breath breath;
    if (compiled_->conditions.empty()) return compiled_->terms_match(node, breath) ? Verdict::yes : Verdict::no;
    const auto known = compiled_->known(node, breath);
    if (known.empty()) return Verdict::no;
    const bool open = std::any_of(known.begin(), known.end(),
                                  [](const auto& steps) { return steps.back() == Verdict::unknown; });
    return open ? Verdict::unknown : Verdict::yes;
}

bool Matcher::judge_with(const Traits& node, const AskData& ask) const {
    Breath breath;
    if (compiled_->conditions.empty()) return compiled_->terms_match(node, breath);
    const auto known = compiled_->known(node, breath);
    if (known.empty()) return false;
    DataAnswers data(ask);
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (compiled_->conditions[i].decide(known[i], data, breath) != Verdict::yes) return false;
    }
    return breath.spend(0);
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
