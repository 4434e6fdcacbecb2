#include "node/registry.hpp"

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "node/agents/discovery.hpp"
#include "node/agents/rpcutil.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using Names = std::vector<std::string>;

struct Agents {
    Discovery discovery;
    Rpcutil rpcutil;
    test::Probe probe;
    test::Libdir libdir;
    Registry registry{{&rpcutil, &probe, &discovery}};
};

TEST_CASE("agents with a DDL are active, in the order of their names") {
    Agents agents;
    CHECK(agents.registry.find("rpcutil") == nullptr);
    CHECK(agents.registry.load({agents.libdir.path()}, {}).empty());
    CHECK(agents.registry.names() == Names{"discovery", "probe", "rpcutil"});
    REQUIRE(agents.registry.find("probe") != nullptr);
    CHECK(agents.registry.find("probe")->schema->actions.size() == 2);
    CHECK(agents.registry.find("nosuch") == nullptr);
}

TEST_CASE("activation leaves out single agents, or leaves only single ones; discovery is never off") {
    Agents agents;
    agents.registry.load({agents.libdir.path()}, {.all = true, .single = {{"probe", false}}});
    CHECK(agents.registry.names() == Names{"discovery", "rpcutil"});
    agents.registry.load({agents.libdir.path()}, {.all = false, .single = {{"rpcutil", true}, {"discovery", false}}});
    CHECK(agents.registry.names() == Names{"discovery", "rpcutil"});
    agents.registry.load({agents.libdir.path()}, {.all = false, .single = {}});
    CHECK(agents.registry.names() == Names{"discovery"});
    CHECK(agents.registry.schemas().size() == 1);
}

TEST_CASE("an agent without a sound DDL is not loaded, and it is said why") {
    Agents agents;
    const test::TempDir empty;
    const auto missing = agents.registry.load({empty.path()}, {});
    CHECK(missing.size() == 3);
    CHECK(agents.registry.names().empty());

    agents.libdir.write("probe", "{");
    const auto broken = agents.registry.load({agents.libdir.path()}, {});
    REQUIRE(broken.size() == 1);
    CHECK(broken[0].find("probe.json") != std::string::npos);
    CHECK(agents.registry.names() == Names{"discovery", "rpcutil"});
}

TEST_CASE("a DDL that went bad while the daemon runs leaves the agent with the one it had") {
    Agents agents;
    REQUIRE(agents.registry.load({agents.libdir.path()}, {}).empty());
    agents.libdir.write("probe", "{");
    CHECK(agents.registry.load({agents.libdir.path()}, {}).size() == 1);
    REQUIRE(agents.registry.find("probe") != nullptr);
    CHECK(agents.registry.find("probe")->schema->find_action("look") != nullptr);
}

TEST_CASE("the libdir named first wins") {
    Agents agents;
    const test::Libdir first;
    first.write(
        "probe",
        R"({"metadata": {"name": "probe", "description": "other", "author": "a", "license": "l", "version": "2.0",
        "url": "u", "timeout": 3}, "actions": []})");
    REQUIRE(agents.registry.load({first.path(), agents.libdir.path()}, {}).empty());
    CHECK(agents.registry.find("probe")->schema->version == "2.0");
}

TEST_CASE("external agents stand beside built-in ones, whose names they cannot take") {
    Agents agents;
    REQUIRE(agents.registry.load({agents.libdir.path()}, {}).empty());
    struct Named final : Agent {
        explicit Named(std::string_view name) : name_(name) {}
        std::string_view name() const override { return name_; }
        ActionReply run(const Call&, std::stop_token) override { return {}; }
        Effect effect(std::string_view) const override { return Effect::changes; }
        std::string_view name_;
    };
    const auto schema = std::make_shared<const proto::AgentSchema>();
    agents.registry.set_external({{std::make_shared<Named>("uptime"), schema},
                                  {std::make_shared<Named>("abc"), schema},
                                  {std::make_shared<Named>("rpcutil"), schema}});
    CHECK(agents.registry.names() == Names{"abc", "discovery", "probe", "rpcutil", "uptime"});
    CHECK(agents.registry.schemas().size() == 5);
    CHECK(agents.registry.find("rpcutil")->agent.get() == &agents.rpcutil);
    const auto kept = *agents.registry.find("uptime");
    agents.registry.set_external({});
    CHECK(agents.registry.find("uptime") == nullptr);
    CHECK(kept.agent->name() == "uptime");  // a call in flight keeps it
}

TEST_CASE("the DDL of an external agent with a built-in one's name is passed over, and it is said") {
    Agents agents;
    const test::Libdir first;
    first.write("probe", R"({"metadata": {"name": "probe", "description": "d", "author": "a", "license": "l",
        "version": "9.0", "url": "u", "timeout": 3, "provider": "external"}, "actions": []})");
    const auto problems = agents.registry.load({first.path(), agents.libdir.path()}, {});
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].find("cannot be called \"probe\"") != std::string::npos);
    CHECK(agents.registry.find("probe")->schema->version != "9.0");
}

}  // namespace
}  // namespace mco::node
