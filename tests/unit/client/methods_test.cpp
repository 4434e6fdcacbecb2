// Discovery methods that are asked instead of the mesh.

#include "client/methods.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "client/inventory_file.hpp"
#include "client/puppetdb.hpp"
#include "tests/support/has.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/client/small_server.hpp"

namespace mco::client {
namespace {

using Names = std::vector<std::string>;

struct Place {
    test::TempDir dir;
    std::ostringstream out, err;
    World world{.out = out,
                .err = err,
                .environment = {},
                .terminal = {},
                .libdirs = {},
                // Only differences matter; a program that hangs costs a test one poll.
                .now = [this] { return proto::Now{proto::Instant(std::chrono::seconds(ticks++)), {}}; },
                .open_links = {}};
    int ticks = 0;
    Config config;
    Selection selection;
    proto::Filter filter;

    proto::Result<Names> look(Method method, Names sources, std::chrono::seconds patience = std::chrono::seconds(1000)) {
        selection.method = method;
        selection.sources = std::move(sources);
        return look_up({.filter = filter,
                        .collective = "mcollective",
                        .selection = selection,
                        .patience = patience,
                        .config = config,
                        .world = world});
    }
    std::string refusal(Method method, Names sources, std::chrono::seconds patience = std::chrono::seconds(1000)) {
        const auto names = look(method, std::move(sources), patience);
        REQUIRE(!names);
        return names.error().detail;
    }
    std::string program(std::string_view name, std::string_view text) {
        const auto path = dir.write(std::string(name), "#!/bin/sh\n" + std::string(text));
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path.string();
    }
};

proto::FactTerm fact(std::string_view text) { return *proto::parse_fact_term(text); }

// ------------------------------------------------------------------ inventory

constexpr std::string_view inventory = R"(
nodes:
  - name: web1
    facts: {country: us, uptime_days: 9, os: {family: Debian}}
    classes: [httpd]
    agents: [rpcutil, puppet]
  - name: web2
    facts: {country: us, uptime_days: 10}
    collectives: [uk_collective]
  - name: db1
    facts: {country: uk, uptime_days: 100}
    classes: [httpd, "role::web"]
    collectives: [mcollective, uk_collective]
)";

TEST_CASE("an inventory file is judged by the filter as the nodes would judge it") {
    test::TempDir dir;
    const auto file = dir.write("nodes.yaml", std::string(inventory));
    const auto find = [&](const proto::Filter& filter, std::string_view collective = "mcollective") {
        const auto names = search_inventory(file, filter, std::string(collective));
        REQUIRE_MESSAGE(names, names.error().detail);
        return *names;
    };
    CHECK(find({}) == Names{"web1", "db1"});
    CHECK(find({}, "uk_collective") == Names{"web1", "web2", "db1"});
    CHECK(find({.facts = {fact("uptime_days>9")}}, "uk_collective") == Names{"web2", "db1"});
    CHECK(find({.facts = {fact("os.family=Debian")}}) == Names{"web1"});
    CHECK(find({.classes = {"/^role/"}}) == Names{"db1"});
    CHECK(find({.agents = {"puppet"}}) == Names{"web1"});
    CHECK(find({.identities = {"db*"}}) == Names{"db1"});
    CHECK(find({.conditions = {*proto::parse_condition("httpd and not country=uk")}}) == Names{"web1"});
    const auto refused = [&](const proto::Filter& filter) { return search_inventory(file, filter, "mcollective").error().detail; };
    CHECK(has(refused({.classes = {"nosuch"}}), "nodes.yaml: none of its 3 nodes is meant"));
    CHECK(has(refused({.conditions = {*proto::parse_condition("fstat('/x').size>0")}}), "cannot judge data functions"));
}

TEST_CASE("an inventory file may be JSON, and says what is needed and wrong") {
    test::TempDir dir;
    const auto error = [&](std::string_view text, const proto::Filter& filter = {}) {
        const auto names = search_inventory(dir.write("nodes", std::string(text)), filter, "mcollective");
        REQUIRE(!names);
        return names.error().detail;
    };
    CHECK(*search_inventory(dir.write("nodes.json", R"({"nodes": [{"name": "web1"}]})"), {}, "mcollective") == Names{"web1"});
    CHECK(has(error(R"({"nodes": [{"name": "web1"}]})", {.facts = {fact("a=b")}}), "does not say the facts of any node, which -F"));
    CHECK(has(error(R"({"nodes": [{"name": "web1"}]})", {.conditions = {*proto::parse_condition("httpd")}}), "does not say the classes"));
    CHECK(has(error("[web1]"), "It should look like this: nodes: [{name: web1"));
    CHECK(has(error("nodes: web1"), "it has no list of nodes"));
    CHECK(has(error("nodes: [web1]"), "node 1 is no map"));
    CHECK(has(error("nodes: [{name: a}, {facts: {}}]"), "node 2 has no name"));
    CHECK(has(error("nodes: [{name: 'a b'}]"), "node 1: its name is none"));
    CHECK(has(error("nodes: [{name: a, fact: {}}]"), "node 1: 'fact' is not known"));
    CHECK(has(error("nodes: [{name: a, facts: [1]}]"), "node 1: its facts are no map"));
    CHECK(has(error("nodes: [{name: a, classes: b}]"), "node 1: its classes are no list"));
    CHECK(has(error("nodes: []"), "none of its 0 nodes"));
    CHECK(has(error("nodes: ["), "line "));
    CHECK(has(search_inventory("/nonexistent", {}, "mcollective").error().detail, "/nonexistent"));
}

// ------------------------------------------------------------------ external

TEST_CASE("an external program is told the filter and prints names") {
    Place place;
    const auto request = (place.dir / "request").string();
    const auto program = place.program("discover", "cat > " + request + "\necho web1\necho '# no'\necho db1\n");
    place.filter = {.identities = {"/1/"}, .classes = {"httpd"}, .facts = {fact("country=uk")}};
    CHECK(*place.look(Method::external, {program, "a=b"}) == Names{"web1", "db1"});
    std::ifstream stream(request);
    std::string told;
    std::getline(stream, told);
    CHECK(told == R"({"collective":"mcollective","filter":{"agent":[],"class":["httpd"],"compound":[],)"
                  R"("fact":[{"fact":"country","operator":"=","value":"uk"}],"identity":["/1/"]},"options":["a=b"],"timeout":1000})");
    place.filter = {};
    CHECK(*place.look(Method::external, {place.program("json", "echo '[\"web1\",{\"sender\":\"web2\"}]'")}) == Names{"web1", "web2"});
}

TEST_CASE("what goes wrong with an external program names it") {
    Place place;
    CHECK(has(place.refusal(Method::external, {}), "needs --do PROGRAM with an absolute path"));
    CHECK(has(place.refusal(Method::external, {"relative"}), "absolute path"));
    CHECK(has(place.refusal(Method::external, {"/nonexistent/program"}), "/nonexistent/program cannot be started"));
    CHECK(has(place.refusal(Method::external, {place.program("bad", "echo web1; exit 3")}), "bad ended with status 3"));
    CHECK(has(place.refusal(Method::external, {place.program("killed", "kill -9 $$")}), "killed was ended by signal 9"));
    CHECK(has(place.refusal(Method::external, {place.program("empty", "exit 0")}), "names no node"));
    CHECK(has(place.refusal(Method::external, {place.program("odd", "echo 'web 1'")}), "line 1: 'web 1' is not the name"));
    CHECK(has(place.refusal(Method::external, {place.program("slow", "exec sleep 1000")}, std::chrono::seconds(0)),
              "did not end within 0 s\nGive it longer with --dt"));
    CHECK(has(place.refusal(Method::external, {place.program("endless", "exec yes web1")}, std::chrono::seconds(1'000'000)), "printed more than 67108864 octets"));
}

// ------------------------------------------------------------------ puppetdb

std::string query(const proto::Filter& filter, const PuppetDb& database = {}, Names more = {}) {
    const auto made = puppetdb_query(filter, "uk", database, more);
    REQUIRE_MESSAGE(made, made.error().detail);
    return *made;
}

const std::string active = R"(["=",["node","active"],true])";
std::string fact_query(std::string_view name, std::string_view condition) {
    return fmt::format(R"(["and",{},["in","certname",["extract","certname",["select_facts",["and",["=","name","{}"],{}]]]]])", active, name,
                       condition);
}

TEST_CASE("PuppetDB is asked for active nodes with these facts and classes") {
    CHECK(query({}) == active);
    CHECK(query({.facts = {fact("country=us")}}) == fact_query("country", R"(["=","value","us"])"));
    CHECK(query({.facts = {fact("uptime_days=9")}}) == fact_query("uptime_days", R"(["or",["=","value","9"],["=","value",9]])"));
    CHECK(query({.facts = {fact("virtual=true")}}) == fact_query("virtual", R"(["or",["=","value","true"],["=","value",true]])"));
    CHECK(query({.facts = {fact("uptime_days>=10")}}) == fact_query("uptime_days", R"([">=","value",10])"));
    CHECK(query({.facts = {fact("country!=us")}}) == fact_query("country", R"(["not",["=","value","us"]])"));
    CHECK(query({.facts = {fact("country=~^u")}}) == fact_query("country", R"(["~","value","^u"])"));
    CHECK(query({.facts = {fact("country=/^u/")}}) == fact_query("country", R"(["~","value","^u"])"));
    CHECK(has(query({.facts = {fact("ip=10.0.0.[12]")}}), R"(["~","value",")"));
    CHECK(has(query({.facts = {fact("os.family=Debian")}}),
              R"(["select_fact_contents",["and",["=","path",["os","family"]],["=","value","Debian"]]])"));
    CHECK(query({.classes = {"apache::vhost"}}) ==
          fmt::format(R"(["and",{},["in","certname",["extract","certname",["select_resources",["and",["=","type","Class"],["=","title","Apache::Vhost"]]]]]])",
                      active));
    CHECK(has(query({.classes = {"/^http/"}}), R"(["~","title","(?i)^http"])"));
    CHECK(has(query({}, {.collective_fact = "mcollective"}), R"(["=","name","mcollective"],["=","value","uk"])"));
    CHECK(query({}, {}, {R"(["=","certname","x"])"}) == fmt::format(R"(["and",{},["=","certname","x"]])", active));
    CHECK(has(puppetdb_query({.facts = {fact("country>us")}}, "uk", {}, {}).error().detail, "orders numbers only, and 'country>us' is none"));
    const Names bad{"certname=x"};
    CHECK(has(puppetdb_query({}, "uk", {}, bad).error().detail, "--do 'certname=x': discovery method puppetdb takes a query"));
}

TEST_CASE("--dm puppetdb asks the configured server, and -I leaves some of its nodes (check 126)") {
    Place place;
    test::SmallServer server(200, R"([{"certname":"web1","deactivated":null},{"certname":"db1"}])");
    place.config.puppetdb = {.host = "127.0.0.1", .port = server.port()};
    CHECK(*place.look(Method::puppetdb, {}) == Names{"web1", "db1"});
    place.filter = {.identities = {"web*"}, .facts = {fact("country=us")}};
    CHECK(*place.look(Method::puppetdb, {}) == Names{"web1"});
    place.filter = {.conditions = {*proto::parse_condition("a=b")}};
    CHECK(has(place.refusal(Method::puppetdb, {}), "cannot judge a compound filter"));
    const auto requests = server.stop();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].starts_with("POST /pdb/query/v4/nodes HTTP/1.1\r\n"));
    CHECK(has(requests[0], "\r\n\r\n{\"query\":" + active + "}"));
    CHECK(has(requests[1], "select_facts"));
    CHECK(has(place.refusal(Method::puppetdb, {}), "cannot judge"));
}

TEST_CASE("what goes wrong with PuppetDB names the server") {
    Place place;
    const auto with = [&](int status, std::string body, bool ssl = false) {
        test::SmallServer server(status, std::move(body));
        place.config.puppetdb = {.host = "127.0.0.1", .port = server.port(), .ssl = ssl};
        return place.refusal(Method::puppetdb, {}, std::chrono::seconds(20));
    };
    CHECK(has(with(404, "no such place"), "/pdb/query/v4/nodes: the server answered 404: no such place"));
    CHECK(has(with(200, "[]"), "/pdb/query/v4/nodes names no node"));
    CHECK(has(with(200, "<html>"), "http://127.0.0.1:"));
    CHECK(has(with(200, "[]", true), "https://127.0.0.1:"));
    CHECK(has(place.refusal(Method::puppetdb, {}), "/pdb/query/v4/nodes: "));  // nobody listens there any more
}

// A PuppetDB behind TLS that answers only who shows a certificate of the authority in argv[1], which is its own as well.
constexpr auto tls_server = R"(
import os, socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.load_verify_locations(sys.argv[1])
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", 0))
os.write(3, b"%d\n" % listener.getsockname()[1])
os.close(3)
body = b'[{"certname":"web1"},{"certname":"db1"}]'
while True:
    peer, _ = listener.accept()
    try:
        with context.wrap_socket(peer, server_side=True) as stream:
            request = b""
            while b"{\"query\":" not in request or not request.endswith(b"}"):
                request += stream.recv(65536)
            stream.sendall(b"HTTP/1.1 200 x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    except (OSError, ssl.SSLError):
        pass
)";

std::pair<std::string, std::string> certificate(const test::TempDir& folder, const std::string& name) {
    const auto cert = (folder / (name + ".pem")).string(), key = (folder / (name + ".key")).string();
    const auto made = test::run({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                                          "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert}});
    REQUIRE_MESSAGE(made.status == 0, made.err);
    return {cert, key};
}

TEST_CASE("PuppetDB is asked by HTTPS: it has to prove itself, and so have we") {
    if (!std::filesystem::exists("/usr/bin/openssl") || !std::filesystem::exists("/usr/bin/python3")) {
        MESSAGE("skipped: there is no openssl or no python3 on this machine");
        return;
    }
    Place place;
    const test::TempDir folder;
    const auto [cert, key] = certificate(folder, "puppetdb");
    const auto [other_cert, other_key] = certificate(folder, "other");
    test::Process server({.argv = {"/usr/bin/python3", "-I", "-c", tls_server, cert, key}}, folder / "log",
                         test::Process::Ready::on_descriptor_3);
    const auto port = server.wait_ready();
    REQUIRE_MESSAGE(port.has_value(), server.log_text());
    const PuppetDb right{.host = "127.0.0.1", .port = static_cast<std::uint16_t>(std::stoi(*port)), .ssl = true, .ca = cert,
                         .certificate = cert, .key = key};
    place.config.puppetdb = right;
    const auto names = place.look(Method::puppetdb, {});
    REQUIRE_MESSAGE(names.has_value(), names.error().detail);
    CHECK(*names == Names{"web1", "db1"});
    const auto refused = [&](auto change) {
        place.config.puppetdb = right;
        change(place.config.puppetdb);
        const auto detail = place.refusal(Method::puppetdb, {}, std::chrono::seconds(20));
        CHECK_MESSAGE(has(detail, fmt::format(":{}/pdb/query/v4/nodes: ", *port)), detail);
        return detail;
    };
    CHECK(has(refused([](PuppetDb& database) { database.ca.clear(); }), "certificate"));            // the system's authorities do not know it
    CHECK(has(refused([&](PuppetDb& database) { database.ca = other_cert; }), "certificate"));      // neither does another one
    CHECK(has(refused([](PuppetDb& database) { database.ca = "/nonexistent"; }), "/nonexistent"));
    refused([](PuppetDb& database) { database.certificate.clear(), database.key.clear(); });        // a stranger
    refused([&](PuppetDb& database) { database.certificate = other_cert, database.key = other_key; });
    refused([](PuppetDb& database) { database.host = "localhost"; });                               // not the name in its certificate
}

}  // namespace
}  // namespace mco::client
