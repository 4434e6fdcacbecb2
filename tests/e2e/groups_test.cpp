// Two sites: nodes that reach nobody but the proxies of their own site, and nodes elsewhere.

#include <signal.h>

#include <functional>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using Kind = NodeTraits::Kind;

// dc1: three nodes. dc2: two proxies that know dc1 and each other, and three nodes that only dial them.
std::vector<NodeTraits> two_sites(const std::string& of_proxies = {}, const std::string& of_all = {}) {
    const std::string at_home = "group = dc1\n" + of_all, away = "group = dc2\n" + of_all;
    auto nodes = Fleet::plain("home", 3, {.extra = at_home});
    nodes.push_back({.name = "proxy1", .extra = away + of_proxies, .kind = Kind::proxy});
    nodes.push_back({.name = "proxy2", .extra = away + of_proxies, .kind = Kind::proxy, .seeds = {"home1", "proxy1"}});
    for (auto& one : Fleet::plain("away", 3, {.extra = away, .kind = Kind::dial_only, .seeds = {"proxy1", "proxy2"}}))
        nodes.push_back(std::move(one));
    return nodes;
}

Finished until_whole(Fleet& fleet, std::string_view replies, const std::map<std::string, std::string>& as = {}) {
    for (int attempt = 0;; ++attempt) {
        auto ping = fleet.mco({"ping"}, as);
        if (ping.status == 0 && has(ping.out, replies)) return ping;
        REQUIRE_MESSAGE(attempt < 200, ping.out << ping.err << fleet.logs());
    }
}

TEST_CASE("nodes behind proxies answer from another site, by either side's entry, also after a proxy died") {
    Fleet fleet(two_sites());
    const auto whole = until_whole(fleet, "6 replies", fleet.entering_by({"home1"}));
    for (const auto* name : {"home1", "home2", "home3", "away1", "away2", "away3"})
        CHECK_MESSAGE(has(whole.out, std::string(name) + " "), name);
    CHECK(!has(whole.out, "proxy"));
    until_whole(fleet, "6 replies", fleet.entering_by({"proxy1", "proxy2"}));

    // One proxy dies: the other serves its site, and nobody is missed, for no request is for a proxy.
    fleet.node("proxy1").kill();
    until_whole(fleet, "6 replies", fleet.entering_by({"home1"}));
    // It comes back, the other dies: the children are with it again.
    fleet.restart("proxy1");
    fleet.node("proxy2").kill();
    until_whole(fleet, "6 replies", fleet.entering_by({"home1"}));
}

TEST_CASE("a proxy that stops on purpose leaves its nodes to the other") {
    Fleet fleet(two_sites());
    until_whole(fleet, "6 replies", fleet.entering_by({"home1"}));
    REQUIRE(fleet.node("proxy1").signal(SIGHUP));
    REQUIRE(fleet.node("proxy1").signal(SIGTERM));
    CHECK(fleet.node("proxy1").wait() == 0);
    CHECK_MESSAGE(has(fleet.logs(), "mco-proxy["), fleet.logs());
    until_whole(fleet, "6 replies", fleet.entering_by({"home1"}));
}

TEST_CASE("a site whose proxies were all restarted misses the other site at once, and does not forget it") {
    Fleet fleet(two_sites());
    until_whole(fleet, "6 replies", fleet.entering_by({"proxy1"}));
    for (const auto* name : {"proxy1", "proxy2"}) {
        REQUIRE(fleet.node(name).signal(SIGTERM));
        CHECK(fleet.node(name).wait() == 0);
    }
    fleet.restart("proxy2");
    const auto first = fleet.mco({"ping"}, fleet.entering_by({"proxy2"}));
    const auto told = first.out + first.err;
    // It answers, or it is named: as a whole, or one by one.
    CHECK_MESSAGE((has(told, "dc1 (3 nodes)") || (has(told, "home1") && has(told, "home2") && has(told, "home3"))), told);
    for (const auto* name : {"away1", "away2", "away3"}) CHECK_MESSAGE(has(told, name), told);
    fleet.restart("proxy1");
    until_whole(fleet, "6 replies", fleet.entering_by({"proxy2"}));
}

// The operator may ask the agent mesh of these nodes.
void allow_mesh(Fleet& fleet, const std::vector<std::string>& nodes) {
    for (const auto& name : nodes) {
        fleet.dir().write(name + "/policies/mesh.policy", "policy default deny\nallow\tcert=operator\t*\t*\t*\n");
        REQUIRE(fleet.node(name).signal(SIGHUP));
    }
}

Finished until(Fleet& fleet, std::vector<std::string> words, const std::map<std::string, std::string>& as,
               const std::function<bool(const Finished&)>& good) {
    for (int attempt = 0;; ++attempt) {
        auto ran = fleet.mco(words, as);
        if (good(ran)) return ran;
        REQUIRE_MESSAGE(attempt < 200, ran.out << ran.err << fleet.logs());
    }
}

TEST_CASE("the way of a request across two sites, links that were lost, and what was counted") {
    Fleet fleet(two_sites());
    const auto entry = fleet.entering_by({"home1"});
    until_whole(fleet, "6 replies", entry);
    allow_mesh(fleet, {"home1", "home2", "home3", "away1", "away2", "away3"});

    const auto trace = until(fleet, {"mesh", "trace"}, entry, [](const Finished& ran) { return ran.status == 0; });
    INFO(trace.out);
    const std::string at_home = "client -> home1 \\((gateway|relay) of dc1, [0-9.]+ ms", ms = "([0-9.]+ ms|not measured)",
                      took = "(, by link)?, took [0-9.]+ ms\\)\n";
    const auto found = [&](const std::string& pattern) { return std::regex_search(trace.out, std::regex(pattern)); };
    CHECK(found("(^|\n)home1 +[0-9.]+ ms   " + at_home + ", took [0-9.]+ ms\\)\n"));
    for (const std::string name : {"home2", "home3"})
        CHECK_MESSAGE(found("\n" + name + " +[0-9.]+ ms   " + at_home + "\\) -> " + name + " \\((gateway|relay), " + ms +
                            took),
                      name);
    // Which proxy accounts for the site is chosen anew for each request; how it came to the other, no node knows.
    for (const std::string name : {"away1", "away2", "away3"})
        CHECK_MESSAGE(found("(^|\n)" + name + " +[0-9.]+ ms   " + at_home +
                            "\\)( -> \\?| -> home[23] \\(gateway, [^)]*\\))? -> proxy[12] \\(proxy of dc2(, " + ms +
                            ")?\\) -> " + name + " \\(leaf, " + ms + took),
                      name);
    const auto one = fleet.mco({"mesh", "trace", "-I", "away1", "-j"}, entry);
    CHECK(one.status == 0);
    CHECK_MESSAGE(std::regex_search(one.out, std::regex("\"hops\":\\[\\{[^}]*\"to\":\"home1\"[^}]*\\},\\{[^}]*\"to\":null")),
                  one.out);

    // A proxy comes and goes: its peers count that.
    fleet.node("proxy1").kill();
    until_whole(fleet, "6 replies", entry);
    fleet.restart("proxy1");
    until(fleet, {"mesh"}, entry, [](const Finished& ran) {
        return ran.status == 0 && std::regex_search(ran.out, std::regex("proxy1 .*seen .* ago.* lost [0-9]+ times?, up for"));
    });
    CHECK(std::regex_search(fleet.mco({"mesh", "-j"}, entry).out, std::regex("\"flaps\":[1-9]")));
    CHECK(std::regex_search(fleet.mco({"mesh", "--dot"}, entry).out, std::regex("label=\"[^\"]*lost [1-9][0-9]*x\"")));

    Finished counters;
    until(fleet, {"mesh", "counters"}, entry, [&](const Finished& ran) {  // the other site may not be told of yet
        counters = ran;
        return ran.status == 0 && std::regex_search(ran.out, std::regex("\nsocket\\.frames_in +[1-9][0-9]* +6   "));
    });
    CHECK_MESSAGE(std::regex_search(counters.out, std::regex("\nsocket\\.dials +[1-9][0-9]* +[1-6]   (home|away)[123]: ")),
                  counters.out);
    CHECK_MESSAGE(std::regex_search(counters.out, std::regex("\nmesh\\.member_down +[1-9]")), counters.out);
    CHECK(!has(counters.out, "socket.forged"));
}

TEST_CASE("a confined collective is asked within its site only") {
    const std::string joined = "collectives = mcollective, payroll\n";
    Fleet fleet(two_sites("confine = payroll\n", joined));
    until_whole(fleet, "6 replies", fleet.entering_by({"home1"}));
    const auto config = fleet.dir().write("payroll.cfg", [&] {
        const auto entries = fleet.entering_by({"proxy1", "proxy2"}).at("MCO_CONFIG");
        const auto text = run({.argv = {"/bin/cat", entries}}).out;
        return text + joined;
    }());
    const auto within = fleet.mco({"ping", "-T", "payroll"}, {{"MCO_CONFIG", config.string()}});
    CHECK_MESSAGE(within.status == 0, within.out << within.err);
    CHECK_MESSAGE(has(within.out, "3 replies"), within.out << within.err);
    CHECK(!has(within.out, "home"));
}

}  // namespace
}  // namespace mco::test
