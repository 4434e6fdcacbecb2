#include "proto/command.hpp"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace mco::proto {
namespace {

using Words = std::vector<std::string>;

Result<AgentSchema> schema_of(std::string_view command, std::string_view outputs = R"("out":{})") {
    std::string described;
    for (const char c : outputs) {
        described += c;
        if (c == '}') described.replace(described.size() - 1, 1, R"("description":"d","display_as":"D"})");
    }
    return parse_schema(fmt::format(
        R"({{"metadata":{{"name":"a","description":"d","author":"x","license":"l","version":"1","url":"u","timeout":5,
             "provider":"external"}},
            "actions":[{{"action":"act","description":"d","output":{{{}}},{},"input":{{
              "unit":{{"prompt":"u","description":"d","type":"string","optional":true,"validation":"","maxlength":0}},
              "count":{{"prompt":"c","description":"d","type":"integer","optional":true}}}}}}]}})",
        described, command));
}

ActionSchema action(std::string_view command, std::string_view outputs = R"("out":{})") {
    auto schema = schema_of(command, outputs);
    REQUIRE_MESSAGE(schema, schema.error().detail);
    REQUIRE(schema->actions[0].command);
    return schema->actions[0];
}

std::string fault(std::string_view command, std::string_view outputs = R"("out":{})") {
    const auto schema = schema_of(command, outputs);
    REQUIRE_FALSE(schema);
    return schema.error().detail;
}

Words words(const ActionSchema& action, const Value::Map& inputs) {
    const auto words = command_words(*action.command, inputs);
    REQUIRE_MESSAGE(words, words.error().detail);
    return *words;
}

Value::Map outputs(const ActionSchema& action, std::string_view printed) {
    const auto read = read_command_output(action, printed);
    REQUIRE_MESSAGE(read, read.error().detail);
    return *read;
}

TEST_CASE("inputs become whole arguments or parts of them, as they are") {
    const auto act = action(R"("command":["/bin/x","--unit={{unit}}","{{unit}}","{{count}}{{unit}}","-v","{{","}}"])");
    CHECK(words(act, {{"unit", "a b; $(id)\n"}, {"count", 3}}) ==
          Words{"/bin/x", "--unit=a b; $(id)\n", "a b; $(id)\n", "3a b; $(id)\n", "-v", "{{", "}}"});
    CHECK(words(act, {{"unit", "{{count}}"}, {"count", 3}})[2] == "{{count}}");  // values are not read again
    CHECK(words(act, {{"unit", ""}, {"count", 3}})[2].empty());
}

TEST_CASE("an optional input that was left out takes its arguments with it") {
    const auto act = action(R"("command":["/bin/x","--count={{count}}","{{count}}-{{unit}}","end"])");
    CHECK(words(act, {}) == Words{"/bin/x", "end"});
    CHECK(words(act, {{"unit", "u"}}) == Words{"/bin/x", "end"});
    CHECK(words(act, {{"count", 3}}) == Words{"/bin/x", "--count=3", "end"});
}

TEST_CASE("a value cannot become an option, nor hold what no argument can") {
    const auto act = action(R"("command":["/bin/x","{{unit}}"])");
    CHECK(command_words(*act.command, {{"unit", "-rf"}}).error().detail ==
          "unit begins with a dash, which /bin/x would take for an option");
    CHECK_FALSE(command_words(*act.command, {{"unit", std::string("a\0b", 3)}}));
    CHECK(words(action(R"("command":["/bin/x","--","{{unit}}"])"), {{"unit", "-rf"}}) == Words{"/bin/x", "--", "-rf"});
    CHECK(words(action(R"("command":["/bin/x","-o{{unit}}"])"), {{"unit", "-rf"}}) == Words{"/bin/x", "-o-rf"});
}

TEST_CASE("what is printed becomes outputs as the format says") {
    CHECK(outputs(action(R"("command":["/bin/x"])"), "up 3 days\n\n") == Value::Map{{"out", "up 3 days"}});
    CHECK(outputs(action(R"("command":["/bin/x"])"), "\xff") == Value::Map{{"out", "\xEF\xBF\xBD"}});
    const auto two = R"("output":{},"other":{},"exitcode":{})";
    CHECK(outputs(action(R"("command":["/bin/x"],"output_format":"lines")", two), "a\r\n\nb") ==
          Value::Map{{"output", Value::List{"a", "", "b"}}});
    CHECK(outputs(action(R"("command":["/bin/x"])", R"("exitcode":{})"), "x").empty());
    const auto json = action(R"("command":["/bin/x"],"output_format":"json")");
    CHECK(outputs(json, R"({"out":[1],"more":2})") == Value::Map{{"out", Value::List{1}}, {"more", 2}});
    CHECK(read_command_output(json, "[1]").error().detail == "the JSON it printed is no object");
    CHECK(read_command_output(json, "{").error().detail.starts_with("it did not print JSON: "));
}

TEST_CASE("expressions pick outputs by name or by place, typed as declared") {
    const auto act = action(
        R"x("command":["/bin/x"],"output_format":{"rest":"load (?P<one>[0-9.]+) (?P<five>\\S+)","n":"^n=(\\d+)$","word":"w\\w+","gone":"no(t)"})x",
        R"("one":{"type":"float",},"five":{},"n":{"type":"Integer",},"word":{},"gone":{})");
    CHECK(outputs(act, "load 0.25 1.5\nn=42\nword") ==
          Value::Map{{"one", 0.25}, {"five", "1.5"}, {"n", 42}, {"word", "word"}});
    CHECK(outputs(act, "").empty());
}

TEST_CASE("a command that cannot be right is refused with its key") {
    CHECK(fault(R"("command":"uptime")") == "actions[0]: command: must be a list of 1 to 256 texts");
    CHECK(fault(R"("command":[])") == "actions[0]: command: must be a list of 1 to 256 texts");
    CHECK(fault(R"("command":[1])") == "actions[0]: command: must be a list of texts");
    CHECK(fault(R"("command":["uptime"])").find("command[0]") != std::string::npos);
    CHECK(fault(R"("command":["/{{unit}}"])").find("command[0]") != std::string::npos);
    CHECK(fault(R"("command":["/bin/x","{{nosuch}}"])") == "actions[0]: command[1]: {{nosuch}} is no input of this action");
    CHECK(fault(R"("command":["/bin/sh","-ec","ls {{unit}}"])").find("shell's program") != std::string::npos);
    CHECK(schema_of(R"("command":["/bin/sh","-c","ls -- \"$1\"","--","{{unit}}"])"));
    CHECK(fault(R"("command":["/bin/x"],"output_format":"xml")").find("output_format: must be") != std::string::npos);
    CHECK(fault(R"("command":["/bin/x"],"output_format":3)").find("output_format: must be") != std::string::npos);
    CHECK(fault(R"("command":["/bin/x"])", R"("a":{},"b":{})").find("\"output\"") != std::string::npos);
    CHECK(fault(R"x("command":["/bin/x"],"output_format":{"out":"("})x").find("output_format.out: ") != std::string::npos);
    CHECK(fault(R"x("command":["/bin/x"],"output_format":{"out":"(?P<x>a)"})x").find("\"x\" is no output") != std::string::npos);
    CHECK(fault(R"x("command":["/bin/x"],"output_format":{"out":1})x").find("must be an expression") != std::string::npos);
}

}  // namespace
}  // namespace mco::proto
