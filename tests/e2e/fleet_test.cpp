// No command waits for a timer: a request ends when every node is accounted for, and says who is missing and why.

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

#include <signal.h>

#include <doctest/doctest.h>

namespace mco::test {
namespace {

using namespace std::chrono_literals;

std::vector<NodeTraits> five() {
    auto nodes = Fleet::acceptance_nodes();
    nodes.push_back({"db2", "country: uk\nuptime_days: 3\n", {"mysql"}});
    nodes.push_back({"cache1", "country: de\nuptime_days: 4\n", {"redis"}});
    return nodes;
}

// Each round is a whole command that ends by itself; the mesh is whole again within some of them.
void all_five_answer(Fleet& fleet) {
    for (int attempt = 0;; ++attempt) {
        const auto ping = fleet.mco({"ping"});
        if (ping.status == 0 && has(ping.out, "5 replies")) return;
        REQUIRE_MESSAGE(attempt < 200, ping.out << ping.err << fleet.logs());
    }
}

TEST_CASE("with all nodes healthy the discovery timeout changes nothing") {
    Fleet fleet(five());
    for (const char* timeout : {"1", "60"}) {
        const auto ping = fleet.mco({"ping", "--dt", timeout});
        CHECK(ping.status == 0);
        CHECK_MESSAGE(has(ping.out, "5 replies"), ping.out << ping.err);
        CHECK_MESSAGE(ping.took < 3s, timeout);  // far below 60 s on the slowest machine
        const auto rpc = fleet.mco({"rpc", "rpcutil", "ping", "--dt", timeout});
        CHECK(rpc.status == 0);
        CHECK(rpc.took < 3s);
    }
}

TEST_CASE("a killed node is named without waiting for the deadline") {
    Fleet fleet(five());
    fleet.node("db2").kill();
    const auto ping = fleet.mco({"ping", "-t", "60"});
    CHECK(ping.took < 10s);
    CHECK_MESSAGE(has(ping.out, "4 replies"), ping.out << ping.err);
    CHECK_MESSAGE(has(ping.out + ping.err, "db2"), ping.out << ping.err);
    CHECK(ping.status == 5);
    SUBCASE("and answers again when it is restarted") {
        fleet.restart("db2");
        all_five_answer(fleet);  // ready means linked to its seed; the others dial it again within their back-off
    }
}

TEST_CASE("a frozen node is named with a reason while the others answer at once") {
    Fleet fleet(five());
    REQUIRE(fleet.node("db2").signal(SIGSTOP));
    const auto ping = fleet.mco({"ping", "-t", "60"});
    CHECK(ping.took < 10s);
    CHECK_MESSAGE(has(ping.out, "4 replies"), ping.out << ping.err);
    CHECK_MESSAGE(has(ping.out + ping.err, "db2"), ping.out << ping.err);
    CHECK(ping.status == 5);
    REQUIRE(fleet.node("db2").signal(SIGCONT));
    all_five_answer(fleet);
}

TEST_CASE("the entry frozen or killed: the spare answers") {
    Fleet fleet(five());
    SUBCASE("frozen") { REQUIRE(fleet.node("web1").signal(SIGSTOP)); }
    SUBCASE("killed") { fleet.node("web1").kill(); }
    const auto ping = fleet.mco({"ping", "-t", "60"});
    CHECK_MESSAGE(has(ping.out, "4 replies"), ping.out << ping.err << fleet.logs());
    CHECK(ping.took < 20s);
    CHECK(ping.status == 5);
}

TEST_CASE("the first node, killed and restarted, finds the mesh again through its own seed") {
    auto nodes = five();
    Fleet fleet(nodes);
    // The others keep dialling their seed: no line of the first node's configuration names anybody.
    fleet.restart("web1");
    all_five_answer(fleet);
}

TEST_CASE("a node that stops on purpose is not missed") {
    Fleet fleet(five());
    REQUIRE(fleet.node("db2").signal(SIGTERM));
    REQUIRE(fleet.node("db2").wait() == 0);
    const auto ping = fleet.mco({"ping"});
    CHECK_MESSAGE(has(ping.out, "4 replies"), ping.out << ping.err);
    CHECK(!has(ping.out + ping.err, "db2"));
    CHECK(ping.status == 0);
}

}  // namespace
}  // namespace mco::test
