// What never leaves the operator's machine, and what bounds what does.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using namespace test;
using proto::StatusCode;
using proto::Value;

TEST_CASE("what the operator got wrong is said before anything is sent") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    struct Row {
        std::vector<std::string> words;
        std::vector<std::string> says;
    };
    const std::vector<Row> rows{
        {{"rpc", "nosuch", "ping"}, {"nosuch", "lab", "rpcutil"}},
        {{"rpc", "rpcutil", "nosuch"}, {"nosuch", "get_fact"}},
        {{"rpc", "rpcutil"}, {"action"}},
        {{"rpc", "../../etc/passwd", "ping"}, {"../../etc/passwd"}},
        {{"rpc", "rpcutil", "get_fact"}, {"fact"}},
        {{"rpc", "rpcutil", "get_fact", "fact=no spaces"}, {"Cannot validate input fact"}},
        {{"rpc", "rpcutil", "get_fact", "word"}, {"'word'", "KEY=VALUE"}},
        {{"ping", "-F", "country"}, {"-F 'country'"}},
        {{"ping", "-F", "empty="}, {"-F 'empty='"}},
        {{"ping", "-I", "/(unclosed/"}, {"unclosed"}},
        {{"ping", "-F", "country=~(?=x)"}, {"(?=x)"}},
        {{"ping", "-C", ""}, {"-C"}},
        {{"ping", "-T", "nowhere"}, {"nowhere", "mcollective"}},
        {{"ping", "-t", "0"}, {"--timeout"}},
        {{"ping", "--ttl", "301"}, {"--ttl", "300"}},
        {{"ping", "words"}, {"takes no words"}},
        {{"ping", "-c", "/nonexistent/client.cfg"}, {"/nonexistent/client.cfg"}},
    };
    for (const auto& row : rows) {
        const auto ran = console.run(row.words);
        CHECK_MESSAGE(ran.status == 1, row.words[1] << ran.err);
        CHECK(ran.out.empty());
        CHECK(ran.err.starts_with("mco " + row.words[0] + ": "));
        for (const auto& part : row.says) CHECK_MESSAGE(has(ran.err, part), ran.err);
    }
    CHECK(console.opened == 0);
}

TEST_CASE("nobody reachable is one error that names every entry") {
    PaperMesh mesh({});
    PaperConsole console(mesh, {{"tcp://127.0.0.1:1", {.refused = "connection refused"}},
                                {"tcp://127.0.0.1:2", {.refused = "wrong key\x1b"}}});
    const auto ran = console.run({"ping"});
    CHECK(ran.status == 1);
    CHECK(ran.out.empty());
    CHECK(
        ran.err.starts_with("mco ping: no entry into the mesh is reachable:\n  tcp://127.0.0.1:1: connection refused\n"
                            "  tcp://127.0.0.1:2: wrong key\\x1b\n"));
}

TEST_CASE("whoever nobody answers learns that his certificate may be the reason") {
    PaperMesh mesh({}), other({});
    PaperConsole console(mesh, {{"tcp://127.0.0.1:1", {.refused = "tcp://127.0.0.1:1 is silent\nlook at its log"}}});
    CHECK(!has(console.run({"ping"}).err, "Perhaps"));
    console.extra_config = "trust = " + (other.dir() / "root.cert").string() + "\n";
    const auto ran = console.run({"ping"});
    CHECK(ran.err.starts_with(
        "mco ping: no entry into the mesh is reachable:\n  tcp://127.0.0.1:1 is silent\n    look at its log\n"));
    CHECK(has(ran.err, "Perhaps they do not accept " + (mesh.dir() / "operator.cert").string()));
}

TEST_CASE("an expired certificate and one that may not give orders are refused at home") {
    PaperMesh mesh({});
    PaperConsole console(mesh);
    mesh.now.wall += 24h * 30;
    const auto ran = console.run({"ping"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "operator.cert: the certificate of 'operator' expired on 2026-10-0"));
    CHECK(console.opened == 0);
    console.extra_config = "identity = somebody\n";
    CHECK(has(console.run({"ping"}).err, "identity = somebody"));
}

constexpr std::string_view process_ddl =
    R"({"metadata": {"name": "process", "description": "d", "author": "a", "license": "l", "version": "1", "url": "",
        "timeout": 4},
       "query": {"prompt": "p", "description": "d", "type": "string", "validation": "^[^ ]+$", "optional": false,
                 "maxlength": 50},
       "output": {"exists": {"description": "d", "display_as": "Exists"}}})";

TEST_CASE("timeouts only bound the request: -t, or the DDL's and the discovery timeout") {
    PaperMesh mesh({node("web1", {}, {}, 2ms)});
    PaperConsole console(mesh);
    const auto timeout_ms = [&](std::vector<std::string> words) {
        std::uint32_t left = 0;
        console.on_open = [&](test::PaperLinks&) {};
        std::map<std::string, test::PaperLinks::Behaviour> entries{{"tcp://127.0.0.1:1", {}}};
        entries["tcp://127.0.0.1:1"].hear = [&](test::PaperLinks& links, Links::LinkId link,
                                                const proto::Message& message) {
            const auto& request = std::get<proto::Request>(message);
            left = request.left_ms;
            links.answer_honestly(link, request);
        };
        PaperConsole listening(mesh, entries);
        const auto before = mesh.now.mono;
        CHECK(listening.run(std::move(words)).status == 0);
        CHECK(mesh.now.mono - before < 10ms);
        return left;
    };
    CHECK(timeout_ms({"ping"}) == 7'000);
    mesh.dir().write("lib/mcollective/data/process.json", process_ddl);
    CHECK(timeout_ms({"ping", "-S", "process('web1').exists=true or process('b').exists=true"}) == 15'000);
    CHECK(timeout_ms({"ping", "-t", "5"}) == 5'000);
    CHECK(timeout_ms({"ping", "--dt", "60"}) == 65'000);
    CHECK(timeout_ms({"rpc", "rpcutil", "ping"}) == 12'000);
    CHECK(timeout_ms({"rpc", "lab", "look", "--dt", "1"}) == 4'000);
    CHECK(timeout_ms({"rpc", "rpcutil", "ping", "-t", "1"}) == 1'000);
}

TEST_CASE("-S reaches the nodes, and data functions add their time to the longest wait") {
    PaperMesh mesh(three());
    mesh.dir().write("lib/mcollective/data/process.json", process_ddl);
    PaperConsole console(mesh);
    CHECK(console.run({"find", "-S", "country=us or country=uk and mysql"}).out == "web1\nweb2\n");
    CHECK(console.run({"find", "-S", "process('web2').exists=true"}).out == "web2\n");
    CHECK(console.run({"find", "-S", "!process('web2').exists=true", "-S", "httpd", "-F", "country=us"}).out == "web1\n");
}

TEST_CASE("find does not name who refuses to say whether a data function means him") {
    auto nodes = three();
    nodes[1].status = StatusCode::aborted;
    nodes[1].message = "You are not authorized";
    PaperMesh mesh(std::move(nodes));
    PaperConsole console(mesh);
    const auto ran = console.run({"find", "-F", "country=us"});
    CHECK(ran.out == "web1\n");
    CHECK(has(ran.err, "web2: You are not authorized\n"));
    CHECK(ran.status == 2);
}

TEST_CASE("a compound filter that nodes could not answer is refused before anything is sent") {
    PaperMesh mesh(three());
    mesh.dir().write("lib/mcollective/data/process.json", process_ddl);
    PaperConsole console(mesh);
    const auto refused = [&](std::string text) {
        const auto ran = console.run({"ping", "-S", std::move(text)});
        CHECK(ran.status == 1);
        CHECK(ran.out.empty());
        CHECK(console.opened == 0);
        return ran.err;
    };
    CHECK(refused("country=us and") ==
          "mco ping: -S: the compound filter cannot be read: a fact, a class, a data function, \"not\" or ( is missing\n"
          "  country=us and\n                ^\n");
    CHECK(has(refused("nosuch('x').y=1"), "there is no DDL for the data source \"nosuch\""));
    CHECK(has(refused("process('x').exist=1"), "has no output \"exist\"; did you mean \"exists\"?"));
    CHECK(has(refused("process().exists=1"), "needs it"));
    CHECK(has(refused("process('a b').exists=1"), "must match"));
    CHECK(has(refused("process(x).exists=true"), "in quotes"));
    CHECK(has(refused(std::string(1'000'000, '(')), "octets long"));
    CHECK(has(refused("country=/(?=x)/"), "RE2"));
}

}  // namespace
}  // namespace mco::client
