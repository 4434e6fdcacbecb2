#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace re2 {
class RE2;
}

namespace mco::proto {

// A regular expression of an operator or of a DDL: RE2, so matching takes time linear in the text whatever the expression.
// Unanchored unless the author anchors. Immutable; any thread may ask it.
class Expression {
 public:
    // Where ^ and $ match: in filters at every line, as in Ruby; in validations at the ends of the text only, so that
    // nothing is smuggled past them behind a line break.
    enum class Anchors { lines, text };

    // At most limits::filter_text_size_max octets. `invalid` names the expression and RE2's reason; look-around and
    // back-references do not exist.
    static Result<Expression> compile(std::string_view pattern, Anchors anchors);

    Expression(Expression&&) noexcept;
    Expression& operator=(Expression&&) noexcept;
    ~Expression();

    bool matches(std::string_view text) const;

    // Steps that matches() may take at most for such a text, about 10 ns each: linear, but the factor is the author's.
    std::size_t effort(std::size_t text_size) const;
    std::size_t program_size() const;

 private:
    explicit Expression(std::unique_ptr<const re2::RE2> compiled);
    std::unique_ptr<const re2::RE2> compiled_;
};

// An expression that picks pieces out of a text: ^ and $ match at every line. Bounded and immutable as Expression is.
class Extraction {
 public:
    static Result<Extraction> compile(std::string_view pattern);

    Extraction(Extraction&&) noexcept;
    Extraction& operator=(Extraction&&) noexcept;
    ~Extraction();

    std::vector<std::string> names() const;  // of its groups (?P<name>...), sorted
    // What the first match holds: the groups by name, absent ones left out; without named groups the first group, or else
    // the whole match, under "". Nothing: no match.
    std::optional<std::map<std::string, std::string>> find(std::string_view text) const;

 private:
    explicit Extraction(std::unique_ptr<const re2::RE2> compiled);
    std::unique_ptr<const re2::RE2> compiled_;
};

}  // namespace mco::proto
