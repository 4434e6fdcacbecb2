// What rpc, ping and find print for programs, and as a table: literally.

#include <sstream>

#include <doctest/doctest.h>

#include "proto/value.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using proto::StatusCode;
using proto::Value;
using namespace test;

const std::string missing_web2 =
    R"({"ledger":{"cancelled":0,"closed":true,"denied":0,"expected":3,"expired":0,"failed":0,"lost":0,"not_matched":0,"ok":2,"unreachable":1},)"
    R"("missing":[{"name":"web2","nodes":1,"outcome":"unreachable","reason":"no_ack","since_ms":0,"whole_group":false,"why":")" +
    std::string(proto::sentence(proto::Reason::no_ack)) + R"("}],"trouble":[]})";

std::vector<PaperNode> one_frozen() {
    auto nodes = three();
    nodes[1] = frozen(nodes[1]);
    return nodes;
}

std::size_t length_of_array(const std::string& json) {
    const auto value = proto::parse_json(json);
    REQUIRE(value.has_value());
    REQUIRE(value->list() != nullptr);
    return value->list()->size();
}

TEST_CASE("-j ends with the account if somebody is missing, or with -v") {
    PaperMesh mesh(one_frozen());
    PaperConsole console(mesh);
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"rpc", "rpcutil", "ping"}, {"ping"}, {"find"}}) {
        auto with = words;
        with.emplace_back("-j");
        const auto ran = console.run(with);
        CHECK(ran.status == 5);
        CHECK_MESSAGE(ran.out.ends_with("," + missing_web2 + "]\n"), ran.out);
        CHECK(length_of_array(ran.out) == 3);
    }
    CHECK(has(console.run({"facts", "country", "-j"}).out, "," + missing_web2 + "]\n"));
    PaperMesh whole(three());
    PaperConsole other(whole);
    CHECK(length_of_array(other.run({"rpc", "rpcutil", "ping", "-j"}).out) == 3);
    CHECK(length_of_array(other.run({"rpc", "rpcutil", "ping", "-j", "-v"}).out) == 4);
    CHECK(length_of_array(other.run({"find", "-j", "-v"}).out) == 4);
}

TEST_CASE("the account of -j is indented like the rest on a terminal") {
    PaperMesh mesh(one_frozen());
    PaperConsole console(mesh);
    console.terminal.tty = true;
    const auto ran = console.run({"ping", "-j"});
    CHECK(has(ran.out, "\n  },\n  {\n    \"ledger\": {\n      \"cancelled\": 0,\n"));
    CHECK(ran.out.ends_with("\n  }\n]\n"));
    CHECK(length_of_array(ran.out) == 3);
}

TEST_CASE("--jsonl prints a line for each reply and the account in the last") {
    PaperMesh mesh(one_frozen());
    PaperConsole console(mesh);
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"rpc", "rpcutil", "ping"}, {"ping"}, {"find"}}) {
        auto with = words;
        with.emplace_back("--jsonl");
        const auto ran = console.run(with);
        CHECK(ran.status == 5);
        std::istringstream lines(ran.out);
        std::vector<std::string> all;
        for (std::string line; std::getline(lines, line);) all.push_back(line);
        REQUIRE(all.size() == 3);
        CHECK(has(all[0], R"("sender":"web1","statuscode":0)"));
        CHECK(has(all[1], R"("sender":"db1")"));
        CHECK(all[2] == missing_web2);
        with.emplace_back("-j");
        CHECK(console.run(with).status == 1);
    }
    const auto sorted = console.run({"ping", "--jsonl", "--sort"}).out;
    CHECK(sorted.find("db1") < sorted.find("web1"));
    const auto nobody = console.run({"rpc", "rpcutil", "ping", "--jsonl", "-C", "nosuch", "-I", "/db/"});
    CHECK(nobody.status == 1);
    CHECK(nobody.out.starts_with("{\"ledger\":"));
}

TEST_CASE("--table has a line for each node, and says what failed") {
    auto nodes = three();
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const auto ran = console.run({"rpc", "rpcutil", "get_fact", "fact=country", "--table"});
    CHECK_MESSAGE(ran.out.starts_with("Node  Fact     Value\n"
                                      "db1   country  uk\n"
                                      "web1  country  us\n"
                                      "web2  country  us\n"
                                      "\nSummary of Value:\n"),
                  ran.out);
    nodes[2].status = StatusCode::aborted;
    nodes[2].message = "fact\nstore";
    PaperMesh failing(nodes);
    PaperConsole other(failing);
    const auto failed = other.run({"rpc", "rpcutil", "get_fact", "fact=country", "--table"});
    CHECK_MESSAGE(failed.out.starts_with("Node  Status           Message      Fact     Value\n"
                                         "db1   Request Aborted  fact\\nstore  country  uk\n"
                                         "web1  OK                            country  us\n"),
                  failed.out);
    CHECK(other.run({"rpc", "rpcutil", "ping", "--table", "-j"}).status == 1);
}

TEST_CASE("a terminal too narrow for the table gets blocks") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    console.terminal.tty = true;
    console.terminal.columns = 20;
    const auto table = console.run({"rpc", "rpcutil", "get_fact", "fact=country", "--table", "--np", "--color=never"}).out;
    CHECK(table.starts_with("Node  Fact     Value\n"));
    console.terminal.columns = 19;
    const auto blocks = console.run({"rpc", "rpcutil", "get_fact", "fact=country", "--table", "--np", "--color=never"}).out;
    CHECK(blocks.starts_with(padded("db1") + " \n    Fact: country\n"));
}

TEST_CASE("--fold prints equal results once, with the set of their nodes in front") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const auto ran = console.run({"rpc", "rpcutil", "get_fact", "fact=country", "--fold"});
    CHECK_MESSAGE(ran.out.starts_with(padded("web[1-2] (2 nodes)") + " \n    Fact: country\n   Value: us\n\n" +
                                      padded("db1") + " \n    Fact: country\n   Value: uk\n\n\nSummary"),
                  ran.out);
    CHECK(console.run({"rpc", "rpcutil", "ping", "--fold", "--table"}).status == 1);
    CHECK(!has(console.run({"rpc", "rpcutil", "ping", "--fold", "--display", "failed"}).out, "web"));
}

}  // namespace
}  // namespace mco::client
