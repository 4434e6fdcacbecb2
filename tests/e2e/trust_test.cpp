// Who is let in, and what a stranger gets: nothing, and one clear line on his own side.

#include <chrono>
#include <ctime>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

// The operator's configuration with some lines exchanged.
std::filesystem::path client_with(const Fleet& fleet, const std::string& certificate, const std::string& keys,
                                  const std::string& trust) {
    return fleet.dir().write(
        "other.cfg", fmt::format("certificate = {}\nsecret_keys = {}\ntrust = {}\nentry = {} {}\n", certificate, keys,
                                 trust, fleet.endpoint("web1"), fleet.curve_key("web1")));
}

// `mco ping` as somebody else: must fail with one line (and a hint), status 1, and the daemon lives on.
void expect_refused(Fleet& fleet, const std::filesystem::path& config, std::string_view because) {
    const auto ping = fleet.mco({"ping"}, {{"MCO_CONFIG", config.string()}});
    CHECK_MESSAGE(ping.status == 1, ping.out << ping.err);
    CHECK_MESSAGE(has(ping.err, because), ping.err);
    CHECK(!has(ping.out, "web1"));
    const auto honest = fleet.mco({"ping"});
    CHECK_MESSAGE(honest.status == 0, honest.err << fleet.logs());
}

TEST_CASE("a stranger of another authority is refused") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto other = (fleet.dir() / "other-ca").string();
    const auto out = (fleet.dir() / "stranger").string();
    fleet.ca({"init", other, "--name", "other"});
    fleet.ca({"issue", "--ca", other, "--name", "stranger", "--role", "caller", "--out", out});
    SUBCASE("who trusts our root") {
        expect_refused(
            fleet, client_with(fleet, out + "/stranger.cert", out + "/stranger.key", fleet.authority() / "root.cert"),
            "did not answer our HELLO");
    }
    SUBCASE("who does not") {
        expect_refused(fleet, client_with(fleet, out + "/stranger.cert", out + "/stranger.key", other + "/root.cert"),
                       "authority");
    }
}

TEST_CASE("an expired certificate is refused before anything is sent, naming it and its end") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto out = (fleet.dir() / "late").string();
    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "late", "--role", "caller", "--out", out,
              "--not-before", "2020-01-01T00:00:00Z", "--not-after", "2020-02-01T00:00:00Z"});
    expect_refused(fleet, client_with(fleet, out + "/late.cert", out + "/late.key", fleet.authority() / "root.cert"),
                   "expired");
}

TEST_CASE("a machine whose clock is behind its certificate does not take part; once it is right the next start does, with nothing else changed") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto out = (fleet.dir() / "late").string();
    const auto begins = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::seconds(63);  // 60 s are forgiven
    const auto time = std::chrono::system_clock::to_time_t(begins);
    char text[32];
    REQUIRE(std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time)) != 0);
    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "late", "--role", "node", "--out", out, "--not-before", text});
    fleet.dir().write("late/mcod.conf", fmt::format("certificate = {0}/late.cert\nsecret_keys = {0}/late.key\ntrust = {1}/root.cert\nlisten = tcp://127.0.0.1:*\n"
                                                    "state_folder = {0}/state\nseed = {2} {3}\n",
                                                    out, fleet.authority().string(), fleet.endpoint("web1"), fleet.curve_key("web1")));
    const Launch launch{.argv = {program("mcod").string(), "-c", out + "/mcod.conf", "--ready-fd", "3"}};
    int refusals = 0;
    for (bool ready = false; !ready; refusals += ready ? 0 : 1) {  // as a service manager does
        Process daemon(launch, fleet.dir() / "late.log", Process::Ready::on_descriptor_3);
        ready = daemon.wait_ready().has_value();
        if (!ready) {
            CHECK(daemon.wait() == 1);
            CHECK_MESSAGE(has(daemon.log_text(), "late.cert"), daemon.log_text());
            CHECK_MESSAGE(has(daemon.log_text(), text), daemon.log_text());
            REQUIRE(std::chrono::system_clock::now() < begins);
            continue;
        }
        const auto ping = fleet.mco({"ping", "-I", "late"});
        CHECK_MESSAGE(ping.status == 0, ping.out << ping.err);
    }
    CHECK(refusals > 0);
}

TEST_CASE("a certificate without its key is refused") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto out = (fleet.dir() / "second").string();
    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "second", "--role", "caller", "--out", out});
    expect_refused(fleet,
                   client_with(fleet, fleet.dir() / "operator/operator.cert", out + "/second.key",
                               fleet.authority() / "root.cert"),
                   "operator.cert");
}

TEST_CASE("a node's certificate cannot give orders") {
    Fleet fleet(Fleet::acceptance_nodes());
    expect_refused(fleet,
                   client_with(fleet, fleet.folder("web2") / "web2.cert", fleet.folder("web2") / "web2.key",
                               fleet.authority() / "root.cert"),
                   "caller");
}

TEST_CASE("a secret that others may read is refused with the command that mends it") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto key = fleet.dir() / "operator/operator.key";
    std::filesystem::permissions(key, std::filesystem::perms(0644));
    const auto ping = fleet.mco({"ping"});
    CHECK(ping.status == 1);
    CHECK_MESSAGE(has(ping.err, "chmod 600"), ping.err);
    CHECK(has(ping.err, key.string()));
}

TEST_CASE("a caller without a rule is denied with the fixed sentence, and the reason is in the audit") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto out = (fleet.dir() / "guest").string();
    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "guest", "--role", "caller", "--out", out});
    const auto config = client_with(fleet, out + "/guest.cert", out + "/guest.key", fleet.authority() / "root.cert");
    const auto ping = fleet.mco({"ping"}, {{"MCO_CONFIG", config.string()}});
    CHECK_MESSAGE(ping.status == 0, ping.out << ping.err);  // discovery is everybody's who is enrolled
    const auto rpc = fleet.mco({"rpc", "rpcutil", "ping"}, {{"MCO_CONFIG", config.string()}});
    CHECK(rpc.status == 2);
    CHECK_MESSAGE(has(rpc.out, "You are not authorized to call this agent or action."), rpc.out << rpc.err);
    const auto audit =
        run({.argv = {"/bin/grep", "-c", "\"policy_denied\"", (fleet.folder("db1") / "audit.jsonl").string()}});
    CHECK(audit.out == "1\n");
}

}  // namespace
}  // namespace mco::test
