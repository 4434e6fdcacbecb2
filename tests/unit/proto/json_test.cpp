#include <cmath>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"
#include "proto/value.hpp"
#include "tests/unit/proto/samples.hpp"

using namespace mco::proto;

namespace {

std::string refusal(std::string_view text) {
    const auto value = parse_json(text);
    REQUIRE(!value);
    CHECK(value.error().code == Errc::malformed);
    CHECK(is_utf8(value.error().detail));
    CHECK(value.error().detail.size() <= limits::reason_size_max);
    return value.error().detail;
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string list_of(std::size_t count) {
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "0" : ",0";
    return text + "]";
}

}  // namespace

TEST_CASE("every kind of JSON becomes the value it says") {
    CHECK(parse_json("null").value() == Value());
    CHECK(parse_json(" true ").value() == Value(true));
    CHECK(parse_json("-0").value() == Value(0));
    CHECK(parse_json("9223372036854775807").value() == Value(std::numeric_limits<std::int64_t>::max()));
    CHECK(parse_json("-9223372036854775808").value() == Value(std::numeric_limits<std::int64_t>::min()));
    CHECK(parse_json("1.0").value() == Value(1.0));
    CHECK(parse_json("1e3").value() == Value(1000.0));
    CHECK(parse_json(R"("\u00fc\n")").value() == Value("\xC3\xBC\n"));
    CHECK(parse_json("[]").value() == Value(Value::List{}));
    CHECK(parse_json("{}").value() == Value(Value::Map{}));
    CHECK(parse_json(R"({"a":[1,{"b":[]},"x"],"c":{"d":null}})").value() ==
          Value(Value::Map{{"a", Value::List{1, Value::Map{{"b", Value::List{}}}, "x"}},
                           {"c", Value::Map{{"d", Value()}}}}));
}

TEST_CASE("JSON that is read and written is the same text") {
    for (const char* text : {"null", "true", "0", "-1", "0.5", R"("a\"b\\c\n")", "[]", "{}", R"([1,[2,[3]]])",
                             R"({"a":{"b":[true,false,null]},"c":"\u0001"})"}) {
        CHECK(to_json(parse_json(text).value()) == text);
    }
    CHECK(to_pretty_json(Value(Value::Map{{"a", Value::List{1}}})) == "{\n  \"a\": [\n    1\n  ]\n}");
}

TEST_CASE("numbers keep their value through JSON") {
    for (const double number : {0.1, 1e-300, 1.7976931348623157e308, 5e-324, -2.5, 123456789.123456789}) {
        CHECK(parse_json(to_json(Value(number))).value() == Value(number));
    }
}

TEST_CASE("what JSON cannot hold is replaced when written") {
    CHECK(to_json(Value(std::nan(""))) == "null");
    CHECK(to_json(Value(-std::numeric_limits<double>::infinity())) == "null");
    CHECK(to_json(Value("a\xFFz")) == "\"a\xEF\xBF\xBDz\"");
    CHECK(to_json(Value(Value::Map{{"\xC3", 1}})) == "{\"\xEF\xBF\xBD\":1}");
}

TEST_CASE("an integer that does not fit is refused and not rounded") {
    CHECK(says(refusal("9223372036854775808"), "at the top"));
    CHECK(says(refusal("-9223372036854775809"), "64 bits"));
    CHECK(says(refusal("18446744073709551616"), "64 bits"));
    CHECK(says(refusal(R"({"os":{"disks":[1,99999999999999999999]}})"), "at os.disks[1]"));
    refusal("1e999");
}

TEST_CASE("broken JSON is refused with the place") {
    CHECK(says(refusal("[1,\n2,,]"), "line 2"));
    for (const char* text : {"",
                             " ",
                             "[",
                             "{",
                             "[1",
                             "{\"a\"",
                             "{\"a\":",
                             "{\"a\":1",
                             "\"",
                             "tru",
                             "01",
                             "1.",
                             "[1,]",
                             "{,}",
                             "[1] 2",
                             "'a'",
                             "{1:2}",
                             "NaN",
                             "// x\n1",
                             "\"\n\"",
                             "\xEF\xBB",
                             "\"\\ud800\"",
                             "\"\xED\xA0\x80\"",
                             "\"\xC0\x80\"",
                             "\"\xFF\""}) {
        CAPTURE(text);
        refusal(text);
    }
    refusal(std::string_view("\0", 1));
    refusal(std::string_view("[1]\0", 4));
}

TEST_CASE("a key given twice is refused") {
    CHECK(says(refusal(R"({"a":{"b":1,"b":2}})"), "at a.b"));
    refusal(R"({"a":1,"\u0061":2})");
    CHECK(parse_json(R"({"a":{"a":1},"b":{"a":1}})"));
}

TEST_CASE("JSON may be as deep as the bound and no deeper") {
    CHECK(parse_json(nested(limits::value_depth_max)));
    CHECK(says(refusal(nested(limits::value_depth_max + 1)), "deeper"));
    refusal(std::string(100'000, '['));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    refusal(objects);
}

TEST_CASE("JSON may have as many elements as the bound and no more, in all containers together") {
    CHECK(parse_json(list_of(limits::value_elements_max)));
    CHECK(says(refusal(list_of(limits::value_elements_max + 1)), "more than 65536 elements"));
    // The outer list has two elements itself.
    const auto half = list_of(limits::value_elements_max / 2 - 1);
    CHECK(parse_json("[" + half + "," + half + "]"));
    refusal("[" + half + "," + list_of(limits::value_elements_max / 2) + "]");
}

TEST_CASE("a text in JSON may be as long as the bound and no longer") {
    CHECK(parse_json("\"" + std::string(limits::text_size_max, 'x') + "\""));
    refusal("\"" + std::string(limits::text_size_max + 1, 'x') + "\"");
    refusal("{\"" + std::string(limits::text_size_max + 1, 'x') + "\":1}");
}

TEST_CASE("an explanation stays short whatever the input") {
    const std::string key(10'000, 'k');
    refusal("{\"" + key + "\":1,\"" + key + "\":2}");
    refusal("{\"" + key + "\":{\"" + key + "\":99999999999999999999}}");
    refusal("1" + std::string(10'000, '0') + "e400");
    refusal("[" + std::string(10'000, 'x'));
}
