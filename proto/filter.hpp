#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"
#include "proto/traits.hpp"

namespace mco::proto {

enum class FactOperator : std::uint8_t {
    equal = 0, not_equal = 1, less = 2, less_equal = 3, greater = 4, greater_equal = 5, matches = 6, matches_not = 7,
};
std::string_view symbol(FactOperator op);

struct FactTerm {
    std::string fact;
    FactOperator op = FactOperator::equal;
    std::string value;
    friend bool operator==(const FactTerm&, const FactTerm&) = default;
};

// One step of a condition. Operands push what they find; `negate` takes one from the stack, `both` and `either` take two.
struct Step {
    enum class Kind : std::uint8_t { fact = 0, class_name = 1, data = 2, negate = 3, both = 4, either = 5 };
    Kind kind = Kind::fact;
    std::string name;   // of the fact, the class (literal or /regex/) or the data source (lower case)
    std::string query;  // data: what the source is asked; may be empty
    std::string field;  // data: which of its outputs
    FactOperator op = FactOperator::equal;  // fact, data
    std::string value;                      // fact, data; an expression between slashes for `matches` and `matches_not`
    friend bool operator==(const Step&, const Step&) = default;
};

// A compound filter (-S) in postfix order: "country=uk and not httpd" is fact, class_name, negate, both. Flat, so that no reader
// of it recurses as deep as a stranger likes.
struct Condition {
    std::vector<Step> steps;
    friend bool operator==(const Condition&, const Condition&) = default;
};

// Whom a request means, as the operator wrote it and as it crosses the wire. Every class, agent, fact term and condition must
// hold; of the identities one is enough. An empty filter means everybody in the collective.
struct Filter {
    std::vector<std::string> identities;  // literal, /regex/, or an anchored glob when it holds any of []*?{}
    std::vector<std::string> classes;     // literal or /regex/
    std::vector<std::string> agents;      // literal or /regex/
    std::vector<FactTerm> facts;
    std::vector<Condition> conditions;

    bool empty() const {
        return identities.empty() && classes.empty() && agents.empty() && facts.empty() && conditions.empty();
    }
    friend bool operator==(const Filter&, const Filter&) = default;
};

// "country=uk", "uptime_days >= 10", "lsb=~^Ubuntu", "role=/web|db/". The leftmost operator counts, at one place the first
// of: => (is >=)  =< (is <=)  <=  >=  <  >  !=  ==  =~  =  . A name or value that is missing is `invalid`.
Result<FactTerm> parse_fact_term(std::string_view text);
std::string to_text(const FactTerm& term);

// Every question to a data source, in the order of the text.
std::vector<const Step*> data_terms(const Filter& filter);

// The shorthand of -W: words apart by blanks; a word with an operator is a fact term, any other and /EXPRESSION/ is a class.
// On an error nothing is added.
Result<void> add_with(Filter& filter, std::string_view words);

// The whole of -S. An error is `invalid`; its second and third line show the text and a caret under the place.
Result<Condition> parse_condition(std::string_view text);
std::string to_text(const Condition& condition);  // with no more parentheses than needed; reads back as the same

// Whether a filter means a node. Strong Kleene logic: what is not known stays not known under negation, and what is decided
// without it stays decided when it becomes known.
enum class Verdict : std::uint8_t { no, yes, unknown };

// Asks a data source: its outputs, or why there are none.
using AskData = std::function<Result<Value::Map>(const std::string& source, const std::string& query)>;

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
// Conditions: the same for facts and classes; a missing fact is false, so its negation is true. Data: text compares as a fact
// does, but without globs and < > only as numbers; true and false equal only the words true and false; a number compares with
// numbers only; an expression fits text only; a list if any element does; null is false. A source that fails or does not exist,
// an output it does not give and a comparison that makes no sense are unknown, and unknown never matches, negated or not.
//
// Anybody enrolled can send a filter, before any policy is asked. So what one question costs is bounded by
// limits::filter_effort_max: a node whose facts are too large for the expressions does not match.
class Matcher {
 public:
    static Result<Matcher> compile(const Filter& filter);
    Matcher(Matcher&&) noexcept;
    Matcher& operator=(Matcher&&) noexcept;
    ~Matcher();

    // Without data: unknown where only data can tell. Then judge_with() tells, asking each source at most once and only those
    // that can still decide; it may block as long as `ask` does, and never answers unknown: that is a no.
    Verdict judge(const Traits& node) const;
    bool judge_with(const Traits& node, const AskData& ask) const;
    bool matches(const Traits& node) const { return judge(node) == Verdict::yes; }
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
