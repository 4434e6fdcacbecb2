// mco mesh trace and mco mesh counters: what nodes say of one request and of themselves, put together.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "client/mesh_counters.hpp"
#include "client/mesh_trace.hpp"
#include "proto/text_file.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/client/paper_mesh.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using proto::Value;
using test::PaperConsole;
using test::PaperMesh;
using test::PaperNode;

Value hop(std::string name, double rtt_ms, std::string group = "dc1", bool proxy = false) {
    return Value::Map{{"name", std::move(name)},
                      {"group", std::move(group)},
                      {"proxy", proxy},
                      {"rtt_ms", rtt_ms == 0 ? Value() : Value(rtt_ms)}};
}
PaperNode traced(std::string name, std::string role, Value from, std::string way, std::string group = "dc1",
                 Value::List asked = {}) {
    PaperNode node;
    node.name = std::move(name);
    node.data = Value::Map{{"from", std::move(from)}, {"way", std::move(way)},   {"role", std::move(role)},
                           {"group", std::move(group)}, {"took_ms", 0.125}, {"asked", std::move(asked)}};
    return node;
}

// gw1 is the entry and asks dc2; rel2 serves web2 by fan-out and web3, which has not subscribed, by link.
std::vector<PaperNode> two_sites() {
    return {traced("gw1", "gateway", Value(), "client", "dc1", {hop("gw9", 12.4, "dc2")}),
            traced("rel2", "relay", hop("gw1", 0.41), "fanout"),
            traced("web2", "leaf", hop("rel2", 0.5), "fanout"),
            traced("web3", "leaf", hop("rel2", 0), "link"),
            traced("gw9", "gateway", hop("gw1", 12.5), "link", "dc2"),
            traced("web9", "leaf", hop("gw9", 0.3, "dc2"), "fanout", "dc2")};
}

struct Scene {
    explicit Scene(std::vector<PaperNode> nodes, std::string entry = "gw1")
        : mesh(std::move(nodes)), console(mesh, {{"tcp://127.0.0.1:1", {.name = std::move(entry)}}}) {
        const auto ddl = proto::read_text_file(MCO_SOURCE_DIR "/node/agents/mesh.json", 100'000);
        REQUIRE(ddl.has_value());
        mesh.dir().write("lib/mcollective/agent/mesh.json", *ddl);
    }
    PaperMesh mesh;
    PaperConsole console;
};

TEST_CASE("trace: a line a node, with every hop from the client on, its time, and the total") {
    Scene scene(two_sites());
    const auto ran = scene.console.run({"mesh", "trace"});
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    const std::string gw1 = "client -> gw1 (gateway of dc1, 1.00 ms", rel2 = gw1 + ") -> rel2 (relay, 0.41 ms";
    const std::string gw9 = gw1 + ") -> gw9 (gateway of dc2, 12.50 ms";
    CHECK(ran.out ==
          "gw1    2.00 ms   " + gw1 + ", took 0.12 ms)\n" +
          "gw9    2.00 ms   " + gw9 + ", took 0.12 ms)\n" +
          "rel2   2.00 ms   " + rel2 + ", took 0.12 ms)\n" +
          "web2   2.00 ms   " + rel2 + ") -> web2 (leaf, 0.50 ms, took 0.12 ms)\n" +
          "web3   2.00 ms   " + rel2 + ") -> web3 (leaf, not measured, by link, took 0.12 ms)\n" +
          "web9   2.00 ms   " + gw9 + ") -> web9 (leaf, 0.30 ms, took 0.12 ms)\n"
          "\n"
          "Finished processing 6 / 6 hosts in 2.00 ms\n"
          "\n");
}

TEST_CASE("trace: of relays that were not asked, what their children say, and ? for the rest") {
    Scene scene(two_sites());
    CHECK(has(scene.console.run({"mesh", "trace", "-I", "web2"}).out,
              "client -> gw1 (entry, 1.00 ms) -> ? -> rel2 (relay of dc1) -> web2 (leaf, 0.50 ms, took 0.12 ms)\n"));
    // The entry itself was not asked, and is all that lies between.
    CHECK(has(scene.console.run({"mesh", "trace", "-I", "rel2"}).out,
              "client -> gw1 (relay of dc1, 1.00 ms) -> rel2 (relay, 0.41 ms, took 0.12 ms)\n"));
    // The gateway knows whom it asked, and so how the request came there.
    CHECK(has(scene.console.run({"mesh", "trace", "-I", "gw1", "-I", "web9"}).out,
              "client -> gw1 (gateway of dc1, 1.00 ms) -> gw9 (gateway of dc2, 12.40 ms) -> web9 (leaf, 0.30 ms, took"));
    CHECK(has(scene.console.run({"mesh", "trace", "-I", "gw9"}).out,
              "client -> gw1 (gateway of dc1, 1.00 ms) -> gw9 (gateway of dc2, 12.50 ms, took"));
}

TEST_CASE("trace: proxies are named by who took the request from them, or gave it to them") {
    Scene scene({traced("home1", "gateway", Value(), "client", "dc1", {hop("proxy1", 9.5, "dc2", true)}),
                 traced("away1", "leaf", hop("proxy1", 0.5, "dc2", true), "fanout", "dc2"),
                 traced("away2", "leaf", hop("proxy2", 0.6, "dc2", true), "fanout", "dc2")},
                "home1");
    const auto ran = scene.console.run({"mesh", "trace"});
    CHECK(has(ran.out, "client -> home1 (gateway of dc1, 1.00 ms) -> proxy1 (proxy of dc2, 9.50 ms) -> "
                       "away1 (leaf, 0.50 ms, took 0.12 ms)\n"));
    CHECK(has(ran.out, "client -> home1 (gateway of dc1, 1.00 ms) -> ? -> proxy2 (proxy of dc2) -> away2 (leaf, 0.60"));
    // Two gateways asked it, because one of them was thought lost: that is not decided here.
    Scene twice({traced("home1", "gateway", Value(), "client", "dc1", {hop("proxy1", 9.5, "dc2", true)}),
                 traced("home2", "gateway", hop("home1", 0.4), "fanout", "dc1", {hop("proxy1", 9.6, "dc2", true)}),
                 traced("away1", "leaf", hop("proxy1", 0.5, "dc2", true), "fanout", "dc2")},
                "home1");
    CHECK(has(twice.console.run({"mesh", "trace"}).out, " -> ? -> proxy1 (proxy of dc2) -> away1 (leaf, 0.50 ms"));
    Scene by_proxy({traced("away1", "leaf", hop("proxy1", 0.5, "dc2", true), "fanout", "dc2")}, "proxy1");
    CHECK(has(by_proxy.console.run({"mesh", "trace"}).out,
              "client -> proxy1 (proxy of dc2, 1.00 ms) -> away1 (leaf, 0.50 ms, took 0.12 ms)\n"));
}

TEST_CASE("trace: many nodes make a tree, with one row for what ways have in common") {
    auto nodes = two_sites();
    for (int i = 10; i < 15; ++i)
        nodes.push_back(traced("web" + std::to_string(i), "leaf", hop("rel7", 0.7), "fanout"));
    Scene scene(nodes);
    const auto out = scene.console.run({"mesh", "trace"}).out;
    CHECK(has(out,
              "client\n"
              "└─ gw1              gateway of dc1   1.00 ms   took 0.12 ms   total 2.00 ms\n"
              "   ├─ ?\n"
              "   │  └─ rel7       relay\n"
              "   │     ├─ web10   leaf   0.70 ms   took 0.12 ms   total 2.00 ms\n"));
    CHECK(has(out,
              "   ├─ gw9           gateway of dc2   12.50 ms   took 0.12 ms   total 2.00 ms\n"
              "   │  └─ web9       leaf   0.30 ms   took 0.12 ms   total 2.00 ms\n"
              "   └─ rel2          relay   0.41 ms   took 0.12 ms   total 2.00 ms\n"
              "      ├─ web2       leaf   0.50 ms   took 0.12 ms   total 2.00 ms\n"
              "      └─ web3       leaf   not measured   by link   took 0.12 ms   total 2.00 ms\n"));
}

TEST_CASE("trace -j: every path with its hops, who refused, who is missing") {
    auto nodes = two_sites();
    nodes[1].status = proto::StatusCode::aborted;
    nodes[1].message = "You are not authorized to call this agent or action.";
    proto::Missing frozen;
    frozen.reason = proto::Reason::no_ack;
    frozen.outcome = proto::Outcome::unreachable;
    nodes[3].missing = frozen;
    Scene scene(nodes);
    const auto ran = scene.console.run({"mesh", "trace", "-j"});
    CHECK(ran.status == 2);
    const auto parsed = proto::parse_json(ran.out);
    REQUIRE(parsed.has_value());
    CHECK(*parsed->find("entry")->text() == "gw1");
    const auto& paths = *parsed->find("paths")->list();
    REQUIRE(paths.size() == 4);
    CHECK(*paths[2].find("node")->text() == "web2");
    CHECK(*paths[2].find("took_ms")->real() == 0.125);
    const auto& hops = *paths[2].find("hops")->list();
    REQUIRE(hops.size() == 4);
    CHECK(*hops[0].find("way")->text() == "client");
    CHECK(hops[1].find("to")->is_null());
    CHECK(*hops[2].find("to")->text() == "rel2");
    CHECK(hops[2].find("rtt_ms")->is_null());
    CHECK(*hops[3].find("way")->text() == "fanout");
    CHECK(*hops[3].find("rtt_ms")->real() == 0.5);
    const auto& refused = *parsed->find("refused")->list();
    REQUIRE(refused.size() == 1);
    CHECK(*refused[0].find("name")->text() == "rel2");
    CHECK(*(*parsed->find("missing")->list())[0].find("name")->text() == "web3");
    CHECK(has(scene.console.run({"mesh", "trace"}).out, "\nrel2: You are not authorized"));
}

TEST_CASE("trace: nodes that lie in circles, at length, or in strange words are shown as far as it goes") {
    const std::string evil = "\x1b[2J";
    std::vector<PaperNode> nodes{traced("a", "leaf", hop("b", 1), "fanout"), traced("b", "leaf", hop("a", 1), "fanout"),
                                 traced("self", "leaf", hop("self", 1), "link"),
                                 traced("odd", evil, 7, "fanout"), traced("rude", "leaf", hop(evil, 1, evil), evil)};
    for (int i = 0; i < 40; ++i)
        nodes.push_back(traced("n" + std::to_string(i), "leaf", hop("n" + std::to_string(i + 1), 1), "fanout"));
    PaperNode empty;
    empty.name = "empty";
    empty.data = Value::Map{{"took_ms", "long"}, {"asked", Value::List{1, Value::Map{}, hop("a", 1)}}};
    nodes.push_back(empty);
    Scene scene(nodes);
    for (const auto& words : std::vector<std::vector<std::string>>{{"mesh", "trace"}, {"mesh", "trace", "-j"}}) {
        const auto ran = scene.console.run(words);
        CHECK(ran.status == 0);
        CHECK(!has(ran.out, "\x1b"));
        CHECK(ran.out.size() < 60'000);
    }
    const auto some = scene.console.run({"mesh", "trace", "-I", "a", "-I", "b", "-I", "odd", "-I", "n0"}).out;
    CHECK(has(some, "client -> gw1 (entry, 1.00 ms) -> ? -> a (leaf of dc1) -> b (leaf, 1.00 ms) -> a (leaf, 1.00 ms,"));
    CHECK(has(some, "client -> gw1 (entry, 1.00 ms) -> ? -> n1 (relay of dc1) -> n0 (leaf, 1.00 ms,"));
    CHECK(has(some, "client -> gw1 (entry, 1.00 ms) -> ? -> odd (\\x1b[2J of dc1, took"));
}

PaperNode counting(std::string name, Value counters) {
    PaperNode node;
    node.name = std::move(name);
    node.data = Value::Map{{"started", 1}, {"counters", std::move(counters)}};
    return node;
}

TEST_CASE("counters: the sum of each, how many nodes have any, and who has most; none that is 0") {
    Scene scene({counting("web1", Value::Map{{"socket.malformed", 3}, {"mesh.resent", 1}, {"mesh.fetched", 0}}),
                 counting("web2", Value::Map{{"socket.malformed", 1200}, {"mesh.fetched", 0}}),
                 counting("web3", Value::Map{{"socket.malformed", 1200}, {"mesh.resent", 1}})});
    const auto ran = scene.console.run({"mesh", "counters"});
    CHECK(ran.status == 0);
    CHECK(ran.out ==
          "Counter                  Sum   Nodes   Most\n"
          "mesh.resent                2       2   web1: 1\n"
          "socket.malformed        2403       3   web2: 1200\n"
          "\n"
          "Finished processing 3 / 3 hosts in 2.00 ms\n"
          "\n");
    const auto parsed = proto::parse_json(scene.console.run({"mesh", "counters", "-j"}).out);
    REQUIRE(parsed.has_value());
    const auto* malformed = parsed->find("counters")->find("socket.malformed");
    CHECK(*malformed->find("sum")->integer() == 2403);
    CHECK(*malformed->find("nodes")->integer() == 3);
    CHECK(*malformed->find("worst")->text() == "web2");
    CHECK(*malformed->find("most")->integer() == 1200);
    CHECK(parsed->find("counters")->find("mesh.fetched")->find("worst")->is_null());
    CHECK(*parsed->find("nodes")->find("web1")->find("socket.malformed")->integer() == 3);
    CHECK(*parsed->find("ledger")->find("ok")->integer() == 3);
}

TEST_CASE("counters: of nodes that count nothing, backwards, or beyond all bounds") {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    Scene scene({counting("a", 7), counting("b", Value::Map{{"x", -5}, {"y", "many"}, {"\x1b", 0}}),
                 counting("c", Value::Map{})});
    CHECK(has(scene.console.run({"mesh", "counters"}).out, "Nothing counted on 3 nodes\n\n"));
    Scene more({counting("a", Value::Map{{"\x1bx", largest}}), counting("b", Value::Map{{"\x1bx", largest}})});
    CHECK(has(more.console.run({"mesh", "counters"}).out, "\\x1bx"));
    CHECK(has(more.console.run({"mesh", "counters"}).out, std::to_string(largest) + "       2   a: "));
}

TEST_CASE("mesh takes trace, counters or no word") {
    Scene scene(two_sites());
    CHECK(has(scene.console.run({"mesh", "traces"}).err, "takes 'trace', 'counters' or no word, not 'traces'"));
    CHECK(has(scene.console.run({"mesh", "trace", "counters"}).err, "not 'counters'"));
    CHECK(has(scene.console.run({"mesh", "trace", "--dot"}).err, "--dot does not go with 'trace'"));
    CHECK(scene.console.opened == 0);
    const auto nobody = scene.console.run({"mesh", "trace", "-I", "/nosuch/"});
    CHECK(nobody.status == 1);
    CHECK(nobody.out.empty());
}

}  // namespace
}  // namespace mco::client
