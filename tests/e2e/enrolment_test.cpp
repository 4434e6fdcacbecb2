// A new machine and the authority's desk, as processes on loopback.

#include <signal.h>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/process.hpp"

namespace mco::test {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("one command and a token make a node that the mesh takes; the token is good once") {
    Fleet fleet(Fleet::acceptance_nodes());
    Process desk({.argv = {program("mco-ca").string(), "serve-enrolment", "--ca", fleet.authority().string(), "--listen", "127.0.0.1:0",
                           "--ready-fd", "3"}},
                 fleet.dir() / "desk.log", Process::Ready::on_descriptor_3);
    const auto ready = desk.wait_ready();
    REQUIRE_MESSAGE(ready, desk.log_text());
    const auto server = ready->substr(ready->rfind(' ') + 1);
    const auto token = fleet.ca({"token", "--ca", fleet.authority().string(), "--name", "new1"});
    const auto out = (fleet.dir() / "new1").string();
    const auto enrol = [&](const std::string& folder) {
        return run({.argv = {program("mco-ca").string(), "enrol", "--server", server, "--name", "new1", "--out", folder}, .input = token});
    };
    const auto enrolled = enrol(out);
    REQUIRE_MESSAGE(enrolled.status == 0, enrolled.err << desk.log_text());
    CHECK(has(fleet.ca({"verify", "--trust", out + "/root.cert", out + "/new1.cert"}), "holds until"));
    const auto again = enrol((fleet.dir() / "second").string());
    CHECK(again.status == 1);
    CHECK_MESSAGE(has(again.err, "used before"), again.err);
    CHECK_FALSE(fs::exists(fleet.dir() / "second/new1.key"));

    fleet.dir().write("new1/mcod.conf", fmt::format("certificate = {0}/new1.cert\nsecret_keys = {0}/new1.key\nlisten = tcp://127.0.0.1:*\n"
                                                    "state_folder = {0}/state\nseed = {1} {2}\n",
                                                    out, fleet.endpoint("web1"), fleet.curve_key("web1")));
    Process node({.argv = {program("mcod").string(), "-c", out + "/mcod.conf", "--ready-fd", "3"}}, fleet.dir() / "new1.log",
                 Process::Ready::on_descriptor_3);
    REQUIRE_MESSAGE(node.wait_ready(), node.log_text());
    const auto ping = fleet.mco({"ping", "-I", "new1"});
    CHECK_MESSAGE(ping.status == 0, ping.out << ping.err);

    const auto early = fleet.ca({"renew", "--server", server, "--secret-keys", out + "/new1.key", "--trust", out + "/root.cert", out + "/new1.cert"});
    CHECK(has(early, "nothing was done"));
    CHECK(desk.signal(SIGTERM));
    CHECK(desk.wait() == 0);
    CHECK(has(desk.log_text(), "enrolled new1 (node)"));
}

TEST_CASE("a certificate of which two thirds are over is renewed, and the daemon goes on with it") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto out = (fleet.dir() / "short").string();
    // Two thirds of its life are over already; the desk gives it 90 days.
    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "short", "--role", "node", "--out", out, "--not-before",
              "2020-01-01T00:00:00Z", "--not-after", "2027-12-31T00:00:00Z"});
    Process desk({.argv = {program("mco-ca").string(), "serve-enrolment", "--ca", fleet.authority().string(), "--listen", "127.0.0.1:0",
                           "--valid", "5y", "--ready-fd", "3"}},
                 fleet.dir() / "desk.log", Process::Ready::on_descriptor_3);
    const auto ready = desk.wait_ready();
    REQUIRE_MESSAGE(ready, desk.log_text());
    const auto server = ready->substr(ready->rfind(' ') + 1);
    const auto before = fleet.ca({"show", out + "/short.cert"});
    const auto renewed = fleet.ca({"renew", "--server", server, "--secret-keys", out + "/short.key", "--trust",
                                   (fleet.authority() / "root.cert").string(), out + "/short.cert"});
    CHECK_MESSAGE(has(renewed, "renewed \"short\""), renewed);
    CHECK(fleet.ca({"show", out + "/short.cert"}) != before);
    CHECK(has(fleet.ca({"verify", "--trust", (fleet.authority() / "root.cert").string(), out + "/short.cert"}), "holds until"));
}

}  // namespace
}  // namespace mco::test
