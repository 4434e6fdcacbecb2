#include "proto/glob.hpp"

#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "proto/expression.hpp"

namespace mco::proto {
namespace {

bool fits(std::string_view glob, std::string_view text) {
    const auto pattern = glob_expression(glob);
    REQUIRE_MESSAGE(pattern, glob);
    const auto expression = Expression::compile(*pattern, Expression::Anchors::text);
    REQUIRE_MESSAGE(expression, *pattern);
    return expression->matches(text);
}

TEST_CASE("a text is a glob if it holds a character of theirs") {
    for (const std::string_view text : {"a[1]", "]", "*", "a?", "{", "}"}) CHECK_MESSAGE(is_glob(text), text);
    for (const std::string_view text : {"", "web1.example.net", "a,b", "a-b", "\\", "^$"})
        CHECK_MESSAGE(!is_glob(text), text);
}

TEST_CASE("globs fit what a shell would fit, and all of it") {
    struct Row {
        std::string_view glob, text;
        bool fits;
    };
    const std::vector<Row> rows{
        {"*", "", true},
        {"*", "a\nb", true},
        {"a*c", "abbbc", true},
        {"a*c", "abbbcd", false},
        {"?", "x", true},
        {"?", "\xc3\xa9", true},  // one character, two octets
        {"?", "", false},
        {"[123]", "2", true},
        {"[123]", "4", false},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[^a-c]x", "dx", true},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[-a]", "-", true},
        {"[a-]", "-", true},
        {"[*]", "*", true},
        {"[*]", "x", false},
        {"[\\w]", "a", false},  // no classes of expressions inside
        {"[\\w]", "\\", true},
        {"{web,db}1", "db1", true},
        {"{web,db}1", "mail1", false},
        {"{a,b{c,d}}", "bd", true},
        {"{a,}b", "b", true},
        {"a,b?", "a,bc", true},
        {"a.c*", "abc", false},  // a dot is a dot
        {"$(x)|^*", "$(x)|^", true},
    };
    for (const Row& row : rows) CHECK_MESSAGE(fits(row.glob, row.text) == row.fits, row.glob << " on " << row.text);
}

TEST_CASE("a bracket without its other half is refused") {
    for (const std::string_view glob :
         {"[", "[a", "[]", "[!", "[!]", "[a-", "]", "a]", "{", "{a,b", "}", "{a}}", "[b-a]"}) {
        const auto pattern = glob_expression(glob);
        REQUIRE_FALSE_MESSAGE(pattern, glob);
        CHECK(pattern.error().code == Errc::invalid);
    }
}

}  // namespace
}  // namespace mco::proto
