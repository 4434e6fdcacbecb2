// An emulated fleet, as an operator and his mco meet it; the sizes are those of a smoke test.

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proto/value.hpp"
#include "tests/support/has.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;

std::string bench() { return program("mco-bench").string(); }

Finished mco(const std::string& config, std::vector<std::string> words) {
    words.insert(words.begin(), program("mco").string());
    words.insert(words.end(), {"-c", config});
    const auto home = std::filesystem::path(config).parent_path().string();
    return run({.argv = std::move(words), .environment = {{"HOME", home}}});
}

TEST_CASE("an unmodified mco talks to emulated nodes; the end tells what they cost") {
    const TempDir dir;
    const auto folder = (dir.path() / "fleet").string();
    Process fleet({.argv = {bench(), "emulate", "5", "--folder", folder, "--ready-fd", "3", "--json"}},
                  dir.path() / "log", Process::Ready::on_descriptor_3);
    const auto ready = fleet.wait_ready(120s);
    REQUIRE_MESSAGE(ready.has_value(), fleet.log_text());
    CHECK(*ready == fmt::format("ready {}/client.cfg", folder));
    const auto config = folder + "/client.cfg";

    const auto ping = mco(config, {"ping"});
    CHECK_MESSAGE(ping.status == 0, ping.out << ping.err);
    CHECK_MESSAGE(has(ping.out, "5 replies"), ping.out << ping.err);
    const auto fact = mco(config, {"rpc", "rpcutil", "get_fact", "fact=role", "-I", "node3"});
    CHECK_MESSAGE(fact.status == 0, fact.out << fact.err);
    CHECK(has(fact.out, "node3"));
    const auto denied = mco(config, {"rpc", "package", "status", "package=bash", "-I", "node1"});
    CHECK_MESSAGE(denied.status != 0, denied.out << denied.err);

    REQUIRE(fleet.signal(SIGINT));
    REQUIRE(fleet.wait(60s) == 0);
    std::istringstream lines(fleet.log_text());
    std::string first, last, line;
    while (std::getline(lines, line)) (first.empty() ? first : last) = line;
    const auto started = proto::parse_json(first), ended = proto::parse_json(last);
    REQUIRE_MESSAGE(started, first);
    REQUIRE_MESSAGE(ended, last);
    CHECK(*started->find("relays")->integer() == 5);
    CHECK(*ended->find("replies")->integer() >= 6);
}

TEST_CASE("two groups are one mesh for whoever asks, and each node is in one of them") {
    const TempDir dir;
    const auto folder = (dir.path() / "fleet").string();
    Process fleet({.argv = {bench(), "emulate", "6", "--groups", "2", "--folder", folder, "--ready-fd", "3", "--json"}}, dir.path() / "log",
                  Process::Ready::on_descriptor_3);
    const auto ready = fleet.wait_ready(120s);
    REQUIRE_MESSAGE(ready.has_value(), fleet.log_text());
    const auto config = folder + "/client.cfg";
    const auto ping = mco(config, {"ping"});
    CHECK_MESSAGE(ping.status == 0, ping.out << ping.err);
    CHECK_MESSAGE(has(ping.out, "6 replies"), ping.out << ping.err);
    const auto mesh = mco(config, {"mesh", "-j"});
    const auto view = proto::parse_json(mesh.out);
    REQUIRE_MESSAGE(view, mesh.out << mesh.err);
    std::map<std::string, std::size_t> nodes;
    for (const auto& group : *view->find("groups")->list()) nodes[group.find("group")->to_text()] = group.find("nodes")->list()->size();
    CHECK(nodes == std::map<std::string, std::size_t>{{"group1", 3}, {"group2", 3}});
}

// The first process whose parent this is; 0: none.
pid_t child_of(pid_t parent) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "stat");
        std::string line;
        if (!std::getline(file, line)) continue;
        std::istringstream fields(line.substr(line.rfind(')') + 1));
        std::string state;
        pid_t its = 0;
        if (fields >> state >> its && its == parent) return std::stoi(entry.path().filename().string());
    }
    return 0;
}

TEST_CASE("a process of the fleet that dies is named, and the usage is not printed for that") {
    const TempDir dir;
    Process fleet({.argv = {bench(), "emulate", "2", "--ready-fd", "3"}}, dir.path() / "log", Process::Ready::on_descriptor_3);
    REQUIRE_MESSAGE(fleet.wait_ready(120s).has_value(), fleet.log_text());
    const auto shard = child_of(fleet.pid());
    REQUIRE(shard > 0);
    REQUIRE(::kill(shard, SIGKILL) == 0);
    CHECK(fleet.wait(60s) == 1);
    CHECK(has(fleet.log_text(), fmt::format("process {} of the fleet was killed by signal 9", shard)));
    CHECK_FALSE(has(fleet.log_text(), "Usage:"));
}

TEST_CASE("what cannot be emulated is refused with the reason and the next step") {
    const auto refused = [](std::vector<std::string> words) {
        words.insert(words.begin(), {bench(), "emulate"});
        const auto finished = run({.argv = std::move(words)});
        CHECK(finished.status == 1);
        return finished.err;
    };
    CHECK(has(refused({}), "the number of nodes is missing, from 1 to 8000"));
    CHECK(has(refused({"0"}), "'0' is given"));
    CHECK(has(refused({"2", "--groups", "3"}), "3 groups need 3 nodes at least"));
    CHECK(has(refused({"2", "--folder", "/tmp"}), "--folder /tmp: File exists\nName one that does not exist yet."));
    const auto large = run({.argv = {"sh", "-c", fmt::format("ulimit -v 300000; exec {} emulate 8000", bench())}});
    CHECK(large.status == 1);
    // Which of the two comes first depends on the machine.
    CHECK_MESSAGE((has(large.err, "MiB of address space\nIn this shell: ulimit -v unlimited") || has(large.err, "MiB are free\nThere is room for")), large.err);
    CHECK_FALSE(has(large.err, "Usage:"));
    const auto few = run({.argv = {"sh", "-c", fmt::format("ulimit -n 100; exec {} emulate 3 --processes 1 --for 1", bench())}});
    const bool raised = few.err.empty();  // who may raise the limit does, and then other things are missing
    CHECK_MESSAGE((raised || has(few.err, "file descriptors are needed")), few.err);
}

TEST_CASE("a fan-out is measured over a mesh of its own, beside the floor, and drawn") {
    const TempDir dir;
    const auto plot = dir.path() / "plot.svg";
    const auto measured = run({.argv = {bench(), "fanout", "--nodes", "4", "--rounds", "20", "--request-bytes", "900", "--reply-bytes",
                                        "500", "--floor", "--seed", "7", "--plot", plot.string(), "--json"}},
                              120s);
    REQUIRE_MESSAGE(measured.status == 0, measured.err);
    const auto line = proto::parse_json(measured.out);
    REQUIRE_MESSAGE(line, measured.out);
    const auto number = [&](std::string_view key) { return *line->find(key)->integer(); };
    CHECK(number("nodes") == 4);
    CHECK(number("rounds") == 20);
    CHECK(number("incomplete") == 0);
    CHECK(number("seed") == 7);
    CHECK(number("request_bytes") >= 900);
    CHECK(number("reply_bytes") >= 500);
    CHECK(*line->find("floor_ratio")->real() > 0);
    const auto* replies = line->find("replies_us");
    const auto at = [&](std::string_view when) { return *replies->find(when)->find("p50")->integer(); };
    CHECK(at("first reply") <= at("50 %"));
    CHECK(at("50 %") <= at("last reply"));
    CHECK(at("last reply") <= at("closed"));
    std::ofstream(dir.path() / "lines.jsonl") << R"({"name":"floor","parameters":{"agents":"<3>"}})" << '\n' << measured.out << measured.out;
    const auto report = run({.argv = {bench(), "report", (dir.path() / "lines.jsonl").string()}});
    CHECK_MESSAGE(report.status == 0, report.err);
    CHECK(report.out.starts_with("<!DOCTYPE html>"));
    CHECK(has(report.out, "2: 4 nodes"));
    CHECK_FALSE(has(report.out, "3: 4 nodes"));
    CHECK(has(report.out, "<h2>floor</h2>"));
    CHECK(has(report.out, "<td>&lt;3&gt;</td>"));
    CHECK(report.out.ends_with("</body></html>\n"));

    std::ifstream file(plot);
    const std::string svg{std::istreambuf_iterator<char>(file), {}};
    CHECK(svg.starts_with("<svg "));
    CHECK(has(svg, "replies over time"));
    CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("a report names the file and the line that it cannot read") {
    const TempDir dir;
    const auto refused = [](std::vector<std::string> words) {
        words.insert(words.begin(), {bench(), "report"});
        const auto finished = run({.argv = std::move(words)});
        CHECK(finished.status == 1);
        return finished.err;
    };
    CHECK(has(refused({}), "which files?"));
    CHECK(has(refused({"/nonexistent.jsonl"}), "/nonexistent.jsonl cannot be read"));
    const auto torn = dir.write("torn.jsonl", "{\"name\":\"floor\"}\n{\"name\":\"fan").string();
    CHECK(has(refused({torn}), "torn.jsonl:2: not a line of JSON"));
    CHECK(has(refused({dir.write("bare.jsonl", "{\"name\":\"fanout\"}\n").string()}), "bare.jsonl:1: a fanout without its times"));
    CHECK(has(refused({dir.write("bare.jsonl", "{\"name\":\"compare\",\"peer\":\"mco\"}\n").string()}), "bare.jsonl:1: a comparison without its peer"));
    CHECK(has(refused({dir.write("empty.jsonl", "\n").string()}), "there is no line in these files"));
    CHECK(has(refused({dir.write("floor.jsonl", "{\"name\":\"floor\"}\n").string(), "--svg"}), "there is nothing to draw"));
}

TEST_CASE("requests at a fixed rate are counted from when they were due; an interrupted run keeps what it has") {
    const TempDir dir;
    Process measured({.argv = {bench(), "fanout", "--nodes", "3", "--rounds", "1000000", "--rate", "50", "--ready-fd", "3", "--json"}},
                     dir.path() / "log", Process::Ready::on_descriptor_3);
    REQUIRE_MESSAGE(measured.wait_ready(120s) == "measuring", measured.log_text());
    REQUIRE(measured.signal(SIGINT));
    REQUIRE_MESSAGE(measured.wait(60s) == 0, measured.log_text());
    const auto line = proto::parse_json(measured.log_text());
    REQUIRE_MESSAGE(line, measured.log_text());
    CHECK(*line->find("interrupted")->flag());
    CHECK(*line->find("rounds")->integer() > 0);
    CHECK(*line->find("rate")->integer() == 50);
}

TEST_CASE("a fan-out that cannot be asked says why") {
    const auto refused = [](std::vector<std::string> words) {
        words.insert(words.begin(), {bench(), "fanout"});
        const auto finished = run({.argv = std::move(words)});
        CHECK(finished.status == 1);
        return finished.err;
    };
    CHECK(has(refused({}), "either --nodes or --client"));
    CHECK(has(refused({"--client", "/nonexistent.cfg"}), "/nonexistent.cfg"));
    CHECK(has(refused({"--nodes", "3", "--arguments", "loud"}), "--arguments needs NAME=VALUE"));
}

}  // namespace
}  // namespace mco::test
