// A fleet that is larger than a full mesh: relays and leaves on real processes, and what happens when a relay dies.

#include <signal.h>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using Kind = NodeTraits::Kind;

// 24 daemons: 22 that are what the group needs, one that always relays, and one that never does; of the former one that
// only dials.
std::vector<NodeTraits> two_dozen() {
    auto nodes = Fleet::plain("n", 21);
    for (auto& one : Fleet::plain("edge", 1, {.kind = Kind::dial_only})) nodes.push_back(std::move(one));
    for (auto& one : Fleet::plain("relay", 1, {.extra = "relay = always\n"})) nodes.push_back(std::move(one));
    for (auto& one : Fleet::plain("leaf", 1, {.extra = "relay = never\n"})) nodes.push_back(std::move(one));
    return nodes;
}

// Each round is a whole command that ends by itself; the mesh is whole within some of them.
Finished until_whole(Fleet& fleet, std::size_t nodes, const std::map<std::string, std::string>& as = {}) {
    for (int attempt = 0;; ++attempt) {
        auto ping = fleet.mco({"ping"}, as);
        if (ping.status == 0 && has(ping.out, fmt::format("{} replies", nodes))) return ping;
        REQUIRE_MESSAGE(attempt < 200, ping.out << ping.err << fleet.logs());
    }
}

TEST_CASE("of two dozen nodes all answer, whatever the entry is; a killed relay is named, and nothing else is lost") {
    auto nodes = two_dozen();
    std::vector<std::string> names;
    for (const auto& one : nodes) names.push_back(one.name);
    Fleet fleet(std::move(nodes));

    const auto whole = until_whole(fleet, names.size());
    for (const auto& name : names) CHECK_MESSAGE(has(whole.out, name + " "), name);
    const auto by_leaf = fleet.mco({"ping"}, fleet.entering_by({"leaf1"}));
    CHECK_MESSAGE(by_leaf.status == 0, by_leaf.out << by_leaf.err);
    CHECK_MESSAGE(has(by_leaf.out, "24 replies"), by_leaf.out << by_leaf.err);
    const auto edge = fleet.mco({"rpc", "rpcutil", "ping", "-I", "edge1"});
    CHECK_MESSAGE(edge.status == 0, edge.out << edge.err);

    fleet.node("relay1").kill();
    const auto ping = fleet.mco({"ping", "-t", "60"}, fleet.entering_by({"n1", "n2"}));
    CHECK_MESSAGE(ping.status == 5, ping.out << ping.err);
    CHECK_MESSAGE(has(ping.out, "23 replies"), ping.out << ping.err << fleet.logs());
    CHECK_MESSAGE(has(ping.out + ping.err, "relay1"), ping.out << ping.err);
    CHECK(ping.took < 10s);

    fleet.restart("relay1");
    until_whole(fleet, names.size());
}

}  // namespace
}  // namespace mco::test
