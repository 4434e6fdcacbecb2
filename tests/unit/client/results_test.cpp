#include "client/results.hpp"

#include <doctest/doctest.h>

namespace mco::client {
namespace {

using proto::StatusCode;
using proto::Value;

Reply reply(std::string node, Value data, StatusCode status = StatusCode::ok, std::string message = "OK") {
    Reply reply;
    reply.node = std::move(node);
    reply.data = std::move(data);
    reply.status = status;
    reply.message = std::move(message);
    return reply;
}

proto::ActionSchema get_fact() {
    proto::ActionSchema action;
    action.outputs = {{.name = "fact", .description = "", .display_as = "Fact", .default_value = {}},
                      {.name = "value", .description = "", .display_as = "Value", .default_value = {}}};
    return action;
}

TEST_CASE("a node's block has the name in forty columns and labels to the right") {
    CHECK(node_block(reply("web1.example.net", Value::Map{{"value", "us"}, {"fact", "country"}}), get_fact(), {}) ==
          "web1.example.net                         \n"
          "    Fact: country\n"
          "   Value: us\n"
          "\n");
}

TEST_CASE("each status has its word, and its message below") {
    const auto block = [](StatusCode status) { return node_block(reply("n", Value(), status, "why"), get_fact(), {}); };
    const std::string name = "n" + std::string(40, ' ');
    CHECK(block(StatusCode::ok) == name + "\n   why\n\n");
    CHECK(block(StatusCode::aborted) == name + "Request Aborted\n   why\n\n");
    CHECK(block(StatusCode::unknown_action) == name + "Unknown Action\n   why\n\n");
    CHECK(block(StatusCode::missing_data) == name + "Missing Request Data\n   why\n\n");
    CHECK(block(StatusCode::invalid_data) == name + "Invalid Request Data\n   why\n\n");
    CHECK(block(StatusCode::other) == name + "Unknown Request Status\n   why\n\n");
}

TEST_CASE("a failed reply shows no data") {
    CHECK(node_block(reply("n", Value::Map{{"value", "default"}}, StatusCode::aborted, "no"), get_fact(), {}) ==
          "n" + std::string(40, ' ') + "Request Aborted\n   no\n\n");
}

TEST_CASE(
    "lines of a value stay under the value, undeclared outputs have their raw name, nested values are spread out") {
    CHECK(node_block(reply("n", Value::Map{{"value", "one\ntwo\n"}, {"extra", Value::Map{{"k", 1}}}}), get_fact(),
                     {}) == "n" + std::string(40, ' ') +
                                "\n"
                                "   extra: {\n"
                                "            \"k\": 1\n"
                                "          }\n"
                                "   Value: one\n"
                                "          two\n"
                                "\n");
}

TEST_CASE("what a node says cannot steer the terminal") {
    const auto text = node_block(
        reply("evil\r\nweb1", Value::Map{{"va\x1b[1m", "\x1b]0;x\x07"}}, StatusCode::ok, "m\x08"), get_fact(), {});
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
    CHECK(text.starts_with("evil\\r\\nweb1 "));
    CHECK(text.find("va\\x1b[1m: \\x1b]0;x\\x07\n") != std::string::npos);
}

TEST_CASE("display modes choose by status") {
    const auto good = reply("n", Value()), bad = reply("n", Value(), StatusCode::aborted);
    CHECK(is_shown(good, proto::DisplayMode::ok));
    CHECK(!is_shown(bad, proto::DisplayMode::ok));
    CHECK(!is_shown(good, proto::DisplayMode::failed));
    CHECK(is_shown(bad, proto::DisplayMode::failed));
    CHECK((is_shown(good, proto::DisplayMode::always) && is_shown(bad, proto::DisplayMode::always)));
}

TEST_CASE("JSON is an array with six keys in their order, on one line for programs") {
    const std::vector<Reply> replies{reply("web1", Value::Map{{"value", "a\"b"}}),
                                     reply("web2", Value(), StatusCode::aborted, "no\x1b")};
    CHECK(
        json_array("rpcutil", "get_fact", replies, JsonForm::one_line) ==
        R"([{"agent":"rpcutil","action":"get_fact","sender":"web1","statuscode":0,"statusmsg":"OK","data":{"value":"a\"b"}},)"
        R"({"agent":"rpcutil","action":"get_fact","sender":"web2","statuscode":1,"statusmsg":"no\u001b","data":null}])"
        "\n");
    CHECK(json_array("a", "b", {}, JsonForm::one_line) == "[]\n");
    CHECK(json_array("a", "b", {}, JsonForm::indented) == "[]\n");
}

TEST_CASE("JSON for a person is indented by two") {
    const std::vector<Reply> replies{reply("web1", Value::Map{{"v", Value::List{1}}})};
    const auto text = json_array("a", "b", replies, JsonForm::indented);
    CHECK(text ==
          "[\n"
          "  {\n"
          "    \"agent\": \"a\",\n"
          "    \"action\": \"b\",\n"
          "    \"sender\": \"web1\",\n"
          "    \"statuscode\": 0,\n"
          "    \"statusmsg\": \"OK\",\n"
          "    \"data\": {\n"
          "      \"v\": [\n"
          "        1\n"
          "      ]\n"
          "    }\n"
          "  }\n"
          "]\n");
    CHECK(proto::parse_json(text).has_value());
}

TEST_CASE("the statistics line and the block of -v") {
    Gathered gathered;
    gathered.replies = {reply("a", Value()), reply("b", Value(), StatusCode::aborted)};
    gathered.took = std::chrono::microseconds(46'100);
    gathered.entry = "web1 (ipc:///s)";
    gathered.ledger.expected = 4;
    gathered.ledger.add(proto::Outcome::not_matched);
    Account account;
    account.ledger = gathered.ledger;
    account.replies = 2;
    account.failures = 1;
    CHECK(finished_line(gathered, account, {}) == "Finished processing 2 / 3 hosts in 46.10 ms\n");
    const auto text =
        statistics(gathered, account, {.caption = "rpcutil#ping", .total = std::chrono::microseconds(50'000)}, {});
    const auto at = text.find("      Start Time: 1970-01-01 ");
    REQUIRE(at != std::string::npos);
    CHECK(text.substr(0, at) ==
          "---- rpcutil#ping call stats ----\n           Nodes: 3 / 2\n     Pass / Fail: 1 / 1\n");
    CHECK(text.substr(text.find('\n', at) + 1) ==
          "  Discovery Time: 0.00ms\n"
          "      Agent Time: 46.10ms\n"
          "      Total Time: 50.00ms\n"
          "           Entry: web1 (ipc:///s)\n");
}

}  // namespace
}  // namespace mco::client
