#include "proto/value.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace mco::proto;

TEST_CASE("a value holds one kind and says which") {
    CHECK(Value().is_null());
    CHECK(*Value(true).flag());
    CHECK(*Value(-7).integer() == -7);
    CHECK(*Value(std::uint32_t{4294967295}).integer() == 4294967295);
    CHECK(*Value(0.5).real() == 0.5);
    CHECK(*Value("text").text() == "text");
    CHECK(Value(Value::List{1, 2}).list()->size() == 2);
    CHECK(Value(Value::Map{{"a", 1}}).map()->size() == 1);
    CHECK(Value(1).flag() == nullptr);
    CHECK(Value(true).integer() == nullptr);
    CHECK(Value(1).real() == nullptr);
    CHECK(Value(1).text() == nullptr);
    CHECK(Value("x").list() == nullptr);
    CHECK(Value(Value::List{}).map() == nullptr);
}

TEST_CASE("a member is found in a map only") {
    const Value value = Value::Map{{"a", 1}, {"null", Value()}};
    REQUIRE(value.find("a") != nullptr);
    CHECK(*value.find("a") == Value(1));
    CHECK(value.find("null")->is_null());
    CHECK(value.find("b") == nullptr);
    CHECK(Value(Value::List{1}).find("0") == nullptr);
    CHECK(Value().find("a") == nullptr);
}

TEST_CASE("values compare by content and kind") {
    CHECK(Value(Value::Map{{"a", Value::List{1, "x"}}}) == Value(Value::Map{{"a", Value::List{1, "x"}}}));
    CHECK(Value(Value::Map{{"a", 1}}) != Value(Value::Map{{"a", 2}}));
    CHECK(Value(1) != Value("1"));
    CHECK(Value(1) != Value(1.0));
    CHECK(Value() != Value(false));
}

TEST_CASE("a value reads as a person would write it") {
    CHECK(Value().to_text().empty());
    CHECK(Value(true).to_text() == "true");
    CHECK(Value(false).to_text() == "false");
    CHECK(Value(std::numeric_limits<std::int64_t>::min()).to_text() == "-9223372036854775808");
    CHECK(Value(0.1).to_text() == "0.1");
    CHECK(Value(2.0).to_text() == "2.0");
    CHECK(Value(std::numeric_limits<double>::infinity()).to_text() == "inf");
    CHECK(Value("as \"it\" is\n").to_text() == "as \"it\" is\n");
    CHECK(Value(Value::List{1, "a", Value()}).to_text() == R"([1,"a",null])");
    CHECK(Value(Value::Map{{"b", 1}, {"a", Value::Map{}}}).to_text() == R"({"a":{},"b":1})");
}
