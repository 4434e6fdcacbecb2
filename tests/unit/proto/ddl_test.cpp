#include "proto/ddl.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/support/has.hpp"

namespace mco::proto {
namespace {

constexpr std::string_view sample = R"({
  "$schema": "https://choria.io/schemas/mcorpc/ddl/v1/agent.json",
  "metadata": {"name": "service", "description": "d", "author": "a", "license": "Apache-2.0", "version": "3.2.0",
               "url": "https://example.net/", "timeout": 60, "provider": "external", "unknown": [1]},
  "actions": [
    {"action": "status", "description": "s", "display": "always",
     "input": {
       "service": {"prompt": "Name", "description": "n", "type": "String", "optional": false,
                   "validation": "service_name", "maxlength": 90},
       "mode": {"prompt": "Mode", "description": "m", "type": "list", "optional": true, "default": "all",
                "list": ["all", "some", 3]}},
     "output": {"status": {"description": "o", "display_as": "Service Status", "default": "unknown"},
                "pid": {"description": "p", "display_as": "PID", "type": "integer", "default": null}},
     "aggregate": [{"function": "summary", "args": ["status"]},
                   {"function": "average", "args": ["pid", {"format": "Average: %0.2f"}]},
                   {"function": "boolean_summary", "args": ["status", {"true": "on", "false": "off"}]}]},
    {"action": "start", "description": "s", "input": {}, "output": {}}
  ]
})";

// One input, named x, of an action that does nothing else.
ActionSchema action_with(InputSchema input) {
    input.name = "x";
    return {.name = "act", .description = {}, .inputs = {std::move(input)}, .outputs = {}, .aggregates = {}};
}

// "" if the input may pass, else the objection behind "Cannot validate input x: ".
std::string objection(const InputSchema& input, Value value) {
    const auto valid = validate_inputs(action_with(input), {{"x", std::move(value)}});
    if (valid) return {};
    CHECK(valid.error().code == Errc::invalid);
    constexpr std::string_view prefix = "Cannot validate input x: ";
    REQUIRE_MESSAGE(valid.error().detail.starts_with(prefix), valid.error().detail);
    return valid.error().detail.substr(prefix.size());
}
bool passes(const InputSchema& input, Value value) { return objection(input, std::move(value)).empty(); }

std::string fault(std::string_view json) {
    const auto schema = parse_schema(json);
    REQUIRE_FALSE(schema);
    CHECK(schema.error().code == Errc::malformed);
    return schema.error().detail;
}

std::string replaced(std::string_view what, std::string_view by) {
    std::string text(sample);
    const auto at = text.find(what);
    REQUIRE_MESSAGE(at != std::string::npos, what);
    return text.replace(at, what.size(), by);
}

TEST_CASE("a DDL is read with all it says") {
    const auto schema = parse_schema(sample);
    REQUIRE_MESSAGE(schema, schema.error().detail);
    CHECK(schema->name == "service");
    CHECK(schema->version == "3.2.0");
    CHECK(schema->provider == "external");
    CHECK(schema->timeout == std::chrono::seconds(60));
    REQUIRE(schema->actions.size() == 2);
    const ActionSchema* status = schema->find_action("status");
    REQUIRE(status != nullptr);
    CHECK(status->display == DisplayMode::always);
    CHECK(schema->find_action("start")->display == DisplayMode::failed);
    CHECK(schema->find_action("stop") == nullptr);

    REQUIRE(status->inputs.size() == 2);
    CHECK(status->inputs[0].name == "mode");
    CHECK(status->inputs[0].allowed == std::vector<std::string>{"all", "some", "3"});
    CHECK(status->inputs[0].default_value == Value("all"));
    CHECK(status->inputs[0].optional);
    const InputSchema* service = status->find_input("service");
    REQUIRE(service != nullptr);
    CHECK(service->type == InputType::string);
    CHECK(service->validation == "service_name");
    CHECK(service->length_max == 90);
    CHECK_FALSE(service->optional);
    CHECK_FALSE(service->default_value);

    CHECK(status->find_output("status")->default_value == Value("unknown"));
    CHECK_FALSE(status->find_output("pid")->default_value);
    REQUIRE(status->aggregates.size() == 3);
    CHECK(status->aggregates[0].function == "summary");
    CHECK(status->aggregates[0].output == "status");
    CHECK(status->aggregates[1].format == "Average: %0.2f");
    CHECK(status->aggregates[2].labels.at("true") == "on");
}

TEST_CASE("a fault in a DDL is named by its path") {
    struct Row {
        std::string_view what, by, says;
    };
    const std::vector<Row> rows{
        {R"("name": "service")", R"("name": "Ser-vice")", "metadata.name: "},
        {R"("name": "service")", R"("nome": "service")", "metadata.name: "},
        {R"("author": "a")", R"("author": 1)", "metadata.author: "},
        {R"("timeout": 60)", R"("timeout": 1)", "metadata.timeout: "},
        {R"("timeout": 60)", R"("timeout": "60")", "metadata.timeout: "},
        {R"("timeout": 60)", R"("timeout": 99999999)", "metadata.timeout: "},
        {R"("metadata": {)", R"("metadota": {)", "metadata: is missing"},
        {R"("actions": [)", R"("actoins": [)", "actions: is missing"},
        {R"("action": "status")", R"("action": "sta tus")", "actions[0].action: "},
        {R"("action": "start")", R"("action": "status")", "actions[1].action: "},
        {R"("display": "always")", R"("display": "sometimes")", "actions[0].display: "},
        {R"("type": "String")", R"("type": "text")", "actions[0].input.service.type: "},
        {R"("optional": false)", R"("optional": "no")", "actions[0].input.service.optional: "},
        {R"("validation": "service_name")", R"_("validation": "(?=x)")_", "actions[0].input.service.validation: "},
        {R"("validation": "service_name", )", "", "actions[0].input.service.validation: is missing"},
        {R"("maxlength": 90)", R"("maxlength": -1)", "actions[0].input.service.maxlength: "},
        {R"("prompt": "Mode", )", "", "actions[0].input.mode.prompt: is missing"},
        {R"(["all", "some", 3])", R"({})", "actions[0].input.mode.list: must be a list"},
        {R"(["all", "some", 3])", R"(["all", []])", "actions[0].input.mode.list[1]: "},
        {R"("display_as": "PID", )", "", "actions[0].output.pid.display_as: is missing"},
        {R"("args": ["status"])", R"("args": [])", "actions[0].aggregate[0].args: "},
        {R"({"format": "Average: %0.2f"})", R"("x")", "actions[0].aggregate[1].args[1]: must be an object"},
        {R"("input": {}, "output": {}})", R"("input": [], "output": {}})", "actions[1].input: must be an object"},
        {R"("input": {}, "output": {}})", R"("output": {}})", "actions[1].input: is missing"},
    };
    for (const Row& row : rows) {
        const std::string detail = fault(replaced(row.what, row.by));
        CHECK_MESSAGE(has(detail, row.says), row.by << " gave " << detail);
    }
    CHECK(has(fault("[]"), "the file: must be an object"));
    fault("");
    fault("{");
    fault(std::string(limits::schema_size_max + 1, ' '));
    fault(std::string(100'000, '['));
}

TEST_CASE("every type takes its own values and no others") {
    const std::vector<std::pair<std::string, Value>> values{
        {"text", "abc"}, {"flag", true},        {"integer", 1},          {"real", 1.0},
        {"null", {}},    {"map", Value::Map{}}, {"list", Value::List{}},
    };
    const std::map<InputType, std::vector<std::string>> good{
        {InputType::string, {"text"}},
        {InputType::boolean, {"flag"}},
        {InputType::integer, {"integer"}},
        {InputType::float_number, {"real"}},
        {InputType::number, {"integer", "real"}},
        {InputType::hash, {"map"}},
        {InputType::array, {"list"}},
    };
    for (const auto& [type, names] : good) {
        for (const auto& [name, value] : values) {
            const bool expected = std::find(names.begin(), names.end(), name) != names.end();
            CHECK_MESSAGE(passes({.type = type}, value) == expected, static_cast<int>(type) << " " << name);
        }
    }
    const InputSchema list{.type = InputType::list, .allowed = {"all", "3", "true"}};
    CHECK(passes(list, "all"));
    CHECK(passes(list, 3));
    CHECK_FALSE(passes(list, "none"));
    CHECK_FALSE(passes(list, Value()));
    CHECK_FALSE(passes(list, Value::List{"all"}));
}

TEST_CASE("text is limited in characters, not octets, and 0 is no limit") {
    CHECK(passes({.length_max = 3}, "abc"));
    CHECK_FALSE(passes({.length_max = 3}, "abcd"));
    CHECK(passes({.length_max = 3}, "\xc3\xa4\xc3\xb6\xc3\xbc"));
    CHECK(passes({.length_max = 0}, std::string(100'000, 'x')));
    CHECK(passes({.length_max = 3}, ""));
}

TEST_CASE("expressions are unanchored unless their author anchors them") {
    CHECK(passes({.validation = "b"}, "abc"));  // one word is a validator nobody knows
    CHECK(passes({.validation = "[b]"}, "abc"));
    CHECK_FALSE(passes({.validation = "^[b]"}, "abc"));
    CHECK(passes({.validation = R"(\A[a-c]+\z)"}, "abc"));
    CHECK(passes({.validation = R"(^\x5c$)"}, "\\"));
    CHECK_FALSE(passes({.validation = "^[a-z]+$"}, "abc\nrm -rf"));  // nothing behind a line break
    CHECK(has(objection({.validation = "^[0-9]+$"}, "x"), "^[0-9]+$"));
    CHECK(passes({.validation = ""}, "anything"));
    CHECK(passes({.validation = "service_name"}, "any thing"));  // unknown name
}

TEST_CASE("shellsafe refuses what a shell would act upon") {
    for (const std::string_view text : {"nginx", "a b", "a&b", "'x'", "(x)", "*", "", "rsync-3.2"}) {
        CHECK_MESSAGE(passes({.validation = "shellsafe"}, text), text);
    }
    for (const std::string_view text : {"`id`", "$(id)", "a;b", "a|b", "a&&b", "a>b", "a<b"}) {
        CHECK_MESSAGE(!passes({.validation = "shellsafe"}, text), text);
    }
}

TEST_CASE("addresses may carry a prefix length, and nothing else") {
    using namespace std::string_literals;
    const std::vector<std::string> v4{"10.0.0.1",   "255.255.255.255", "10.0.0.0/8",
                                      "10.0.0.0/0", "10.0.0.0/32",     "10.0.0.0/255.255.0.0"};
    const std::vector<std::string> v6{"::1", "2001:db8::1", "2001:db8::/32", "::/0", "::1/128", "::ffff:10.0.0.1"};
    const std::vector<std::string> neither{
        "",           "10.0.0",      "10.0.0.256",           "10.0.0.01", "10.0.0.1/33", "10.0.0.1/",
        "10.0.0.1/x", "10.0.0.1/-1", "10.0.0.1/255.0.255.0", "::1/129",   "::g",         " 10.0.0.1",
        "10.0.0.1 ",  "host",        "10.0.0.1\0x"s,         "::1%eth0",  "10.0.0.1/8/8"};
    for (const auto& text : v4) {
        CHECK_MESSAGE(passes({.validation = "ipv4address"}, text), text);
        CHECK_MESSAGE(!passes({.validation = "ipv6address"}, text), text);
        CHECK_MESSAGE(passes({.validation = "ipaddress"}, text), text);
    }
    for (const auto& text : v6) {
        CHECK_MESSAGE(!passes({.validation = "ipv4address"}, text), text);
        CHECK_MESSAGE(passes({.validation = "ipv6address"}, text), text);
        CHECK_MESSAGE(passes({.validation = "ipaddress"}, text), text);
    }
    for (const auto& text : neither) CHECK_MESSAGE(!passes({.validation = "ipaddress"}, text), text);
}

TEST_CASE("type, then length, then validation is objected to") {
    const InputSchema input{.validation = "^[0-9]+$", .length_max = 3};
    CHECK(has(objection(input, 5), "text"));
    CHECK(has(objection(input, "abcd"), "longer"));
    CHECK(has(objection(input, "abc"), "match"));
}

TEST_CASE("a required input must be there, an optional one need not, an unknown one passes") {
    const auto missing = validate_inputs(action_with({.type = InputType::integer}), {});
    REQUIRE_FALSE(missing);
    CHECK_MESSAGE(has(missing.error().detail, "Cannot validate input x: "), missing.error().detail);
    CHECK(validate_inputs(action_with({.optional = true}), {}));
    CHECK(validate_inputs(action_with({.optional = true}), {{"other", Value::List{}}}));
    CHECK_FALSE(validate_inputs(action_with({.default_value = "d"}), {}));  // defaults are the client's business
}

Result<Value::Map> read(InputSchema input, std::string word) {
    return read_inputs(action_with(std::move(input)), {{"x", std::move(word)}});
}

TEST_CASE("words of the command line become the types of the DDL") {
    struct Row {
        InputType type;
        std::string_view word;
        Value value;
    };
    const std::vector<Row> rows{
        {InputType::boolean, "true", true},
        {InputType::boolean, "T", true},
        {InputType::boolean, "Yes", true},
        {InputType::boolean, "y", true},
        {InputType::boolean, "1", true},
        {InputType::boolean, "FALSE", false},
        {InputType::boolean, "f", false},
        {InputType::boolean, "no", false},
        {InputType::boolean, "n", false},
        {InputType::boolean, "0", false},
        {InputType::integer, "12", 12},
        {InputType::integer, "-12", -12},
        {InputType::integer, "+12", 12},
        {InputType::integer, "1e3", 1000},
        {InputType::float_number, "1.5", 1.5},
        {InputType::float_number, "-1.5", -1.5},
        {InputType::float_number, "5", 5.0},
        {InputType::float_number, "1e-3", 0.001},
        {InputType::number, "5", 5},
        {InputType::number, "-5.5", -5.5},
        {InputType::number, "2e2", 200.0},
        {InputType::string, "12", "12"},
        {InputType::string, "", ""},
        {InputType::hash, R"({"a": 1})", Value::Map{{"a", 1}}},
        {InputType::array, R"([1, "b"])", Value::List{1, "b"}},
    };
    for (const Row& row : rows) {
        const auto inputs = read({.type = row.type}, std::string(row.word));
        REQUIRE_MESSAGE(inputs, row.word << ": " << inputs.error().detail);
        CHECK_MESSAGE(inputs->at("x") == row.value, row.word);
    }
    CHECK(read({.type = InputType::list, .allowed = {"a", "b"}}, "b")->at("x") == Value("b"));
}

TEST_CASE("a word that is not of its type is refused, naming the input") {
    const std::vector<std::pair<InputType, std::string_view>> rows{
        {InputType::boolean, "maybe"},
        {InputType::boolean, ""},
        {InputType::integer, "1.0"},
        {InputType::integer, "1.5e3"},
        {InputType::integer, "1e-3"},
        {InputType::integer, "1e300"},
        {InputType::integer, "x"},
        {InputType::integer, ""},
        {InputType::integer, "0x10"},
        {InputType::integer, "9223372036854775808"},
        {InputType::number, "nan"},
        {InputType::number, "1e999"},
        {InputType::number, "9223372036854775808"},
        {InputType::float_number, "x"},
        {InputType::hash, "[]"},
        {InputType::hash, "{"},
        {InputType::array, "{}"},
        {InputType::array, "a,b"},
        {InputType::list, "c"},
    };
    for (const auto& [type, word] : rows) {
        const auto inputs = read({.type = type, .allowed = {"a", "b"}}, std::string(word));
        REQUIRE_FALSE_MESSAGE(inputs, word);
        CHECK(inputs.error().code == Errc::invalid);
        CHECK_MESSAGE(has(inputs.error().detail, "Cannot validate input x: "), inputs.error().detail);
    }
}

TEST_CASE("defaults fill required inputs that are absent, and only those") {
    const auto words = [](InputSchema input) { return read_inputs(action_with(std::move(input)), {{"free", "7"}}); };
    CHECK(*words({.default_value = "d"}) == Value::Map{{"free", "7"}, {"x", "d"}});
    CHECK(*words({.optional = true, .default_value = "d"}) == Value::Map{{"free", "7"}});
    CHECK_FALSE(words({}));
    CHECK_FALSE(words({.type = InputType::integer, .default_value = "d"}));  // a default must be valid, too
    CHECK(read({.default_value = "d"}, "given")->at("x") == Value("given"));
}

TEST_CASE("outputs an agent left out get their default") {
    const ActionSchema action{
        .name = "act",
        .outputs = {{.name = "a", .default_value = Value(1)}, {.name = "b"}, {.name = "c", .default_value = Value(2)}}};
    Value::Map outputs{{"c", 3}, {"free", "x"}};
    fill_outputs(action, outputs);
    CHECK(outputs == Value::Map{{"a", 1}, {"b", Value()}, {"c", 3}, {"free", "x"}});
}

AgentSchema ours(std::string_view name) {
    std::ifstream file(std::string(MCO_SOURCE_DIR "/node/agents/") + std::string(name) + ".json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto schema = parse_schema(text);
    REQUIRE_MESSAGE(schema, name << ": " << schema.error().detail);
    CHECK(schema->name == name);
    return *schema;
}

TEST_CASE("our own agents have the interfaces MCollective's have") {
    const AgentSchema discovery = ours("discovery");
    REQUIRE(discovery.find_action("ping") != nullptr);
    CHECK(discovery.find_action("ping")->find_output("pong") != nullptr);

    const AgentSchema rpcutil = ours("rpcutil");
    CHECK(rpcutil.timeout == std::chrono::seconds(10));
    const std::map<std::string, std::pair<std::string, std::string>> actions{
        // outputs sorted; summaries
        {"collective_info", {"collectives main_collective", "collectives"}},
        {"inventory", {"agents classes collectives data_plugins facts main_collective starttime version", ""}},  // starttime is ours
        {"get_fact", {"fact value", "value"}},
        {"get_facts", {"values", ""}},
        {"daemon_stats",
         {"agents configfile filtered passed pid replies starttime threads times total ttlexpired unvalidated "
          "validated version",
          "version agents"}},
        {"agent_inventory", {"agents", ""}},
        {"get_config_item", {"item value", "value"}},
        {"get_data", {"", ""}},
        {"ping", {"pong", ""}},
    };
    CHECK(rpcutil.actions.size() == actions.size());
    for (const auto& [name, expected] : actions) {
        const ActionSchema* action = rpcutil.find_action(name);
        REQUIRE_MESSAGE(action != nullptr, name);
        CHECK(action->display == DisplayMode::always);
        std::string outputs, summaries;
        for (const auto& output : action->outputs) outputs += (outputs.empty() ? "" : " ") + output.name;
        for (const auto& aggregate : action->aggregates) {
            CHECK(aggregate.function == "summary");
            summaries += (summaries.empty() ? "" : " ") + aggregate.output;
        }
        CHECK(outputs == expected.first);
        CHECK(summaries == expected.second);
    }
    const auto fits = [&](std::string_view action, std::map<std::string, std::string> words) {
        return read_inputs(*rpcutil.find_action(action), words).has_value();
    };
    CHECK(fits("get_fact", {{"fact", "os.family"}}));
    CHECK_FALSE(fits("get_fact", {{"fact", "os family"}}));
    CHECK_FALSE(fits("get_fact", {{"fact", std::string(41, 'x')}}));
    CHECK_FALSE(fits("get_fact", {}));
    CHECK(fits("get_facts", {{"facts", "country, os.family"}}));
    CHECK_FALSE(fits("get_facts", {{"facts", "country,,x"}}));
    CHECK(fits("get_data", {{"source", "fstat"}, {"query", "/etc/hosts"}}));
    CHECK(fits("get_data", {{"source", "fstat"}}));
    CHECK_FALSE(fits("get_data", {{"source", "../fstat"}}));
    CHECK_FALSE(fits("get_config_item", {{"item", ""}}));
}

}  // namespace
}  // namespace mco::proto
