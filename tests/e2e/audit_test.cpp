// The audit trail of a running fleet: verified, collected, and what an intruder does to it found.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include "tests/e2e/fleet.hpp"

namespace mco::test {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void allow_audit(const Fleet& fleet) {
    for (const auto* node : {"web1", "web2", "db1"}) {
        fleet.dir().write(std::string(node) + "/policies/audit.policy", "policy default deny\nallow\tcert=operator\trecords\t*\t*\n");
    }
}

TEST_CASE("the fleet's trails are collected at one place, go on where they were, and what was changed is found") {
    Fleet fleet(Fleet::acceptance_nodes());
    allow_audit(fleet);
    for (const auto* node : {"web1", "web2", "db1"}) fleet.restart(node);
    const auto to = (fleet.dir() / "collected").string();
    const auto collect = [&] { return fleet.mco({"audit", "collect", "--to", to}); };
    const auto verify = [&] { return fleet.mco({"audit", "verify", to + "/web1.jsonl", to + "/web2.jsonl", to + "/db1.jsonl"}); };

    REQUIRE(fleet.mco({"rpc", "rpcutil", "get_fact", "fact=country"}).status == 0);
    const auto first = collect();
    CHECK_MESSAGE(first.status == 0, first.out << first.err << fleet.logs());
    CHECK(has(first.out, "from 3 nodes"));
    const auto whole = verify();
    CHECK_MESSAGE(whole.status == 0, whole.out << whole.err);

    const auto size = fs::file_size(to + "/web1.jsonl");
    REQUIRE(fleet.mco({"rpc", "rpcutil", "ping"}).status == 0);
    CHECK(collect().status == 0);
    CHECK(fs::file_size(to + "/web1.jsonl") > size);
    CHECK(verify().status == 0);
    const auto shown = fleet.mco({"audit", "show", to + "/web1.jsonl", "--caller", "operator", "--action", "get_fact", "--code", "allowed"});
    CHECK(has(shown.out, "rpcutil/get_fact {\"fact\":\"country\"} rpcutil.policy:2"));

    // An intruder on web2 takes a line out while nobody looks.
    fleet.node("web2").signal(SIGTERM);
    fleet.node("web2").wait();
    const auto file = fleet.folder("web2") / "audit.jsonl";
    auto text = text_of(file);
    const auto line = text.find('\n') + 1;
    text.erase(line, text.find('\n', line) + 1 - line);
    { std::ofstream(file, std::ios::binary | std::ios::trunc) << text; }
    const auto on_node = fleet.mco({"audit", "verify", file.string()});
    CHECK(on_node.status == 2);
    CHECK_MESSAGE(has(on_node.out, "are missing"), on_node.out);
    CHECK(verify().status == 0);  // the copy is whole

    // And on web1 goes back to an earlier moment with file and head: only the copy shows it.
    fleet.node("web1").signal(SIGTERM);
    fleet.node("web1").wait();
    for (const auto* name : {"audit.jsonl", "audit.jsonl.head"}) fs::remove(fleet.folder("web1") / name);
    fleet.restart("web1");
    REQUIRE(fleet.mco({"rpc", "rpcutil", "ping", "-I", "web1"}, fleet.entering_by({"web1"})).status == 0);
    const auto again = fleet.mco({"audit", "collect", "--to", to, "-I", "web1"}, fleet.entering_by({"web1"}));
    CHECK_MESSAGE(again.status == 2, again.out);
    CHECK_MESSAGE(has(again.err, "web1"), again.err);
}

TEST_CASE("a rotated trail stays whole") {
    Fleet fleet(Fleet::acceptance_nodes());
    REQUIRE(fleet.mco({"rpc", "rpcutil", "ping"}).status == 0);
    const auto file = fleet.folder("web1") / "audit.jsonl", old = fleet.folder("web1") / "audit.jsonl.1";
    fs::rename(file, old);
    fleet.node("web1").signal(SIGWINCH);
    REQUIRE(fleet.mco({"rpc", "rpcutil", "ping"}).status == 0);
    REQUIRE(fleet.mco({"rpc", "rpcutil", "ping"}).status == 0);
    const auto both = fleet.mco({"audit", "verify", file.string(), old.string()});
    CHECK_MESSAGE(both.status == 0, both.out << both.err);
    CHECK(has(both.out, "web1: lines 1 to "));
}

TEST_CASE("a daemon begins a new file when the trail is full; the set of them is verified and collected as one") {
    auto nodes = Fleet::acceptance_nodes();
    nodes[0].extra = "plugin.rpcaudit.max_log_size = 65536\nplugin.rpcaudit.keeplogs = 2\nplugin.actionpolicy.allow_unconfigured = 1\n";
    Fleet fleet(nodes);
    const auto file = fleet.folder("web1") / "audit.jsonl", old = fleet.folder("web1") / "audit.jsonl.1";
    const auto long_name = "file=/" + std::string(250, 'x');
    for (int i = 0; !fs::exists(old); ++i) {
        REQUIRE(i < 200);
        fleet.mco({"rpc", "filemgr", "status", long_name, "-I", "web1"});
    }
    const auto both = fleet.mco({"audit", "verify", file.string(), old.string()});
    CHECK_MESSAGE(both.status == 0, both.out << both.err);
    CHECK(has(both.out, "web1: lines 1 to "));
    const auto to = (fleet.dir() / "collected").string();
    const auto collected = fleet.mco({"audit", "collect", "--to", to, "-I", "web1"});
    CHECK_MESSAGE(collected.status == 0, collected.out << collected.err);
    const auto copy = fleet.mco({"audit", "verify", to + "/web1.jsonl"});
    CHECK_MESSAGE(copy.status == 0, copy.out << copy.err);
    CHECK(fs::file_size(to + "/web1.jsonl") > 65'536);
}

}  // namespace
}  // namespace mco::test
