#include "proto/bytes.hpp"

#include <map>
#include <unordered_set>

#include <doctest/doctest.h>

#include "proto/ids.hpp"
#include "tests/unit/proto/samples.hpp"

using namespace mco::proto;
using mco::tests::numbered;

TEST_CASE("hexadecimal is written in lower case and read in both") {
    CHECK(to_hex({}).empty());
    CHECK(to_hex(Bytes{0x00, 0x0f, 0xa5, 0xff}) == "000fa5ff");
    CHECK(from_hex("000FA5ff").value() == Bytes{0x00, 0x0f, 0xa5, 0xff});
    CHECK(from_hex("").value().empty());
    Bytes all(256);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
    CHECK(from_hex(to_hex(all)).value() == all);
}

TEST_CASE("hexadecimal takes no blanks, no prefix, no odd count and no neighbours of the digits") {
    for (const char* text : {"0", "000", " 00", "00 ", "0x00", "0 ", "/0", ":0", "@0", "G0", "`0", "g0", "0g", "-1"}) {
        CAPTURE(text);
        const auto read = from_hex(text);
        REQUIRE(!read);
        CHECK(read.error().code == Errc::malformed);
    }
    CHECK(from_hex("00zz").error().detail.find('3') != std::string::npos);
    CHECK(from_hex("secrets!").error().detail.find("secret") == std::string::npos);
}

TEST_CASE("an id takes exactly its size") {
    const auto id = numbered<PeerId>(1);
    CHECK(id.hex() == "0102030405060708090a0b0c0d0e0f10");
    CHECK(PeerId::from_hex(id.hex()) == id);
    CHECK(PeerId::from(id.bytes()) == id);
    CHECK(!PeerId::from(id.bytes().subspan(1)));
    CHECK(!PeerId::from_hex(id.hex() + "00"));
    CHECK(!PeerId::from_hex("01"));
    CHECK(!PeerId::from_hex(""));
}

TEST_CASE("ids compare by value and know zero") {
    CHECK(PeerId{}.is_zero());
    CHECK(!numbered<PeerId>(0).is_zero());
    CHECK(numbered<PeerId>(1) < numbered<PeerId>(2));
    CHECK(numbered<PeerId>(1) == numbered<PeerId>(1));
    std::unordered_set<RequestId> set{numbered<RequestId>(1), numbered<RequestId>(1), numbered<RequestId>(2)};
    CHECK(set.size() == 2);
}
