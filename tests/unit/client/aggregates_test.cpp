#include "client/aggregates.hpp"

#include <array>

#include <doctest/doctest.h>

namespace mco::client {
namespace {

using proto::Value;

proto::ActionSchema action(std::vector<proto::AggregateSchema> aggregates) {
    proto::ActionSchema action;
    action.outputs = {{.name = "v", .description = "", .display_as = "Value", .default_value = {}}};
    action.aggregates = std::move(aggregates);
    return action;
}

std::vector<Reply> replies(std::vector<Value> values) {
    std::vector<Reply> all;
    for (auto& value : values) {
        Reply reply;
        reply.data = Value::Map{{"v", std::move(value)}};
        all.push_back(std::move(reply));
    }
    return all;
}

std::string blocks(std::vector<proto::AggregateSchema> aggregates, std::vector<Value> values) {
    return aggregate_blocks(action(std::move(aggregates)), replies(std::move(values)), {});
}

TEST_CASE("summary counts values, most frequent first, then by value") {
    CHECK(blocks({{"summary", "v", ""}}, {"us", "de", "us", "united", "at"}) ==
          "Summary of Value:\n\n       us = 2\n       at = 1\n       de = 1\n   united = 1\n\n");
    CHECK(blocks({{"summary", "v", ""}}, {Value::List{"a", "b"}, Value::List{"b"}, Value()}) ==
          "Summary of Value:\n\n   b = 2\n   a = 1\n\n");
    CHECK(blocks({{"summary", "v", "%-6s: %3d nodes"}}, {"us", "us"}) ==
          "Summary of Value:\n\n   us    :   2 nodes\n\n");
}

TEST_CASE("sum and average") {
    CHECK(blocks({{"sum", "v", ""}, {"average", "v", "%.1f on average"}}, {1, 2, 4.5}) ==
          "Summary of Value:\n\n   Sum of v: 7.500000\n\nSummary of Value:\n\n   2.5 on average\n\n");
    CHECK(blocks({{"average", "v", ""}}, {1, 2}) ==
          "Summary of Value:\n\n   Average of v: 1.500000\n\n");  // not cut to an integer
}

TEST_CASE("boolean_summary") {
    CHECK(blocks({{"boolean_summary", "v", ""}}, {true, false, true}) ==
          "Summary of Value:\n\n    True = 2\n   False = 1\n\n");
}

TEST_CASE("boolean_summary with the DDL's own words") {
    CHECK(blocks({{"boolean_summary", "v", "", {{"true", "enabled"}, {"false", "disabled"}}}}, {true, false, true}) ==
          "Summary of Value:\n\n   enabled = 2\n   disabled = 1\n\n");
}

TEST_CASE("chart shows how values are spread") {
    CHECK(blocks({{"chart", "v", ""}}, {0, 0, 0, 10, 20, 20}) ==
          "Summary of Value:\n\n   0 ▇▁▁▁▁▁▁▁▁▁▃▁▁▁▁▁▁▁▁▅ 20\n\n");
    CHECK(blocks({{"chart", "v", "ages %s"}}, {5, 5}) == "Summary of Value:\n\n   ages ▇\n\n");
    CHECK(blocks({{"chart", "v", ""}}, {5, "old"}) ==
          "Summary of Value:\n\n   Could not compute summary - output v is not a number everywhere\n\n");
}

TEST_CASE("failed replies are not summed up") {
    auto all = replies({5, 7});
    all[1].status = proto::StatusCode::aborted;
    CHECK(aggregate_blocks(action({{"sum", "v", "%d"}}), all, {}) == "Summary of Value:\n\n   5\n\n");
}

TEST_CASE("nothing to sum up is said") {
    const std::string nothing = "Summary of Value:\n\n   No aggregate summary could be computed\n\n";
    for (const auto& function : {"summary", "sum", "average", "boolean_summary"})
        CHECK(blocks({{function, "v", ""}}, {}) == nothing);
}

TEST_CASE("an aggregate that fails says why and hurts nobody else") {
    const auto text = blocks(
        {{"sum", "v", ""}, {"nosuch", "v", ""}, {"summary", "other", ""}, {"summary", "v", "%d"}, {"summary", "v", ""}},
        {"text"});
    CHECK(text ==
          "Summary of Value:\n\n   Could not compute summary - output v is not a number everywhere\n\n"
          "Summary of Value:\n\n   Could not compute summary - there is no aggregate function nosuch\n\n"
          "Summary of other:\n\n   Could not compute summary - the action has no output other\n\n"
          "Summary of Value:\n\n   Could not compute summary - a value is not a number\n\n"
          "Summary of Value:\n\n   text = 1\n\n");
}

TEST_CASE("values of nodes are made visible") {
    CHECK(blocks({{"summary", "v", ""}}, {"\x1b[2J"}) == "Summary of Value:\n\n   \\x1b[2J = 1\n\n");
}

TEST_CASE("printf formats are data and cannot do harm") {
    const std::array<Value, 2> arguments{Value("x"), Value(3)};
    CHECK(format_printf("%s=%05.1f %%", arguments) == "x=003.0 %");
    CHECK(format_printf("%s %d", arguments) == "x 3");
    CHECK(format_printf("plain", arguments) == "plain");
    for (const auto& bad : {"%", "%s %s %s", "%n", "%s %p", "%1000s", "%*d", "%.999f", "%d"})
        CHECK_MESSAGE(!format_printf(bad, arguments), bad);
}

}  // namespace
}  // namespace mco::client
