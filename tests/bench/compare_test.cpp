// The comparison with other programs: what holds on a machine that has none of them.

#include <signal.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proto/value.hpp"
#include "tests/support/has.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> compare(std::vector<std::string> words) {
    words.insert(words.begin(), {MCO_SOURCE_DIR "/bench/compare/compare", "--programs", program("mco").parent_path().string()});
    return words;
}

std::vector<proto::Value> lines_of(const std::string& file) {
    std::ifstream stream(file);
    std::vector<proto::Value> lines;
    for (std::string text; std::getline(stream, text);) {
        auto line = proto::parse_json(text);
        REQUIRE_MESSAGE(line, text);
        lines.push_back(std::move(*line));
    }
    return lines;
}

std::string text_of(const proto::Value& line, std::string_view key) { return line.find(key)->to_text(); }

TEST_CASE("mco is measured beside the floor: a line for each command, with seed, commit and machine") {
    const TempDir dir;
    const auto out = (dir.path() / "lines.jsonl").string();
    const auto done = run({.argv = compare({"--nodes", "3", "--runs", "2", "--seed", "9", "--only", "mco,floor", "--out", out, "--plot",
                                            (dir.path() / "plot.svg").string()})},
                          120s);
    REQUIRE_MESSAGE(done.status == 0, done.err);
    CHECK(has(done.out, "mco: mco ping"));
    CHECK(has(done.out, "mco: mco rpc rpcutil ping"));
    CHECK(has(done.out, "floor: plain TCP"));
    CHECK(has(done.out, "exec to exit is of the whole command"));
    std::ifstream plot(dir.path() / "plot.svg");
    CHECK(has(std::string(std::istreambuf_iterator<char>(plot), {}), "floor: libzmq CURVE"));
    const auto lines = lines_of(out);
    REQUIRE(lines.size() == 4);
    for (const auto& line : lines) {
        CHECK(text_of(line, "name") == "compare");
        CHECK(text_of(line, "answered_least") == "3");
        CHECK(text_of(line, "runs") == "2");
        CHECK(text_of(line, "seed") == "9");
        CHECK(text_of(line, "interrupted") == "false");
        CHECK_FALSE(text_of(line, "machine").empty());
        CHECK(line.find("wall_ms")->list()->size() + line.find("last_ms")->list()->size() >= 2);
    }
    CHECK(*lines[0].find("daemon_pss_mib")->real() > 0);
}

TEST_CASE("a peer that is not there is skipped with the package that has it") {
    const TempDir dir;
    const auto out = (dir.path() / "lines.jsonl").string();
    auto words = compare({"--nodes", "3", "--only", "serf,pdsh", "--out", out});
    words.insert(words.begin(), {"sh", "-c", "python=$(python3 -c 'import sys; print(sys.executable)'); PATH=/nonexistent exec \"$python\" \"$@\"", "sh"});
    const auto done = run({.argv = words});
    CHECK(done.status == 1);
    CHECK(has(done.out, "skipped: serf at 3 nodes: serf not found; --install, or: apt-get install serf"));
    CHECK(has(done.out, "skipped: pdsh at 3 nodes: pdsh"));
    CHECK(has(done.err, "nothing was measured"));
    const auto lines = lines_of(out);
    REQUIRE(lines.size() == 2);
    CHECK(has(text_of(lines[0], "skipped"), "apt-get install serf"));
}

TEST_CASE("a comparison that is interrupted keeps what it has and says so") {
    const TempDir dir;
    const auto out = (dir.path() / "lines.jsonl").string();
    Process measured({.argv = compare({"--nodes", "2", "--runs", "100000", "--only", "mco", "--out", out, "--ready-fd", "3"})},
                     dir.path() / "log", Process::Ready::on_descriptor_3);
    REQUIRE_MESSAGE(measured.wait_ready(120s) == "measuring", measured.log_text());
    REQUIRE(measured.signal(SIGINT));
    REQUIRE_MESSAGE(measured.wait(60s) == 0, measured.log_text());
    CHECK(has(measured.log_text(), "; INTERRUPTED"));
    CHECK(has(measured.log_text(), "(INTERRUPTED)"));
    const auto lines = lines_of(out);
    REQUIRE_FALSE(lines.empty());
    CHECK(text_of(lines[0], "interrupted") == "true");
}

TEST_CASE("lines of a comparison are drawn, with what was skipped") {
    const TempDir dir;
    const auto lines = dir.write("lines.jsonl",
                                 R"({"name":"compare","started":"now","peer":"mco","nodes":5,"work":"mco ping","kind":"ping","wall_ms":[10,20,40]})"
                                 "\n"
                                 R"({"name":"compare","started":"now","peer":"old","nodes":5,"work":"old ping","kind":"ping","wall_ms":[2000]})"
                                 "\n"
                                 R"({"name":"compare","started":"now","peer":"absent","nodes":5,"skipped":"not here"})"
                                 "\n");
    const auto page = run({.argv = {program("mco-bench").string(), "report", lines.string()}});
    REQUIRE_MESSAGE(page.status == 0, page.err);
    CHECK(has(page.out, "<td>20.0 [10.0..40.0]</td>"));
    CHECK(has(page.out, "<td>100.0</td>"));  // times mco
    CHECK(has(page.out, "absent was skipped: not here"));
    const auto drawing = run({.argv = {program("mco-bench").string(), "report", lines.string(), "--svg"}});
    CHECK_MESSAGE(drawing.status == 0, drawing.err);
    CHECK(drawing.out.starts_with("<svg "));
    CHECK(has(drawing.out, "old: old ping"));
}

TEST_CASE("a comparison says what it cannot do") {
    const auto refused = [](std::vector<std::string> words) {
        const auto finished = run({.argv = compare(std::move(words))});
        CHECK(finished.status != 0);
        return finished.out + finished.err;
    };
    CHECK(has(refused({"--nodes", "0"}), "takes numbers from 1 to 500"));
    CHECK(has(refused({"--only", "puppet"}), "there is no peer 'puppet'; there are mco, floor, mcollective"));
    CHECK(has(refused({"--only", "mco", "--skip", "mco"}), "no peer is left"));
    CHECK(has(refused({"--out", "/nonexistent/lines"}), "/nonexistent/lines cannot be written"));
    CHECK(has(refused({"--plot", "/nonexistent/plot", "--out", "/dev/null"}), "/nonexistent/plot cannot be written"));
    CHECK(has(refused({"--only", "mco", "--programs", "/nonexistent", "--out", "/dev/null"}), "there is no /nonexistent/mco"));
}

}  // namespace
}  // namespace mco::test
