#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/traits.hpp"

namespace mco::proto {

enum class FactOperator : std::uint8_t {
    equal = 0, not_equal = 1, less = 2, less_equal = 3, greater = 4, greater_equal = 5, matches = 6,
};
std::string_view symbol(FactOperator op);

struct FactTerm {
    std::string fact;
    FactOperator op = FactOperator::equal;
    std::string value;
    friend bool operator==(const FactTerm&, const FactTerm&) = default;
};

// Whom a request means, as the operator wrote it and as it crosses the wire. Every class, agent and fact term must
// hold; of the identities one is enough. An empty filter means everybody in the collective.
struct Filter {
    std::vector<std::string> identities;  // literal, /regex/, or an anchored glob when it holds any of []*?{}
    std::vector<std::string> classes;     // literal or /regex/
    std::vector<std::string> agents;      // literal or /regex/
    std::vector<FactTerm> facts;

    bool empty() const { return identities.empty() && classes.empty() && agents.empty() && facts.empty(); }
    friend bool operator==(const Filter&, const Filter&) = default;
};

// "country=uk", "uptime_days >= 10", "lsb=~^Ubuntu", "role=/web|db/". The leftmost operator counts, at one place the first
// of: => (is >=)  =< (is <=)  <=  >=  <  >  !=  ==  =~  =  . A name or value that is missing is `invalid`.
Result<FactTerm> parse_fact_term(std::string_view text);
std::string to_text(const FactTerm& term);

// The shorthand of -W: words apart by blanks; a word with an operator is a fact term, any other and /EXPRESSION/ is a class.
// On an error nothing is added.
Result<void> add_with(Filter& filter, std::string_view words);

// A filter made ready to be asked many times: every expression compiled (RE2: linear time; look-around and
// back-references are `invalid`, with the expression and RE2's reason). Immutable, so any thread may ask it. Names begin an
// expression with a slash; only the enclosing slashes are taken off, the closing one may be missing.
//
// Facts: a missing fact matches no operator. `equal` compares texts; on a mismatch a value with glob characters is tried as
// an anchored glob. The others compare as numbers if both sides are numbers, otherwise as text; `not_equal` also fails where
// the glob fits, so that it excludes whom `equal` selects. A list matches if any element does; a map offers its keys. A name
// that is no fact itself is tried as a dotted path into nested facts ("os.family", "roles.0"). ^ and $ match at line
// boundaries, as in Ruby.
//
// Anybody enrolled can send a filter, before any policy is asked. So what one question costs is bounded by
// limits::filter_effort_max: a node whose facts are too large for the expressions does not match.
class Matcher {
 public:
    static Result<Matcher> compile(const Filter& filter);
    Matcher(Matcher&&) noexcept;
    Matcher& operator=(Matcher&&) noexcept;
    ~Matcher();

    bool matches(const Traits& node) const;
    // Only the identity terms: what a caller can still tell of a node that did not answer.
    bool may_match_identity(std::string_view identity) const;

 private:
    struct Compiled;
    explicit Matcher(std::unique_ptr<const Compiled> compiled);
    std::unique_ptr<const Compiled> compiled_;
};

// Nested lookup: the literal key first, then dotted path through maps (at each the longest key that fits) and, by number,
// lists. nullptr: no such fact.
const Value* find_fact(const Value& facts, std::string_view name);

}  // namespace mco::proto
