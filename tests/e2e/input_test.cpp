// Bad input: one clear line that names the thing and the next step, the documented status, and the daemon lives on.

#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

Finished start(const std::filesystem::path& config) {
    return run({.argv = {program("mcod").string(), "-c", config.string()}});
}

TEST_CASE("a daemon refuses a bad configuration, naming file, line and cure") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto good = read_text(fleet.config("db1"));
    struct Row {
        std::string line;
        std::string_view says;
    };
    const std::vector<Row> rows{
        {"identiti = db1\n", "identity"},  // with the nearest known one
        {"workers = many\n", "workers"},   // bad integer
        {"activate_agents = maybe\n", "activate_agents"},
        {"libdir = relative/path\n", "libdir"},
        {"identity = no spaces allowed\n", "identity"},
        {"seed = tcp://127.0.0.1:21000\n", "seed"},
        {"listen = nonsense\n", "listen"},
        {"loglevel = loud\n", "loglevel"},
        {"certificate = /nonexistent/x.cert\n", "/nonexistent/x.cert"},
    };
    for (const auto& row : rows) {
        const auto config = fleet.dir().write("bad/mcod.conf", good + row.line);
        const auto finished = start(config);
        CHECK_MESSAGE(finished.status == 1, row.line << finished.err);
        CHECK_MESSAGE(has(finished.err, row.says), row.line << finished.err);
        const auto checked = run({.argv = {program("mcod").string(), "--check-config", "-c", config.string()}});
        CHECK_MESSAGE(checked.status == 1, row.line << checked.out << checked.err);
    }
    const auto checked =
        run({.argv = {program("mcod").string(), "--check-config", "-c", fleet.config("db1").string()}});
    CHECK_MESSAGE(checked.status == 0, checked.out << checked.err);
}

TEST_CASE("a daemon refuses an unreadable configuration, a readable secret, a busy port") {
    Fleet fleet(Fleet::acceptance_nodes());
    SUBCASE("no such file") {
        const auto finished = start("/nonexistent/mcod.conf");
        CHECK(finished.status == 1);
        CHECK_MESSAGE(has(finished.err, "/nonexistent/mcod.conf"), finished.err);
    }
    SUBCASE("a secret that others may read") {
        const auto key = fleet.folder("db1") / "db1.key";
        std::filesystem::permissions(key, std::filesystem::perms(0640));
        const auto finished = start(fleet.config("db1"));
        CHECK(finished.status == 1);
        CHECK_MESSAGE(has(finished.err, "chmod 600"), finished.err);
    }
    SUBCASE("a busy port") {
        const auto own = read_text(fleet.config("db1")) + fmt::format("state_folder = {}/other\n", fleet.dir().path().string());
        const auto finished = start(fleet.dir().write("db1/second.conf", own));  // db1 itself holds it
        CHECK(finished.status == 1);
        CHECK_MESSAGE(has(finished.err, fleet.endpoint("db1")), finished.err);
    }
    SUBCASE("an expired certificate") {
        fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "old", "--role", "node", "--out",
                  (fleet.dir() / "old").string(), "--not-before", "2020-01-01T00:00:00Z", "--not-after",
                  "2020-02-01T00:00:00Z"});
        auto text = read_text(fleet.config("db1"));
        for (auto at = text.find("db1/db1."); at != std::string::npos; at = text.find("db1/db1."))
            text.replace(at, 8, "old/old.");
        text.replace(text.find("identity = db1"), 14, "identity = old");
        const auto finished = start(fleet.dir().write("old/mcod.conf", text));
        CHECK(finished.status == 1);
        CHECK_MESSAGE(has(finished.err, "expired"), finished.err);
    }
    CHECK(fleet.mco({"ping", "-I", "db1"}).status == 0);
}

TEST_CASE("no entry reachable: every entry is named with its reason") {
    Fleet fleet({{"web1", "country: us\n", {"httpd"}}});
    fleet.node("web1").kill();
    const auto ping = fleet.mco({"ping"});
    CHECK(ping.status == 1);
    CHECK_MESSAGE(has(ping.err, fleet.endpoint("web1")), ping.err);
}

}  // namespace
}  // namespace mco::test
