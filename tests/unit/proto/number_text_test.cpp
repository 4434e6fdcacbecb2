#include "proto/number_text.hpp"

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace mco::proto {
namespace {

TEST_CASE("numbers have a sign, digits, a fraction, an exponent, and nothing else") {
    for (const std::string_view text : {"0", "12", "-3", "+4", "007"})
        CHECK_MESSAGE(number_form(text) == NumberForm::integer, text);
    for (const std::string_view text : {"1.0", "-2.5", "1e3", "1E-3", "1.5e+10", "+0.1"}) {
        CHECK_MESSAGE(number_form(text) == NumberForm::real, text);
    }
    for (const std::string_view text : {"", "-", "+", "1.", ".5", "e3", "1e", "1e+", "0x10", "inf", "nan", " 1", "1 ",
                                        "1,5", "--1", "1.2.3", "1e3.5"}) {
        CHECK_MESSAGE(number_form(text) == NumberForm::none, text);
    }
}

TEST_CASE("integers are read up to the ends of 64 bits") {
    CHECK(to_integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
    CHECK(to_integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
    CHECK(to_integer("+7") == 7);
    CHECK_FALSE(to_integer("9223372036854775808"));
    CHECK_FALSE(to_integer("-9223372036854775809"));
    CHECK_FALSE(to_integer("1.0"));
    CHECK(to_real("-2.5e1") == -25.0);
    CHECK(to_real("+2") == 2.0);
    CHECK_FALSE(to_real("1e999"));
    CHECK_FALSE(to_real("x"));
}

TEST_CASE("comparing is exact for integers of any length") {
    struct Row {
        std::string_view one, other;
        std::partial_ordering order;
    };
    const std::vector<Row> rows{
        {"9", "10", std::partial_ordering::less},
        {"010", "10", std::partial_ordering::equivalent},
        {"-0", "0", std::partial_ordering::equivalent},
        {"-10", "-9", std::partial_ordering::less},
        {"-1", "0", std::partial_ordering::less},
        {"0", "-1", std::partial_ordering::greater},
        {"10", "10.0", std::partial_ordering::equivalent},
        {"10.5", "9", std::partial_ordering::greater},
        {"1e3", "999", std::partial_ordering::greater},
        {"18446744073709551616", "18446744073709551615", std::partial_ordering::greater},
        {"-18446744073709551616", "-18446744073709551615", std::partial_ordering::less},
    };
    for (const Row& row : rows)
        CHECK_MESSAGE(compare_numbers(row.one, row.other) == row.order, row.one << " " << row.other);
    CHECK_FALSE(compare_numbers("10", "ten"));
    CHECK_FALSE(compare_numbers("", "1"));
    CHECK_FALSE(compare_numbers("1e999", "1.0"));
}

}  // namespace
}  // namespace mco::proto
