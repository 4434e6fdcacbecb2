// What can be said to a daemon's ports below libzmq and below HELLO: the connection is closed or not listened to, nothing reaches the mesh, and
// the daemon serves on, as large as before.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/messages.hpp"
#include "tests/e2e/fleet.hpp"
#include "tests/hostile/wire.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using Property = CurveTalk::Property;

constexpr auto handshake_max = 5s;  // what a daemon gives a connection
const std::vector<Property> dealer{{"Socket-Type", "DEALER"}, {"Identity", ""}};

std::string text(proto::BytesView octets) { return std::string(proto::as_text(octets)); }

struct Target {
    Fleet fleet{Fleet::acceptance_nodes()};
    proto::CurvePublicKey key = *proto::CurvePublicKey::from_hex(fleet.curve_key("web1"));
    std::size_t before = resident();

    std::string links() const { return fleet.endpoint("web1"); }
    std::string fanout() const {  // beside the links: "fan-out" in the log of the start
        std::ifstream log(fleet.folder("web1") / "mcod.log");
        for (std::string line; std::getline(log, line);) {
            if (const auto at = line.find("requests are published on tcp://"); at != std::string::npos) return line.substr(line.find("tcp://", at));
        }
        return {};
    }
    std::size_t resident() {  // KiB
        std::ifstream status(fmt::format("/proc/{}/status", fleet.node("web1").pid()));
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
        }
        return 0;
    }
    void expect_unmoved() {
        const auto ping = fleet.mco({"ping"});
        CHECK_MESSAGE(ping.status == 0, ping.out << ping.err << fleet.logs());
        CHECK(has(ping.out, "3 replies"));
        CHECK_MESSAGE(resident() < before + 20 * 1024, before << " KiB before, " << resident() << " KiB now");
    }
};

TEST_CASE("what is no CURVE handshake is closed within its time and a second, and nothing of it reaches the daemon") {
    Target target;
    const std::vector<std::pair<std::string, std::string>> words{
        {"nothing", ""},
        {"half a greeting", greeting().substr(0, 12)},
        {"garbage", std::string(1'000, '\x81')},
        {"an HTTP request", "GET / HTTP/1.1\r\nHost: web1\r\n\r\n"},
        {"ZMTP 1.0", std::string("\x01\x00\x02\x00hi", 6)},
        {"ZMTP 2.0", std::string("\xff\0\0\0\0\0\0\0\0\x7f\x01\x05\0\0", 14)},
        {"the mechanism NULL", greeting("NULL") + framed(Frame::command, std::string("\x05READY\x0bSocket-Type\0\0\0\6DEALER", 28))},
        {"the mechanism PLAIN", greeting("PLAIN") + framed(Frame::command, "\x05HELLO\x05""admin\x05""admin")},
        {"an unknown mechanism", greeting("WHATEVER")},
        {"READY for a HELLO", greeting() + framed(Frame::command, "\x05READY" + std::string(46, 'x'))},
        {"a HELLO of nonsense", greeting() + framed(Frame::command, "\x05HELLO" + std::string(194, 'x'))},
        {"a message before the handshake", greeting() + framed(Frame::last, "hello")},
        {"SUBSCRIBE to a ROUTER", greeting() + framed(Frame::command, "\x09SUBSCRIBE")},
        {"a frame of 2^63 - 1 octets", greeting() + std::string("\x06\x7f\xff\xff\xff\xff\xff\xff\xff", 9)},
        {"a frame of 4 GiB, begun", greeting() + std::string("\x02\0\0\0\1\0\0\0\0", 9) + std::string(100'000, 'x')},
        {"reserved flags", greeting() + std::string("\xf8\x01x", 3)},
    };
    std::vector<std::pair<std::string, std::unique_ptr<Wire>>> connections;
    for (const auto& [name, said] : words) {
        connections.emplace_back(name, std::make_unique<Wire>(target.links()));
        connections.back().second->say(said);
    }
    // One that never stops: an octet of a greeting at a time, as slowly as the wait for its end takes.
    Wire dribble(target.links());
    const auto began = std::chrono::steady_clock::now();
    const auto slow = greeting();
    for (std::size_t i = 0; !dribble.closed_within(200ms); ++i) {
        REQUIRE(i < slow.size());
        dribble.say(slow.substr(i, 1));
    }
    const auto limit = handshake_max + 1s;
    CHECK(std::chrono::steady_clock::now() - began <= limit);
    for (const auto& [name, connection] : connections) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(began + limit - std::chrono::steady_clock::now());
        CHECK_MESSAGE(connection->closed_within(std::max(left, 1ms)), name);
    }
    CHECK(target.fleet.counted("web1", "socket.before_hello") == 0);
    target.expect_unmoved();
}

TEST_CASE("with any CURVE key a stranger may say HELLO and nothing else, in one frame, whatever he calls himself") {
    Target target;
    const auto ping = text(proto::encode(proto::Ping{1, 2}));
    const auto known = *proto::CurvePublicKey::from_hex(target.fleet.curve_key("db1"));
    const std::vector<std::pair<std::string, std::vector<Property>>> names{
        {"nobody", dealer},
        {"no identity", {{"Socket-Type", "DEALER"}}},
        {"the longest identity", {{"Socket-Type", "DEALER"}, {"Identity", std::string(255, 'i')}}},
        {"an identity that is too long", {{"Socket-Type", "DEALER"}, {"Identity", std::string(300, 'i')}}},
        {"an identity like libzmq's own", {{"Socket-Type", "DEALER"}, {"Identity", std::string("\0\0\0\0\1", 5)}}},
        {"the same again", {{"Socket-Type", "DEALER"}, {"Identity", std::string("\0\0\0\0\1", 5)}}},
        {"another's User-Id", {{"Socket-Type", "DEALER"}, {"Identity", ""}, {"User-Id", known.hex()}, {"X-Role", "node"}}},
        {"another's User-Id first", {{"User-Id", known.hex()}, {"Socket-Type", "DEALER"}, {"Identity", ""}}},
        {"a mebibyte of metadata", {{"Socket-Type", "DEALER"}, {"Identity", ""}, {"X-Rubbish", std::string(1 << 20, 'x')}}},
        {"a ROUTER", {{"Socket-Type", "ROUTER"}, {"Identity", ""}}},
        {"a PUB", {{"Socket-Type", "PUB"}}},
    };
    long taken = 0;
    for (const auto& [name, metadata] : names) {
        Wire wire(target.links());
        CurveTalk talk(wire, target.key);
        if (!talk.shake_hands(metadata)) continue;  // libzmq would not have it
        ++taken;
        wire.say(talk.message(Frame::last, ping));
        wire.say(talk.message(Frame::more, ping));
        wire.say(talk.message(Frame::last, ping));
        CHECK_MESSAGE(!wire.hear(1, 50ms), name);  // not a word
    }
    CHECK(taken >= 2);
    CHECK(target.fleet.counted("web1", "socket.before_hello") + target.fleet.counted("web1", "socket.multipart") >= 2 * taken);
    target.expect_unmoved();
}

TEST_CASE("a message without end costs its sender the connection, not the daemon its memory") {
    Target target;
    std::string part;
    std::size_t parts = 0;
    SUBCASE("10,000 empty frames") { parts = 10'000; }
    SUBCASE("a gibibyte") {
        part = std::string(1'000'000, 'x');
        parts = 1'000;
    }
    Wire wire(target.links());
    CurveTalk talk(wire, target.key);
    REQUIRE(talk.shake_hands(dealer));
    bool ended = false;
    for (std::size_t i = 0; i < parts && !ended; ++i) ended = !wire.say(talk.message(Frame::more, part));
    CHECK((ended || wire.closed_within(handshake_max)));
    CHECK(target.fleet.counted("web1", "socket.expelled") == 1);
    target.expect_unmoved();
}

TEST_CASE("a thousand colliding identities end nobody's link and route nothing astray") {
    Target target;
    std::vector<std::unique_ptr<Wire>> kept;
    for (int i = 0; i < 150; ++i) {  // within what one address may begin at once
        kept.push_back(std::make_unique<Wire>(target.links()));
        CurveTalk talk(*kept.back(), target.key);
        std::string identity("\0\0\0\0\0", 5);
        if (i % 2 == 1) identity[4] = static_cast<char>(i);
        talk.shake_hands({{"Socket-Type", "DEALER"}, {"Identity", identity}});
    }
    CHECK(target.fleet.counted("web1", "mesh.member_down") == 0);
    target.expect_unmoved();
}

}  // namespace
}  // namespace mco::test
