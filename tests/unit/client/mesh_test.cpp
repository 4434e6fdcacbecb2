// mco mesh: pictures of a mesh from what its nodes say, literally.

#include <algorithm>
#include <fstream>

#include <doctest/doctest.h>

#include "client/mesh_drawing.hpp"
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

struct Said {
    std::string name, role, standing = "none";
    double rtt_ms = 0;
    int silent_s = 1, flaps = 0, up_s = 86'400;
    bool proxy = false;
    std::string group = "dc1", software = "mcod 0.1.0";
};
Value link(const Said& said) {
    return Value::Map{{"name", said.name},
                      {"group", said.group},
                      {"role", said.role},
                      {"proxy", said.proxy},
                      {"side", "dialled"},
                      {"standing", said.standing},
                      {"rtt_ms", said.rtt_ms == 0 ? Value() : Value(said.rtt_ms)},
                      {"up_s", said.up_s},
                      {"silent_s", said.silent_s},
                      {"flaps", said.flaps},
                      {"software", said.software}};
}

PaperNode node(std::string name, std::string role, std::vector<Said> links, std::string group = "dc1") {
    Value::List list, groups;
    for (const auto& said : links) list.push_back(link(said));
    groups.emplace_back(Value::Map{{"name", group == "dc1" ? "dc2" : "dc1"}, {"members", 4}, {"linked", true}});
    PaperNode node;
    node.name = std::move(name);
    node.data = Value::Map{{"role", role == "gateway" ? "relay" : role},
                           {"gateway", role == "gateway"},
                           {"group", std::move(group)},
                           {"version", "0.1.0"},
                           {"started", std::int64_t{1'790'000'000 - 3 * 86'400}},
                           {"members", role == "leaf" ? 2 : 5},
                           {"other_groups", std::move(groups)},
                           {"links", std::move(list)},
                           {"links_left_out", 0}};
    return node;
}

PaperNode silent(PaperNode node) {
    proto::Missing missing;
    missing.reason = proto::Reason::no_ack;
    missing.outcome = proto::Outcome::unreachable;
    node.missing = missing;
    return node;
}

// Two sites: gw1, rel2 and a proxy with three leaves, one of them frozen; gw9 alone. dc3 is out of reach.
std::vector<PaperNode> two_sites() {
    auto old = node("web2", "leaf", {{"rel2", "relay", "primary", 0.5, 2, 1}, {"gw1", "relay", "standby", 0.6}});
    (*old.data)["version"] = "0.0.9";
    return {node("gw1", "gateway",
                 {{"rel2", "relay", "none", 0.4, 1, 5, 12},
                  {"edge1", "relay", "none", 0.7, 17, 0, 86'400, true},
                  {"web1", "leaf", "primary", 0.31},
                  {"web2", "leaf", "standby", 0.61},
                  {"web3", "leaf", "standby", 0.8},
                  {"gw9", "relay", "none", 12.4, 1, 0, 86'400, false, "dc2"}}),
            node("rel2", "relay",
                 {{"gw1", "relay", "none", 0.41, 1, 5, 12},
                  {"web2", "leaf", "primary", 0.51},
                  {"web3", "leaf", "primary", 0.9, 19}}),
            node("web1", "leaf", {{"gw1", "relay", "primary", 0.3}}),
            old,
            silent(node("web3", "leaf", {})),
            node("gw9", "gateway", {{"gw1", "relay", "none", 12.5}}, "dc2")};
}

proto::Missing unreachable_group() {
    proto::Missing group;
    group.name = "dc3";
    group.reason = proto::Reason::group_unreachable;
    group.outcome = proto::Outcome::lost;
    group.nodes = 400;
    return group;
}

struct Scene {
    explicit Scene(std::vector<PaperNode> nodes) : mesh(std::move(nodes)), console(mesh) {
        const auto ddl = proto::read_text_file(MCO_SOURCE_DIR "/node/agents/mesh.json", 100'000);
        REQUIRE(ddl.has_value());
        mesh.dir().write("lib/mcollective/agent/mesh.json", *ddl);
    }
    PaperMesh mesh;
    PaperConsole console;
};

TEST_CASE("the tree: groups, their relays, the leaves of each, and what is odd") {
    Scene scene(two_sites());
    scene.mesh.missing_groups = {unreachable_group()};
    const auto ran = scene.console.run({"mesh"});
    CHECK(ran.status == 5);
    CHECK(ran.err.empty());
    const std::string no_ack(proto::sentence(proto::Reason::no_ack));
    CHECK(ran.out ==
          "dc1                   5 nodes\n"
          "├─ gw1                gateway   up 3 d 0 h   linked with 2 relays, 0.40-0.70 ms\n"
          "│  ├─ ! edge1         0.70 ms   seen 17 s ago\n"
          "│  ├─ => dc2 by gw9   12.40 ms   seen 1 s ago\n"
          "│  ├─ ! rel2          0.40 ms   seen 1 s ago   flapping: lost 5 times, up for 12 s\n"
          "│  └─ web1            0.30 ms   seen 1 s ago   no standby   up 3 d 0 h\n"
          "├─ rel2               relay   up 3 d 0 h   linked with 1 relay, 0.41 ms\n"
          "│  ├─ ! edge1         no link\n"
          "│  ├─ web2            0.50 ms   seen 2 s ago   lost 1 time, up for 1 d 0 h   standby gw1   up 3 d 0 h   "
          "version 0.0.9\n"
          "│  └─ web3            0.90 ms   seen 19 s ago   standby gw1   no answer\n"
          "└─ edge1              relay, proxy   as gw1 sees it:   0.70 ms   seen 17 s ago\n"
          "\n"
          "dc2                   1 node\n"
          "└─ gw9                gateway   up 3 d 0 h\n"
          "   └─ => dc1 by gw1   12.50 ms   seen 1 s ago\n"
          "\n"
          "dc3   400 nodes   no gateway of this group closed its account; it may have run there\n"
          "\n"
          "Versions: 0.0.9 on 1 node and 0.1.0 on 6 nodes\n"
          "\n"
          "Finished processing 5 / 406 hosts in 2.00 ms\n"
          "\n"
          "No response from:\n"
          "\n"
          "    dc3 (400 nodes):               no gateway of this group closed its account; it may have run there\n"
          "    web3                           " +
              no_ack + "\n\n406 expected = 5 ok + 401 missing (400 group unreachable, 1 no ack)\n");
}

TEST_CASE("the picture of a part: peers that were not asked are known from those that were") {
    Scene scene(two_sites());
    const auto ran = scene.console.run({"mesh", "-I", "web1"});
    CHECK(ran.status == 0);
    CHECK(ran.out ==
          "dc1          2 nodes\n"
          "└─ gw1       relay   was not asked, or has no agent mesh   as web1 sees it:   0.30 ms   seen 1 s ago\n"
          "   └─ web1   0.30 ms   seen 1 s ago   no standby   up 3 d 0 h\n"
          "\n"
          "dc2   about 4 nodes, none of which was asked\n"
          "\n"
          "Versions: 0.1.0 on 2 nodes\n"
          "\n"
          "Finished processing 1 / 1 hosts in 2.00 ms\n"
          "\n");
}

TEST_CASE("a link between relays that was not measured yet has no time") {
    Scene scene({node("rel1", "relay", {{"rel2", "relay"}}), node("rel2", "relay", {{"rel1", "relay"}})});
    CHECK(has(scene.console.run({"mesh"}).out, "├─ rel1   relay   up 3 d 0 h   linked with 1 relay\n"));
}

TEST_CASE("a leaf's link to its standby has a line where it flaps or is silent, also by the relay's word") {
    Said spare{"rel2", "relay", "standby", 0.6};
    spare.flaps = 3;
    spare.up_s = 59;
    Said frozen{"web2", "leaf", "standby", 0.7, 16};
    const auto rel1 = node("rel1", "relay", {{"rel2", "relay", "none", 0.4}, {"web2", "leaf", "primary", 0.3}});
    Scene scene({rel1, node("rel2", "relay", {{"rel1", "relay", "none", 0.4}, frozen}),
                 node("web1", "leaf", {{"rel1", "relay", "primary", 0.5}, spare}), silent(node("web2", "leaf", {}))});
    const auto out = scene.console.run({"mesh"}).out;
    CHECK(has(out, "│  ├─ web1        0.50 ms   seen 1 s ago   standby rel2   up 3 d 0 h\n"
                   "│  │  └─ ! rel2   standby   0.60 ms   seen 1 s ago   flapping: lost 3 times, up for 59 s\n"
                   "│  └─ web2        0.30 ms   seen 1 s ago   standby rel2   no answer\n"
                   "│     └─ ! rel2   standby   0.70 ms   seen 16 s ago\n"));
    const auto json = proto::parse_json(scene.console.run({"mesh", "-j"}).out);
    REQUIRE(json.has_value());
    const auto& nodes = *(*json->find("groups")->list())[0].find("nodes")->list();
    const auto& links = *nodes[2].find("links")->list();
    CHECK(*links[1].find("flaps")->integer() == 3);
    CHECK(*links[1].find("flapping")->flag());
    CHECK(*links[1].find("silent_s")->integer() == 1);
    CHECK(!*links[0].find("flapping")->flag());
    CHECK(has(scene.console.run({"mesh", "--dot"}).out, "[label=\"0.60 ms lost 3x\", style=dashed, color=red];"));
}

// Whether it is one graph of Graphviz's language: balanced braces outside of quoted strings, every statement closed.
bool is_dot(std::string_view text) {
    int depth = 0;
    bool quoted = false, ended = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char character = text[i];
        if (quoted) {
            if (character == '\\') ++i;
            if (character == '"') quoted = false;
            if (character == '\n') return false;
            continue;
        }
        if (ended && character != '\n') return false;
        if (character == '"') quoted = true;
        if (character == '{') ++depth;
        if (character == '}' && --depth == 0) ended = true;
        if (depth < 0) return false;
        // Nothing else than this ever stands outside of quotes.
        if (character != '"' &&
            (static_cast<unsigned char>(character) >= 0x80 || character == '<' || character == '\\'))
            return false;
    }
    return ended && !quoted && text.starts_with("graph ");
}

TEST_CASE("--dot: one cluster a group, one line a link") {
    Scene scene(two_sites());
    scene.mesh.missing_groups = {unreachable_group()};
    const auto ran = scene.console.run({"mesh", "--dot"});
    CHECK(ran.status == 5);
    CHECK(has(ran.err, "dc3 (400 nodes):"));
    CHECK(is_dot(ran.out));
    CHECK(has(ran.out,
              "  subgraph cluster_0 {\n    label=\"dc1\";\n    n0 [label=\"edge1\", shape=diamond, style=dashed];\n"
              "    n1 [label=\"gw1\", shape=box, peripheries=2];\n"));
    CHECK(has(ran.out,
              "label=\"400 nodes: no gateway of this group closed its account; it may have run there\", "
              "shape=plaintext, fontcolor=red"));
    CHECK(has(ran.out, "  n1 -- n3 [label=\"0.40 ms lost 5x\", color=red];\n"));  // gw1 and rel2, flapping, once
    CHECK(!has(ran.out, "n3 -- n1"));
    CHECK(has(ran.out, "  n1 -- n5 [label=\"0.61 ms\", style=dashed];\n"));  // web2's standby
}

TEST_CASE("-j: one object with every node, link, missing one and the ledger") {
    Scene scene(two_sites());
    scene.mesh.missing_groups = {unreachable_group()};
    const auto ran = scene.console.run({"mesh", "-j"});
    CHECK(ran.status == 5);
    const auto parsed = proto::parse_json(ran.out);
    REQUIRE(parsed.has_value());
    const auto* groups = parsed->find("groups")->list();
    REQUIRE(groups->size() == 3);
    CHECK(*(*groups)[2].find("group")->text() == "dc3");
    CHECK(*(*groups)[2].find("members")->integer() == 400);
    const auto* nodes = (*groups)[0].find("nodes")->list();
    REQUIRE(nodes->size() == 6);
    CHECK(*(*nodes)[0].find("name")->text() == "edge1");
    CHECK(*(*nodes)[0].find("known")->text() == "by_peers");
    CHECK(*(*nodes)[0].find("proxy")->flag());
    CHECK(*(*nodes)[3].find("primary")->text() == "gw1");
    CHECK((*(*nodes)[3].find("links")->list()).size() == 1);
    const auto* missing = parsed->find("missing")->list();
    REQUIRE(missing->size() == 2);
    CHECK(*(*missing)[0].find("name")->text() == "dc3");
    CHECK(*(*missing)[0].find("nodes")->integer() == 400);
    CHECK(*(*missing)[0].find("whole_group")->flag());
    CHECK(*(*missing)[0].find("reason")->text() == "group_unreachable");
    CHECK(*(*missing)[1].find("name")->text() == "web3");
    CHECK(*parsed->find("ledger")->find("ok")->integer() == 5);
    CHECK(*parsed->find("ledger")->find("closed")->flag());
    CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 1);
    scene.console.terminal.tty = true;
    const auto indented = proto::parse_json(scene.console.run({"mesh", "-j"}).out);
    CHECK((indented && *indented == *parsed));
}

TEST_CASE("names and words of hostile nodes reach neither the terminal nor Graphviz as they are") {
    const std::string evil = "\x1b[2J\"];\n<b>\\";
    auto liar = node("liar", "leaf", {{evil, "relay", "primary", 0.5, 1, 0, 1, false, evil, evil}}, evil);
    (*liar.data)["version"] = evil;
    Scene scene({liar});
    for (const auto& words : std::vector<std::vector<std::string>>{{"mesh"}, {"mesh", "-j"}, {"mesh", "--dot"}}) {
        const auto ran = scene.console.run(words);
        CHECK(ran.status == 0);
        CHECK(!has(ran.out, "\x1b"));
        if (words.size() == 1) CHECK(has(ran.out, "\\x1b[2J"));
        if (words.back() == "-j") CHECK(proto::parse_json(ran.out).has_value());
        if (words.back() != "--dot") continue;
        CHECK(is_dot(ran.out));
            CHECK(has(ran.out, "label=\"\\\\x1b[2J\\\"];\\\\n<b>\\\\\""));
    }
}

TEST_CASE("answers that are no answers make no picture, and no harm") {
    for (const Value& links : {Value(), Value(7), Value(Value::List{1, "x", Value::Map{}, Value::Map{{"name", 5}}}),
                               Value(Value::List{Value::Map{{"name", "web9"}, {"rtt_ms", "fast"}, {"flaps", -1}}})}) {
        PaperNode odd;
        odd.name = "odd";
        odd.data = Value::Map{{"links", links}, {"group", 3}, {"role", Value::List{}}, {"other_groups", "none"}};
        Scene scene({odd});
        const auto ran = scene.console.run({"mesh"});
        CHECK(ran.status == 0);
        CHECK(has(ran.out, "odd"));
        CHECK(is_dot(scene.console.run({"mesh", "--dot"}).out));
    }
}

TEST_CASE("a node that refuses is drawn where its peers place it") {
    auto nodes = two_sites();
    nodes[1].status = proto::StatusCode::aborted;
    nodes[1].message = "You are not authorized to call this agent or action.";
    Scene scene(nodes);
    const auto ran = scene.console.run({"mesh"});
    CHECK(ran.status == 2);
    CHECK(has(ran.out, "   relay   refused: You are not authorized to call this agent or action.\n"));
}

TEST_CASE("mesh takes one form") {
    Scene scene(two_sites());
    CHECK(has(scene.console.run({"mesh", "-j", "--dot"}).err, "exclude each other"));
    CHECK(scene.console.opened == 0);
    const auto nobody = scene.console.run({"mesh", "-I", "/nosuch/"});
    CHECK(nobody.status == 1);
    CHECK(nobody.out.empty());
    CHECK(nobody.err.starts_with("No request sent, we did not discover any nodes.\nNone of "));
}

TEST_CASE("a mesh of many thousand nodes is drawn without a second look at each for each") {
    Gathered gathered;
    constexpr int relays = 150, leaves = 20'000;
    const auto answer = [&](PaperNode said) {
        Reply reply;
        reply.node = said.name;
        reply.data = std::move(*said.data);
        gathered.replies.push_back(std::move(reply));
    };
    for (int r = 0; r < relays; ++r) {
        std::vector<Said> links;
        for (int other = 0; other < relays; ++other) {
            if (other != r) links.push_back({"rel" + std::to_string(other), "relay", "none", 0.4});
        }
        for (int leaf = r; leaf < leaves; leaf += relays)
            links.push_back({"web" + std::to_string(leaf), "leaf", "primary", 0.5});
        answer(node("rel" + std::to_string(r), "relay", links));
    }
    for (int leaf = 0; leaf < leaves; ++leaf)
        answer(node("web" + std::to_string(leaf), "leaf",
                    {{"rel" + std::to_string(leaf % relays), "relay", "primary", 0.5}}));
    const auto map = map_mesh(gathered, {});
    CHECK(map.nodes.size() == relays + leaves);
    const auto tree = mesh_tree(map, {}, proto::WallTime(1'790'000'000s));
    CHECK(std::count(tree.begin(), tree.end(), '\n') == 1 + relays + leaves + 2 + 2);
    CHECK(!has(tree, "!"));
    CHECK(is_dot(mesh_dot(map)));
}

}  // namespace
}  // namespace mco::client
