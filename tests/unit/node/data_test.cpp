#include "node/data.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "node/data/sources.hpp"
#include "proto/schema_library.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using proto::Value;
using test::at;

struct Node {
    test::Libdir libdir;
    std::shared_ptr<const DataSources> sources = libdir.data();
    Call call;

    Node() {
        auto view = std::make_shared<NodeView>();
        view->traits.collectives = {"mcollective", "uk"};
        view->traits.facts = Value::Map{{"roles", Value::List{"web", "db"}}, {"os", Value::Map{{"family", "Debian"}}}};
        view->schemas = {std::make_shared<const proto::AgentSchema>(
            *proto::SchemaLibrary({libdir.path()}).load("rpcutil"))};
        call.node = view;
        call.time = at(100s).wall;
    }
    proto::Result<Value::Map> ask(std::string_view source, const std::string& query) const {
        return sources->look_up(call, source, query, {});
    }
    Value output(std::string_view source, const std::string& query, const std::string& name) const {
        auto outputs = ask(source, query);
        REQUIRE_MESSAGE(outputs.has_value(), outputs.error().detail);
        REQUIRE_MESSAGE(outputs->contains(name), name);
        return (*outputs)[name];
    }
};

TEST_CASE("a node tells of its agents, collectives and facts") {
    const Node node;
    CHECK(node.output("collective", "uk", "member") == true);
    CHECK(node.output("collective", "de", "member") == false);
    CHECK(*node.ask("fact", "os.family") ==
          Value::Map{{"exists", true}, {"value", "Debian"}, {"value_encoding", "text/plain"}});
    CHECK(*node.ask("fact", "roles") ==
          Value::Map{{"exists", true}, {"value", R"(["web","db"])"}, {"value_encoding", "application/json"}});
    CHECK(node.output("fact", "roles.1", "value") == "db");
    CHECK(*node.ask("fact", "roles.5") ==
          Value::Map{{"exists", false}, {"value", false}, {"value_encoding", false}});
    CHECK(node.output("agent", "rpcutil", "timeout") == 10);
    CHECK(node.ask("agent", "nosuch").error().code == proto::Errc::not_found);
}

TEST_CASE("fstat looks at files, folders, links and nothing") {
    const Node node;
    const test::TempDir dir;
    const auto file = dir.write("file", "12345");
    CHECK(node.output("fstat", file, "output") == "present");
    CHECK(node.output("fstat", file, "size") == 5);
    CHECK(node.output("fstat", file, "type") == "file");
    CHECK(node.output("fstat", dir.path(), "type") == "directory");
    std::filesystem::create_symlink(file, dir / "link");
    CHECK(node.output("fstat", dir / "link", "type") == "symlink");
    CHECK(node.output("fstat", dir / "nosuch", "present") == 0);
    CHECK(node.output("fstat", dir / "nosuch", "type") == "unknown");  // a default of the DDL
    CHECK(node.output("fstat", dir / "nosuch", "mtime").is_null());
}

TEST_CASE("sysctl reads numbers and words, and never outside its folder") {
    const test::TempDir dir;
    dir.write("vm/swappiness", "60\n");
    dir.write("net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
    dir.write("kernel/hostname", "web1\n");
    const auto value = [&](const std::string& name) { return (*data::sysctl_in(dir.path(), name))["value"]; };
    CHECK(value("vm.swappiness") == 60);
    CHECK(value("net.ipv4.tcp_rmem") == "4096 131072 6291456");
    CHECK(value("kernel.hostname") == "web1");
    CHECK(value("vm.nosuch") == "");
    CHECK(value("vm") == "");
    dir.write("secret", "x");
    CHECK((*data::sysctl_in(dir / "vm", "...secret"))["value"] == "");
    CHECK((*data::sysctl_in(dir / "vm", "/secret"))["value"] == "");
}

TEST_CASE("resource reads what Puppet left behind") {
    const test::TempDir dir;
    CHECK(!data::resource_in(dir.path(), "", at(0s).wall));
    dir.write("last_run_summary.yaml",
              "---\nversion:\n  config: 1700000001\nresources:\n  changed: 2\n  failed: 1\n  total: 80\n  out_of_sync: 3\n"
              "time:\n  total: 4.25\n  config_retrieval: 1.5\n  last_run: 1799999990\n");
    dir.write("resources.txt", "file[/etc/motd]\nservice[ssh]\n");
    auto outputs = data::resource_in(dir.path(), "File[/etc/motd]", at(0s).wall);
    REQUIRE(outputs.has_value());
    CHECK((*outputs)["managed"] == true);
    CHECK((*outputs)["changed_resources"] == 2);
    CHECK((*outputs)["corrected_resources"] == -1);
    CHECK((*outputs)["total_time"] == 4.25);
    CHECK((*outputs)["since_lastrun"] == 10);
    CHECK((*outputs)["config_version"] == "1700000001");
    CHECK((*data::resource_in(dir.path(), "file[/etc/MOTD]", at(0s).wall))["managed"] == false);
    dir.write("last_run_summary.yaml", "{");
    CHECK(!data::resource_in(dir.path(), "", at(0s).wall));
}

TEST_CASE("a question is checked against the DDL before a source sees it") {
    const Node node;
    for (const auto& [source, query] :
         {std::pair{"fstat", ""}, std::pair{"sysctl", "vm/swappiness"}, std::pair{"agent", "a-b"}}) {
        const auto refused = node.ask(source, query);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == proto::Errc::invalid);
    }
    CHECK(!node.ask("fstat", std::string(121, 'x')));
    CHECK(node.ask("nosuch", "x").error().detail == "Unknown data source nosuch");
}

TEST_CASE("a source without its DDL is missed by name") {
    const test::TempDir empty;
    std::vector<std::string> problems;
    const auto sources = DataSources::load({empty.path()}, problems);
    CHECK(sources.all().empty());
    CHECK(problems.size() == 12);
    CHECK(problems.front().find("\"agent\"") != std::string::npos);
}

constexpr std::string_view moon_ddl =
    R"({"metadata": {"name": "moon", "description": "d", "author": "a", "license": "l", "version": "1", "url": "",
        "timeout": 2, "provider": "external"},
       "query": {"prompt": "p", "description": "d", "type": "string", "validation": ".", "optional": false, "maxlength": 0},
       "output": {"phase": {"description": "d", "display_as": "Phase"},
                  "age": {"description": "d", "display_as": "Age", "default": -1}}})";

TEST_CASE("a program beside its DDL is a data source, called as the contract of external agents says") {
    const Node node;
    node.libdir.write_data("moon", moon_ddl);
    const auto folder = node.libdir.path() / "mcollective/data";
    const auto load = [&](const std::string& script, std::filesystem::perms mode = std::filesystem::perms::owner_all) {
        std::ofstream(folder / "moon") << "#!/bin/sh\n" << script;
        std::filesystem::permissions(folder / "moon", mode);
        std::vector<std::string> problems;
        return std::pair(DataSources::load({node.libdir.path()}, problems), problems);
    };
    const auto ask = [&](const std::string& script) {
        const auto [sources, problems] = load(script);
        REQUIRE(problems.empty());
        return sources.look_up(node.call, "moon", "to'night", {});
    };
    const auto outputs = ask(
        "grep -q '\"query\":\"to.night\"' \"$1\" && grep -q '\"source\":\"moon\"' \"$CHORIA_EXTERNAL_REQUEST\" || exit 4\n"
        "grep -q Debian \"$CHORIA_EXTERNAL_FACTS\" || exit 5\n"
        "[ \"$3\" = \"$CHORIA_EXTERNAL_PROTOCOL\" ] && [ -z \"$HOME\" ] || exit 6\n"
        "echo noise\necho '{\"statuscode\": 0, \"statusmsg\": \"OK\", \"data\": {\"phase\": \"full\"}}' > \"$2\"\n");
    REQUIRE_MESSAGE(outputs.has_value(), outputs.error().detail);
    CHECK(*outputs == Value::Map{{"phase", "full"}, {"age", -1}});

    CHECK(ask("echo '{\"statuscode\": 1, \"statusmsg\": \"clouds\"}' > $2\n").error().detail.ends_with("clouds"));
    CHECK(ask("exit 7\n").error().detail.ends_with("it exited with status 7"));
    CHECK(ask("echo '{\"statuscode\": 0' > $2\n").error().detail.find("no JSON") != std::string::npos);
    CHECK(ask("true\n").error().code == proto::Errc::malformed);
    CHECK(ask("echo '{\"data\": 3}' > $2\n").error().code == proto::Errc::malformed);

    const auto problem = [&](std::filesystem::perms mode) {
        const auto [sources, problems] = load("true\n", mode);
        CHECK(sources.find("moon") == nullptr);
        REQUIRE(problems.size() == 1);
        return problems.front();
    };
    CHECK(problem(std::filesystem::perms::owner_read).find("not executable") != std::string::npos);
    CHECK(problem(std::filesystem::perms::all).find("nobody else") != std::string::npos);
    std::filesystem::remove(folder / "moon");
    std::vector<std::string> problems;
    DataSources::load({node.libdir.path()}, problems);
    CHECK(problems.size() == 1);
}

}  // namespace
}  // namespace mco::node
