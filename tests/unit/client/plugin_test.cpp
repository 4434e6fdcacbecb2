#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "client/agent_page.hpp"
#include "client/agent_skeleton.hpp"
#include "client/aggregates.hpp"
#include "client/known_plugins.hpp"
#include "client/selection.hpp"
#include "proto/command.hpp"
#include "proto/ddl.hpp"
#include "proto/ddl_validators.hpp"
#include "tests/support/has.hpp"

namespace mco::client {
namespace {

AgentSkeleton greeter() {
    return {.name = "greeter", .description = "Greets", .author = "a", .license = "l", .version = "1", .url = "u",
            .timeout = std::chrono::seconds(7), .actions = {"hello", "bye"}};
}

TEST_CASE("what is generated is a sound DDL with all that was said") {
    const auto command = proto::parse_schema(command_ddl(greeter()));
    REQUIRE_MESSAGE(command, command.error().detail);
    CHECK(command->provider == "external");
    CHECK(command->timeout == std::chrono::seconds(7));
    REQUIRE(command->find_action("bye") != nullptr);
    REQUIRE(command->find_action("bye")->command);
    CHECK(proto::command_words(*command->find_action("bye")->command, {{"message", "you"}}) ==
          std::vector<std::string>{"/bin/echo", "greeter bye:", "you"});

    const auto python = proto::parse_schema(python_ddl(greeter()));
    REQUIRE_MESSAGE(python, python.error().detail);
    CHECK_FALSE(python->find_action("hello")->command);
    CHECK(has(python_program(greeter()), "\"bye\": bye_action,"));
}

TEST_CASE("a name that no agent can have gives no DDL") {
    auto agent = greeter();
    agent.name = "Not/so";
    CHECK_FALSE(proto::parse_schema(command_ddl(agent)));
    agent = greeter();
    agent.actions = {"import os"};
    CHECK_FALSE(proto::parse_schema(python_ddl(agent)));
}

TEST_CASE("the page of an agent shows its actions with inputs, outputs and commands, and no control characters") {
    auto agent = greeter();
    agent.description = "Greets\033[2J";
    const auto schema = proto::parse_schema(command_ddl(agent));
    REQUIRE(schema);
    const auto page = agent_page(*schema);
    CHECK(page.starts_with("greeter\n=======\n\nGreets\\x1b[2J\n"));
    for (const char* part : {"ACTIONS:\n========\n   bye, hello\n", "   bye action:\n   -----------\n", "COMMAND:\n          /bin/echo greeter bye: {{message}}",
                             "Validation: \\A[^-].*\\z\n", "Default Value: hello\n", "Display As: Output\n"})
        CHECK_MESSAGE(has(page, part), page);
}

TEST_CASE("the example agents are sound and have a page") {
    namespace fs = std::filesystem;
    std::size_t seen = 0;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(MCO_SOURCE_DIR) / "conf" / "agents")) {
        if (entry.path().extension() != ".json") continue;
        std::ifstream stream(entry.path());
        const auto schema = proto::parse_schema(std::string((std::istreambuf_iterator<char>(stream)), {}));
        REQUIRE_MESSAGE(schema, entry.path().string() << ": " << schema.error().detail);
        CHECK(entry.path().stem() == schema->name);
        CHECK(has(agent_page(*schema), schema->description));
        ++seen;
    }
    CHECK(seen == 3);
}

TEST_CASE("what has no DDL is listed as it is known elsewhere") {
    std::string before;
    std::set<Method> methods;
    for (const auto& plugin : known_plugins()) {
        const auto sorted = std::string(plugin.kind) + "/" + std::string(plugin.name);
        CHECK(before < sorted);
        before = sorted;
        if (plugin.kind == "validator") CHECK(proto::knows_validator(plugin.name));
        if (plugin.kind == "discovery") {
            for (int i = 0; i <= static_cast<int>(Method::frozen); ++i) {
                if (name(static_cast<Method>(i)) == plugin.name) methods.insert(static_cast<Method>(i));
            }
        }
        if (plugin.kind != "aggregate") continue;
        proto::ActionSchema action;
        action.aggregates = {{.function = std::string(plugin.name), .output = "o"}};
        action.outputs = {{.name = "o"}};
        CHECK_MESSAGE(!has(aggregate_blocks(action, {}, {}), "there is no aggregate function"), plugin.name);
    }
    CHECK(methods.size() == static_cast<std::size_t>(Method::frozen));  // all but --frozen, which is no method of --dm
}

}  // namespace
}  // namespace mco::client
