#include "node/daemon_state.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "node/log.hpp"
#include "node/metrics.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/text_of.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;

DaemonState example() {
    DaemonState state{.name = "web1",
                      .software = "mcod 1.2.3",
                      .started = proto::WallTime(1'000s),
                      .certificate_until = proto::WallTime(2'000'000'000s),
                      .ready = true,
                      .running = 2};
    state.counters.total = 12;
    state.counters.denied = 3;
    state.mesh.role = mesh::Engine::Role::relay;
    state.mesh.group = "paris";
    state.mesh.members = 5;
    state.mesh.other_groups.push_back({.group = "oslo", .members = 40, .linked = true});
    for (const auto silent : {1s, 9s, 4s})
        state.mesh.links.push_back({.name = fmt::format("db{}", silent.count()), .group = "paris", .silent_for = silent});
    state.mesh.counters = {{"socket.frames_in", 77}, {"mesh.resent", 0}};
    return state;
}

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

TEST_CASE("the report tells who it is, what was asked, and which links are silent first") {
    const auto lines = state_report(example(), proto::WallTime(1'060s));
    REQUIRE(lines.size() == 7);
    CHECK(lines[0] ==
          "state: mcod 1.2.3 web1, up for 60 s, takes part, relay of group paris, 5 members known, 3 links, 2 actions running, "
          "certificate until 2033-05-18T03:33:20Z");
    CHECK(lines[1].starts_with("state: requests: total 12 validated 0"));
    CHECK(lines[2] == "state: group oslo: 40 members, linked");
    CHECK(lines[3].starts_with("state: link db9 (paris): up for 0 s, silent for 9 s"));
    CHECK(lines[5].starts_with("state: link db1 "));
    CHECK(lines[6] == "state: counted: socket.frames_in 77");
}

TEST_CASE("of a relay's hundreds of links the report tells a bounded number, and how many more there are") {
    auto state = example();
    state.mesh.links.resize(500);
    const auto lines = state_report(state, state.started);
    CHECK(lines.size() < 40);
    CHECK(std::count(lines.begin(), lines.end(), "state: 468 more links") == 1);
}

TEST_CASE("every counter has a name of its own and a meaning") {
    std::set<std::string_view> names;
    for (const auto& row : named_counters()) {
        CHECK_MESSAGE(names.insert(row.name).second, row.name);
        CHECK_MESSAGE(!row.meaning.empty(), row.name);
    }
    CHECK(names.size() * sizeof(std::uint64_t) == sizeof(Counters));  // none was forgotten
}

TEST_CASE("metrics are Prometheus' text: help and type once, then the values") {
    const auto text = metrics_text(example());
    CHECK(has_line(text, "# TYPE mco_info gauge"));
    CHECK(has_line(text, R"(mco_info{name="web1",software="mcod 1.2.3",group="paris",role="relay"} 1)"));
    CHECK(has_line(text, "mco_ready 1"));
    CHECK(has_line(text, "mco_members 5"));
    CHECK(has_line(text, "mco_requests_total 12"));
    CHECK(has_line(text, "mco_requests_denied_total 3"));
    CHECK(has_line(text, R"(mco_mesh_events_total{event="socket.frames_in"} 77)"));
    CHECK(has_line(text, "mco_certificate_expiry_time_seconds 2000000000"));
}

TEST_CASE("the metrics file is whole, readable by others, and due every 15 seconds") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file, .file = dir / "log"});
    REQUIRE(log.has_value());
    MetricsFile metrics(*log);
    const proto::Instant start(100s);
    CHECK(metrics.due(start));
    metrics.write(start, dir / "mcod.prom", example());
    CHECK(test::text_of(dir / "mcod.prom") == metrics_text(example()));
    CHECK((std::filesystem::status(dir / "mcod.prom").permissions() & std::filesystem::perms::others_read) !=
          std::filesystem::perms::none);
    CHECK_FALSE(metrics.due(start + 14'999ms));
    CHECK(metrics.due(start + 15s));
    CHECK(metrics.next_deadline() == start + 15s);
}

TEST_CASE("a metrics file that cannot be written is told once, and again when it broke anew") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file, .file = dir / "log"});
    REQUIRE(log.has_value());
    MetricsFile metrics(*log);
    const auto lost = dir / "folder" / "mcod.prom";
    const auto told = [&] {
        const auto text = test::text_of(dir / "log");
        return std::count(text.begin(), text.end(), '\n');
    };
    metrics.write({}, lost, example());
    metrics.write({}, lost, example());
    CHECK(told() == 1);
    std::filesystem::create_directory(dir / "folder");
    metrics.write({}, lost, example());
    std::filesystem::remove_all(dir / "folder");
    metrics.write({}, lost, example());
    CHECK(told() == 2);
}

}  // namespace
}  // namespace mco::node
