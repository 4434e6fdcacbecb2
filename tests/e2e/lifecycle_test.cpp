// A daemon's life: it says when it is ready, reloads without dropping the mesh, and ends in good order.

#include <signal.h>

#include <fstream>

#include <doctest/doctest.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("facts and classes take effect on the next request") {
    Fleet fleet(Fleet::acceptance_nodes());
    CHECK(fleet.mco({"find", "-F", "country=de"}).out.empty());
    fleet.dir().write("db1/facts.yaml", "country: de\nweight: 1\n");
    CHECK(fleet.mco({"find", "-F", "country=de"}).out == "db1\n");
    fleet.dir().write("db1/classes.txt", "nginx\nadded::later\n");
    CHECK(fleet.mco({"find", "-C", "nginx"}).out == "db1\n");
}

TEST_CASE("a broken facts file keeps the last good facts and is reported in the inventory") {
    Fleet fleet(Fleet::acceptance_nodes());
    fleet.dir().write("db1/facts.yaml", "country: [unclosed\n");
    CHECK(fleet.mco({"find", "-F", "country=uk"}).out == "db1\n");
    const auto inventory = fleet.mco({"inventory", "db1"});
    CHECK_MESSAGE(has(inventory.out + inventory.err, "facts.yaml"), inventory.out << inventory.err);
}

TEST_CASE("SIGHUP reads the policies again without dropping the mesh") {
    Fleet fleet(Fleet::acceptance_nodes());
    CHECK(fleet.mco({"rpc", "rpcutil", "ping"}).status == 0);
    fleet.dir().write("db1/policies/rpcutil.policy", "policy default deny\n");
    REQUIRE(fleet.node("db1").signal(SIGHUP));
    for (int attempt = 0; fleet.mco({"rpc", "rpcutil", "ping"}).status != 2;
         ++attempt)  // the signal is taken between two requests
        REQUIRE_MESSAGE(attempt < 50, fleet.logs());
    CHECK(has(fleet.mco({"ping"}).out, "3 replies"));
    SUBCASE("a broken one keeps the old") {
        fleet.dir().write("web1/policies/rpcutil.policy", "allow cert=operator without tabs\n");
        REQUIRE(fleet.node("web1").signal(SIGHUP));
        const auto one = fleet.mco({"rpc", "rpcutil", "ping", "-I", "web1"});
        CHECK_MESSAGE(one.status == 0, one.out << one.err << fleet.logs());
    }
}

TEST_CASE("SIGTERM ends a daemon with status 0") {
    Fleet fleet(Fleet::acceptance_nodes());
    REQUIRE(fleet.node("web2").signal(SIGTERM));
    CHECK(fleet.node("web2").wait(20s) == 0);
}

TEST_CASE("counters grow by exactly what was asked") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto first = fleet.mco({"rpc", "rpcutil", "daemon_stats", "-I", "db1", "-j"});
    for (int i = 0; i < 3; ++i) CHECK(fleet.mco({"ping"}).status == 0);
    const auto second = fleet.mco({"rpc", "rpcutil", "daemon_stats", "-I", "db1", "-j"});
    const auto total = [](const std::string& json) {
        const auto at = json.find("\"total\":");
        REQUIRE_MESSAGE(at != std::string::npos, json);
        return std::stoll(json.substr(at + 8));
    };
    CHECK(total(second.out) - total(first.out) == 4);  // three pings and the second question itself
}

TEST_CASE("a node whose seeds are all down is ready without them") {
    auto nodes = Fleet::acceptance_nodes();
    nodes[1].extra += "seed_timeout = 0\n";
    Fleet fleet(nodes);
    REQUIRE(fleet.node(nodes[0].name).signal(SIGKILL));
    CHECK(fleet.node(nodes[0].name).wait(20s).has_value());
    fleet.restart(nodes[1].name);
    CHECK_MESSAGE(has(fleet.logs(), "ready without"), fleet.logs());
}

}  // namespace
}  // namespace mco::test
