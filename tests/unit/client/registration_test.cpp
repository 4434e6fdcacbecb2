// mco registration against a mesh of paper: what is kept, what is told, and what a collector that was away has lost.

#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include "client/registrations.hpp"
#include "proto/value.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using proto::Value;
using test::PaperConsole;
using test::PaperLinks;
using test::PaperMesh;
using test::PaperNode;

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<PaperNode> started(std::int64_t when) {
    auto nodes = test::three();
    for (auto& node : nodes) {
        node.data = Value::Map{{"agents", Value::List{"rpcutil"}}, {"classes", Value::List{"httpd"}}, {"collectives", Value::List{"mcollective"}},
                               {"facts", node.facts},              {"starttime", when},
                               {"version", "1.0"}};
    }
    return nodes;
}

void write_ddl(const PaperMesh& mesh) {
    std::filesystem::create_directories(mesh.dir() / "lib/mcollective/agent");
    std::filesystem::copy_file(std::filesystem::path(MCO_SOURCE_DIR) / "node/agents/rpcutil.json",
                               mesh.dir() / "lib/mcollective/agent/rpcutil.json", std::filesystem::copy_options::overwrite_existing);
}

struct Collector {
    PaperMesh mesh{started(1'789'000'000)};
    PaperConsole console{mesh};
    std::string to = (mesh.dir() / "fleet").string();
    Collector() { write_ddl(mesh); }
    PaperConsole::Result run(std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"registration", "--to", to});
        return console.run(std::move(more));
    }
    Value file(const std::string& node) const { return proto::parse_json(text_of(to + "/" + node + ".json")).value(); }
};

TEST_CASE("registration keeps a record of each node, in the form that --dm inventory reads") {
    Collector fleet;
    const auto ran = fleet.run();
    CHECK_MESSAGE(ran.status == 0, ran.err);
    CHECK(has(ran.out, "startup web1: since 2026-09-10T00:26:40Z\n"));
    CHECK(has(ran.out, "3 records in "));
    const auto db1 = fleet.file("db1");
    CHECK(db1.find("started")->to_text() == "2026-09-10T00:26:40Z");
    CHECK(db1.find("version")->to_text() == "1.0");
    CHECK(db1.find("record")->find("facts")->find("country")->to_text() == "uk");
    CHECK(proto::to_json(*db1.find("record")->find("agents")) == "[\"rpcutil\"]");
    const auto listed = fleet.mesh.dir().write("nodes.json", "{\"nodes\":[" + proto::to_json(*db1.find("record")) + "]}");
    CHECK(fleet.console.run({"find", "--dm", "inventory", "--do", listed.string(), "-F", "country=uk"}).out == "db1\n");
}

TEST_CASE("registration tells who came and went, and a later run goes on where the last one was") {
    Collector fleet;
    REQUIRE(fleet.run().status == 0);
    CHECK(fleet.run({"-j"}).out.empty());  // nothing new
    CHECK(has(fleet.run({"-v"}).out, "alive web2\n"));

    fleet.mesh.nodes[0] = test::frozen(fleet.mesh.nodes[0]);
    const auto lost = fleet.run({"-j"});
    CHECK(lost.status == 5);
    CHECK(has(lost.out, "{\"detail\":\"" + std::string(proto::sentence(proto::Reason::no_ack)) + "\",\"event\":\"lost\",\"node\":\"web1\""));
    CHECK(fleet.file("web1").find("life")->to_text() == "lost");
    CHECK(fleet.file("web1").find("record")->find("facts")->find("country")->to_text() == "us");  // the last word stays
    CHECK(fleet.run({"-j"}).out.empty());

    fleet.mesh.nodes[0].missing.reset();
    CHECK(has(fleet.run({"-j"}).out, "\"event\":\"alive\",\"node\":\"web1\""));
    fleet.mesh.nodes[0].data->insert_or_assign("starttime", Value(std::int64_t{1'789'000'060}));
    CHECK(has(fleet.run().out, "startup web1: since 2026-09-10T00:27:40Z\n"));
}

TEST_CASE("who is expected no more has shut down; a filtered round says nothing of those it did not ask") {
    Collector fleet;
    REQUIRE(fleet.run().status == 0);
    CHECK(!has(fleet.run({"-F", "country=uk"}).out, "shutdown"));
    fleet.mesh.nodes.pop_back();
    const auto ran = fleet.run();
    CHECK(has(ran.out, "shutdown db1\n"));
    CHECK(fleet.file("db1").find("life")->to_text() == "shutdown");
    CHECK(!has(fleet.run().out, "db1"));
}

TEST_CASE("with --every the rounds go on though nobody is in reach for a while, until Ctrl-C") {
    Collector fleet;
    std::size_t rounds = 0;
    fleet.console.on_open = [&](PaperLinks& links) {
        if (++rounds == 2) links.lose(1, 0ms, "away");
        if (rounds == 3) links.interrupt(1s);
    };
    const auto ran = fleet.run({"--every", "300"});
    CHECK(ran.status == 0);
    CHECK(rounds == 3);
    CHECK(has(ran.err, "the next round is in 300 s"));
    CHECK(has(ran.out, "startup web1"));
    CHECK(!has(ran.out, "lost"));
}

TEST_CASE("registerinterval and registration are those of MCollective, in the collector's file") {
    Collector fleet;
    fleet.console.extra_config = "registration = Agentlist\nregisterinterval = 60\n";
    fleet.console.on_open = [](PaperLinks& links) { links.interrupt(30s); };
    const auto lines = (fleet.mesh.dir() / "lines.jsonl").string();
    const auto ran = fleet.console.run({"registration", "--append", lines});
    CHECK_MESSAGE(ran.status == 0, ran.err);
    const auto text = text_of(lines);
    CHECK(std::count(text.begin(), text.end(), '\n') >= 3);
    CHECK(has(text, "\"record\":{\"agents\":[\"rpcutil\"],\"name\":\"web1\"}"));
    CHECK(!has(text, "country"));
    fleet.console.extra_config = "registration = mongo\n";
    CHECK(has(fleet.run().err, "must be meta or agentlist, not \"mongo\""));
}

TEST_CASE("what registration cannot do it says before anything is asked") {
    Collector fleet;
    CHECK(has(fleet.console.run({"registration"}).err, "needs one of --to FOLDER and --append FILE"));
    CHECK(has(fleet.console.run({"registration", "--to", "a", "--append", "b"}).err, "needs one of"));
    CHECK(has(fleet.run({"--every", "x"}).err, "--every"));
    CHECK(fleet.console.run({"registration", "--append", "/nowhere/file"}).status == 1);
    CHECK(fleet.console.opened == 0);
}

TEST_CASE("a folder is bounded, and what lies there and is no record is taken for nothing") {
    const test::TempDir dir;
    dir.write("web1.json", "{\"life\":\"alive\",\"started\":\"1970-01-01T00:01:00Z\"}");
    dir.write("web2.json", "{");
    dir.write("notes.txt", "");
    auto all = Registrations::in_folder(dir.path()).value();
    const proto::WallTime now(1'790'000'000s);
    CHECK(all.heard({.node = "web1", .started = 60, .version = "", .body = {}}, now)->news == false);
    CHECK(all.heard({.node = "web2", .started = 60, .version = "", .body = {}}, now)->life == Life::startup);
    CHECK(!all.heard({.node = "../web2", .started = 60, .version = "", .body = {}}, now));
    CHECK(!Registrations::in_folder("/dev/null/x"));
}

}  // namespace
}  // namespace mco::client
