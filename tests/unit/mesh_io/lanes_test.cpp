#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "mesh/io/lanes.hpp"
#include "proto/codec.hpp"
#include "tests/unit/mesh_io/rig.hpp"

namespace {

using namespace mco;
using namespace mco::test;
using mesh::io::LaneOrder;

proto::Bytes octet(std::uint8_t value) { return {value}; }

std::vector<std::uint64_t> pongs(const TestLink& link) {
    std::vector<std::uint64_t> tokens;
    for (const auto& message : link.messages()) {
        if (const auto* pong = std::get_if<proto::Pong>(&message)) tokens.push_back(pong->token);
    }
    return tokens;
}

TEST_CASE("messages of several connections come in the order in which they were sent") {
    LaneOrder order;
    std::vector<proto::Bytes> due;
    CHECK(order.take_plain(octet(0), due));
    CHECK(order.take(3, octet(3), due));
    CHECK(order.take(2, octet(2), due));
    CHECK(due.size() == 1);
    CHECK(order.take_plain(octet(1), due));  // the last one before there were several
    CHECK(due == std::vector<proto::Bytes>{octet(0), octet(1), octet(2), octet(3)});
    CHECK(order.take(4, octet(4), due));
    CHECK(due.size() == 5);
}

TEST_CASE("a number that came already ends the link, and so does too much that waits") {
    LaneOrder order;
    std::vector<proto::Bytes> due;
    CHECK(order.take(0, octet(0), due));
    CHECK(!order.take(0, octet(0), due));
    CHECK(order.take(5, octet(5), due));
    CHECK(!order.take(5, octet(5), due));
    LaneOrder full;
    CHECK(full.take(1, proto::Bytes(proto::limits::lanes_held_max), due));
    CHECK(!full.take(2, octet(2), due));
    CHECK(mesh::io::read_number(mesh::io::number_frame(0x0102030405060708)) == 0x0102030405060708);
    CHECK(!mesh::io::read_number(octet(1)));
}

TEST_CASE("a widened link has eight connections, and keeps its order") {
    Authority authority;
    TestHost host(authority, "web1");
    TestLink link(authority, authority.caller("alice"), host.address());
    REQUIRE(pump({&host}, {&link}, [&] { return link->up(); }));
    CHECK(link->connections() == 1);
    link->send(proto::encode(proto::Ping{.token = 0}));
    link->widen(7);
    REQUIRE(pump({&host}, {&link}, [&] { return link->connections() == proto::limits::lanes_max; }));
    std::vector<std::uint64_t> sent{0};
    for (std::uint64_t token = 1; token <= 200; ++token) {
        REQUIRE(link->send(proto::encode(proto::Ping{.token = token})));
        sent.push_back(token);
    }
    REQUIRE(pump({&host}, {&link}, [&] { return pongs(link).size() == sent.size(); }));
    CHECK(pongs(link) == sent);
}

TEST_CASE("nobody joins a connection to the link of somebody else") {
    Authority authority;
    TestHost host(authority, "web1");
    TestLink alice(authority, authority.caller("alice"), host.address());
    TestLink mallory(authority, authority.caller("mallory"), host.address());
    REQUIRE(pump({&host}, {&alice, &mallory}, [&] { return alice->up() && mallory->up(); }));
    alice->widen(7);
    REQUIRE(pump({&host}, {&alice}, [&] { return alice->connections() == proto::limits::lanes_max; }));
    const auto refused = host->counters().before_hello;
    mallory->widen(7);
    REQUIRE(pump({&host}, {&mallory}, [&] { return host->counters().before_hello >= refused + proto::limits::lanes_max - 1; }));
    CHECK(mallory->connections() == 1);
    CHECK(host->counters().malformed == 1);  // the name is taken
}

}  // namespace
