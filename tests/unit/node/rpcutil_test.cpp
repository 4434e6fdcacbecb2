#include "node/agents/rpcutil.hpp"

#include <unistd.h>

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "node/agents/discovery.hpp"
#include "node/data.hpp"
#include "proto/schema_library.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using proto::Value;
using test::at;

struct Node {
    test::Libdir libdir;
    std::shared_ptr<NodeView> view = std::make_shared<NodeView>();
    Counters counters{
        .total = 62, .validated = 61, .unvalidated = 1, .passed = 60, .filtered = 2, .ttlexpired = 3, .replies = 59};
    Rpcutil rpcutil;
    proto::AgentSchema schema = *proto::SchemaLibrary({libdir.path()}).load("rpcutil");

    Node() {
        view->traits.identity = "web1";
        view->traits.main_collective = "mcollective";
        view->traits.collectives = {"mcollective", "uk"};
        view->traits.classes = {"httpd", "common::linux"};
        view->traits.agents = {"discovery", "rpcutil"};
        view->traits.facts = Value::Map{{"country", "us"},
                                        {"roles", Value::List{"web", "db"}},
                                        {"os", Value::Map{{"family", "Debian"}}},
                                        {"a.b", "literal"}};
        view->schemas = {std::make_shared<const proto::AgentSchema>(schema)};
        view->data = libdir.data();
        view->settings = {{"identity", "web1"}, {"loglevel", "info"}};
        view->config_file = "/etc/mco/mcod.conf";
        view->started = at(0s).wall;
    }
    ActionReply run(std::string_view action, Value::Map arguments = {}) {
        REQUIRE_MESSAGE(schema.find_action(action) != nullptr, action);
        Call call;
        call.agent = "rpcutil";
        call.action = action;
        call.arguments = std::move(arguments);
        call.caller = "cert=alice";
        call.time = at(100s).wall;
        call.counters = counters;
        call.node = view;
        return rpcutil.run(call, {});
    }
};

const Value& field(const ActionReply& reply, std::string_view name) {
    const auto found = reply.data.find(name);
    REQUIRE_MESSAGE(found != reply.data.end(), name);
    return found->second;
}

TEST_CASE("every action of the DDL is implemented and answers every output the DDL declares") {
    Node node;
    CHECK(node.schema.actions.size() == 9);
    for (const auto& action : node.schema.actions) {
        const auto reply = node.run(action.name, {{"fact", "country"},
                                                  {"facts", "country"},
                                                  {"item", "identity"},
                                                  {"source", "collective"},
                                                  {"query", "uk"}});
        CHECK_MESSAGE(reply.status == proto::StatusCode::ok, action.name);
        for (const auto& output : action.outputs) {
            if (output.name == "facts_problem") continue;  // only where there is one
            CHECK_MESSAGE(reply.data.contains(output.name), action.name << "." << output.name);
        }
    }
}

TEST_CASE("collective_info tells the collectives") {
    Node node;
    CHECK(node.run("collective_info").data ==
          Value::Map{{"main_collective", "mcollective"}, {"collectives", Value::List{"mcollective", "uk"}}});
}

TEST_CASE("inventory tells what filters can ask for, and whether the fact files are broken") {
    Node node;
    auto reply = node.run("inventory");
    CHECK(field(reply, "agents") == Value::List{"discovery", "rpcutil"});
    CHECK(field(reply, "classes") == Value::List{"httpd", "common::linux"});
    CHECK(field(reply, "facts") == node.view->traits.facts);
    CHECK(field(reply, "version") == MCO_VERSION);
    CHECK(field(reply, "data_plugins") == Value::List{"agent_data", "collective_data", "fact_data", "fstat_data",
                                                         "nettest_data", "nrpe_data", "package_data", "process_data",
                                                         "puppet_data", "resource_data", "service_data",
                                                         "sysctl_data"});
    CHECK_FALSE(reply.data.contains("facts_problem"));
    node.view->facts_problem = "facts.yaml: line 3";
    reply = node.run("inventory");
    CHECK(field(reply, "facts_problem") == "facts.yaml: line 3");
}

TEST_CASE("facts are found literally, by path, or not at all") {
    Node node;
    CHECK(node.run("get_fact", {{"fact", "country"}}).data == Value::Map{{"fact", "country"}, {"value", "us"}});
    CHECK(field(node.run("get_fact", {{"fact", "os.family"}}), "value") == "Debian");
    CHECK(field(node.run("get_fact", {{"fact", "a.b"}}), "value") == "literal");
    CHECK(field(node.run("get_fact", {{"fact", "roles"}}), "value") == Value::List{"web", "db"});
    const auto missing = node.run("get_fact", {{"fact", "nosuch"}});
    CHECK(missing.status == proto::StatusCode::ok);
    CHECK(field(missing, "value").is_null());
    CHECK(node.run("get_facts", {{"facts", "country, roles.1 ,nosuch,"}}).data ==
          Value::Map{{"values", Value::Map{{"country", "us"}, {"roles.1", "db"}, {"nosuch", Value()}}}});
}

TEST_CASE("daemon_stats tells the daemon's real numbers") {
    Node node;
    const auto reply = node.run("daemon_stats");
    CHECK(field(reply, "pid") == static_cast<std::int64_t>(::getpid()));
    CHECK(field(reply, "total") == 62);
    CHECK(field(reply, "validated") == 61);
    CHECK(field(reply, "unvalidated") == 1);
    CHECK(field(reply, "passed") == 60);
    CHECK(field(reply, "filtered") == 2);
    CHECK(field(reply, "ttlexpired") == 3);
    CHECK(field(reply, "replies") == 59);
    CHECK(field(reply, "configfile") == "/etc/mco/mcod.conf");
    CHECK(field(reply, "starttime") == static_cast<std::int64_t>(1'800'000'000));
    REQUIRE(field(reply, "threads").list() != nullptr);
    CHECK(field(reply, "threads").list()->size() >= 1);
    for (const auto* time : {"utime", "stime", "cutime", "cstime"}) {
        const auto* value = field(reply, "times").find(time);
        REQUIRE_MESSAGE(value != nullptr, time);
        CHECK_MESSAGE(value->real() != nullptr, time);
    }
}

TEST_CASE("agent_inventory tells each agent's metadata") {
    Node node;
    const auto reply = node.run("agent_inventory");
    const auto* agents = field(reply, "agents").list();
    REQUIRE(agents != nullptr);
    REQUIRE(agents->size() == 1);
    CHECK(*agents->front().find("agent") == "rpcutil");
    CHECK(*agents->front().find("timeout") == 10);
    for (const auto* name : {"license", "description", "name", "url", "version", "author"})
        CHECK_MESSAGE(agents->front().find(name) != nullptr, name);
}

TEST_CASE("get_config_item tells what may be told and fails for everything else") {
    Node node;
    CHECK(node.run("get_config_item", {{"item", "loglevel"}}).data ==
          Value::Map{{"item", "loglevel"}, {"value", "info"}});
    const auto reply = node.run("get_config_item", {{"item", "secret_keys"}});
    CHECK(reply.status == proto::StatusCode::aborted);
    CHECK(reply.message == "Unknown config property secret_keys");
    CHECK(reply.data.empty());
}

TEST_CASE("get_data asks the data sources there are") {
    Node node;
    CHECK(node.run("get_data", {{"source", "collective"}, {"query", "uk"}}).data == Value::Map{{"member", true}});
    CHECK(node.run("get_data", {{"source", "agent"}, {"query", "nosuch"}}).status == proto::StatusCode::aborted);
    const auto unknown = node.run("get_data", {{"source", "nosuch"}});
    CHECK(unknown.status == proto::StatusCode::aborted);
    CHECK(unknown.message == "Unknown data source nosuch");
}

TEST_CASE("both pings tell the time of the request by this node's clock") {
    Node node;
    CHECK(node.run("ping").data == Value::Map{{"pong", static_cast<std::int64_t>(1'800'000'100)}});
    Call call;
    call.time = at(100s).wall;
    call.node = node.view;
    CHECK(Discovery().run(call, {}).data == Value::Map{{"pong", static_cast<std::int64_t>(1'800'000'100)}});
    node.view->facts_problem = "/etc/mco/facts.yaml: line 2";
    CHECK(Discovery().run(call, {}).data == Value::Map{{"facts_broken", true}, {"pong", static_cast<std::int64_t>(1'800'000'100)}});
}

}  // namespace
}  // namespace mco::node
