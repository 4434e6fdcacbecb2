// Sites of real daemons behind a relay that delays, at smoke size.

#include <signal.h>

#include <fstream>
#include <iterator>
#include <sstream>
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

std::string bench() { return program("mco-bench").string(); }

TEST_CASE("a request to sites that are apart waits for the farthest, and crosses each line twice at most") {
    const TempDir dir;
    const auto plot = dir.path() / "plot.svg";
    const auto measured = run({.argv = {bench(), "wan", "--rtt", "20,40,60", "--nodes", "1", "--rounds", "5", "--from", "1", "--seed", "4", "--jitter", "1", "--plot",
                                        plot.string(), "--json"}},
                              240s);
    REQUIRE_MESSAGE(measured.status == 0, measured.err);
    const auto line = proto::parse_json(measured.out);
    REQUIRE_MESSAGE(line, measured.out);
    CHECK(*line->find("sites")->integer() == 3);
    CHECK(*line->find("nodes")->integer() == 3);
    CHECK(*line->find("seed")->integer() == 4);
    CHECK(*line->find("slowest_ms")->real() == doctest::Approx(40));
    const auto rounds = *line->find("rounds")->integer();
    CHECK(rounds + *line->find("incomplete")->integer() == 5);
    REQUIRE(rounds > 0);
    const auto* replies = line->find("replies_us");
    const auto at = [&](std::string_view when) { return *replies->find(when)->find("p50")->integer(); };
    CHECK(at("first reply") < at("last reply"));
    CHECK(at("last reply") >= 40'000);  // nobody is faster than the distance
    const auto* copies = line->find("copies");
    if (copies->map()->empty()) return;  // a machine this slow does not tell
    for (const auto* between : {"1 to 2", "1 to 3"}) CHECK(*copies->find(between)->real() > 0.5);
    CHECK(*copies->find("2 to 3")->real() < 0.5);

    std::ifstream file(plot);
    const std::string svg{std::istreambuf_iterator<char>(file), {}};
    CHECK(has(svg, "from site 1"));
    const auto lines = dir.write("lines.jsonl", measured.out).string();
    const auto page = run({.argv = {bench(), "report", lines}});
    CHECK_MESSAGE(page.status == 0, page.err);
    CHECK(has(page.out, "<h2>Several sites</h2>"));
    CHECK(has(page.out, "20, 40, 60"));
}

TEST_CASE("loss and stalls make the way longer, and nobody is lost by them; interrupted it tells what it has") {
    const TempDir dir;
    Process measured({.argv = {bench(), "wan", "--rtt", "10", "--nodes", "1", "--proxies", "1", "--rounds", "100000", "--from", "2", "--loss", "2", "--stall-every", "2",
                               "--stall-for", "100", "--ready-fd", "3", "--json"}},
                     dir.path() / "log", Process::Ready::on_descriptor_3);
    REQUIRE_MESSAGE(measured.wait_ready(120s) == "measuring", measured.log_text());
    REQUIRE(measured.signal(SIGINT));
    REQUIRE_MESSAGE(measured.wait(60s) == 0, measured.log_text());
    std::istringstream log(measured.log_text());
    for (std::string text; std::getline(log, text);) {
        const auto line = proto::parse_json(text);
        REQUIRE_MESSAGE(line, text);
        CHECK(*line->find("interrupted")->flag());
        CHECK(*line->find("loss_percent")->real() == doctest::Approx(2));
    }
}

TEST_CASE("a wan that cannot be laid out says why") {
    const auto refused = [](std::vector<std::string> words) {
        words.insert(words.begin(), {bench(), "wan"});
        const auto finished = run({.argv = std::move(words)});
        CHECK(finished.status == 1);
        return finished.err;
    };
    CHECK(has(refused({"--rtt", "30,80"}), "a number for each pair of sites: 1, 3, 6, 10 or 15 of them, not 2"));
    CHECK(has(refused({"--rtt", "30,far,80"}), "--rtt takes milliseconds up to 2000"));
    CHECK(has(refused({"--rtt", "30", "--from", "3"}), "--from 3: there are 2 sites"));
    CHECK(has(refused({"--loss", "50"}), "--loss takes percent"));
    CHECK(has(refused({"--jitter", "-1"}), "--jitter"));
}

}  // namespace
}  // namespace mco::test
