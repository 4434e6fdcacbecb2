#include "mesh/io/endpoint.hpp"

#include <filesystem>
#include <set>

#include <doctest/doctest.h>

#include "mesh/io/backoff.hpp"
#include "mesh/io/poll_timeout.hpp"
#include "security/entropy.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using mesh::io::Endpoint;

TEST_CASE("an endpoint is tcp with host and port, or ipc with an absolute path, and nothing else") {
    for (const char* good : {"tcp://127.0.0.1:1", "tcp://127.0.0.1:65535", "tcp://[::1]:21000", "tcp://*:*",
                             "tcp://web1.example:21000", "ipc:///run/mco/mcod.sock"}) {
        const auto parsed = Endpoint::parse(good);
        REQUIRE_MESSAGE(parsed, good);
        CHECK(parsed->text() == good);
    }
    for (const char* bad :
         {"", "tcp://", "tcp://:1", "tcp://host", "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://host:12x",
          "tcp://::1:21000", "tcp://a b:1", "tcp://a;b:1", "udp://host:1", "ipc://", "ipc://relative", "inproc://x"}) {
        const auto parsed = Endpoint::parse(bad);
        CHECK_MESSAGE(!parsed, bad);
        if (!parsed) CHECK(parsed.error().detail.find("Examples:") != std::string::npos);
    }
    CHECK(!Endpoint::parse("tcp://" + std::string(300, 'a') + ":1"));
}

TEST_CASE("a chosen port is free, below 32768, and another each time") {
    security::entropy::start();
    const mesh::io::Context context;
    mesh::Rng rng(7);
    std::set<std::string> ports;
    std::vector<mesh::io::Socket> sockets;
    for (int i = 0; i < 20; ++i) {
        auto socket = mesh::io::Socket::open(context, mesh::io::SocketKind::router);
        REQUIRE(socket);
        mesh::Rng same(7);  // the same dice: the first port is taken from the second round on
        const auto bound = mesh::io::bind(*socket, *Endpoint::parse("tcp://127.0.0.1:*"), same);
        REQUIRE(bound);
        const int port = std::stoi(bound->port);
        CHECK(port >= 20'000);
        CHECK(port < 32'768);
        CHECK(ports.insert(bound->port).second);
        sockets.push_back(std::move(*socket));
    }
}

TEST_CASE("an ipc socket is taken over when nobody listens, and left alone when somebody does or it is a file") {
    const mesh::io::Context context;
    mesh::Rng rng(1);
    const TempDir directory;
    const auto endpoint = *Endpoint::parse("ipc://" + (directory / "mcod.sock").string());
    auto first = mesh::io::Socket::open(context, mesh::io::SocketKind::router);
    auto second = mesh::io::Socket::open(context, mesh::io::SocketKind::router);
    REQUIRE(first);
    REQUIRE(second);
    REQUIRE(mesh::io::bind(*first, endpoint, rng));
    const auto taken = mesh::io::bind(*second, endpoint, rng);
    REQUIRE(!taken);
    CHECK(taken.error().detail.find("another process does") != std::string::npos);

    const auto file = *Endpoint::parse("ipc://" + directory.write("precious", "text").string());
    const auto refused = mesh::io::bind(*second, file, rng);
    REQUIRE(!refused);
    CHECK(refused.error().detail.find("a file of that name exists") != std::string::npos);
    CHECK(std::filesystem::exists(directory / "precious"));

    const auto nowhere = mesh::io::bind(*second, *Endpoint::parse("ipc:///nonexistent/mcod.sock"), rng);
    REQUIRE(!nowhere);
    CHECK(nowhere.error().detail.find("install -d -m 0750 /nonexistent") != std::string::npos);
}

TEST_CASE("an address that this machine does not have is named") {
    const mesh::io::Context context;
    mesh::Rng rng(1);
    auto socket = mesh::io::Socket::open(context, mesh::io::SocketKind::router);
    REQUIRE(socket);
    const auto bound = mesh::io::bind(*socket, *Endpoint::parse("tcp://192.0.2.1:21000"), rng);
    REQUIRE(!bound);
    CHECK(bound.error().detail.find("does not have that address") != std::string::npos);
}

TEST_CASE("the back-off doubles up to its limit, with half of it left to chance") {
    mesh::io::Backoff backoff(100ms, 350ms, 3);
    for (const auto whole : {100ms, 200ms, 350ms, 350ms}) {
        const auto wait = backoff.next();
        CHECK(wait >= whole / 2);
        CHECK(wait <= whole);
    }
    backoff.reset();
    CHECK(backoff.next() <= 100ms);
}

TEST_CASE("a poll ends at the deadline or a little later, never before, and not at all without one") {
    const proto::Instant now(1'000'000us);
    CHECK(mesh::io::poll_timeout(now, std::nullopt, -1ms) == -1);
    CHECK(mesh::io::poll_timeout(now, std::nullopt, 7ms) == 7);
    CHECK(mesh::io::poll_timeout(now, now - 1us, -1ms) == 0);
    CHECK(mesh::io::poll_timeout(now, now, -1ms) == 0);
    CHECK(mesh::io::poll_timeout(now, now + 1us, -1ms) == 1);
    CHECK(mesh::io::poll_timeout(now, now + 1000us, -1ms) == 1);
    CHECK(mesh::io::poll_timeout(now, now + 1001us, -1ms) == 2);
    CHECK(mesh::io::poll_timeout(now, now + 60s, 5ms) == 5);
    CHECK(mesh::io::poll_timeout(now, proto::Instant::min(), 5ms) == 0);
}

}  // namespace
}  // namespace mco::test
