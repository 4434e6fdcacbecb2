// What we believe of libsodium. An upgrade that changes one of these fails here, by name.

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using Key = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, crypto_sign_BYTES>;

std::vector<std::uint8_t> from_hex(const std::string& text) {
    std::vector<std::uint8_t> octets(text.size() / 2);
    REQUIRE(sodium_hex2bin(octets.data(), octets.size(), text.data(), text.size(), nullptr, nullptr, nullptr) == 0);
    return octets;
}

Key key_of(const std::string& text) {
    Key key{};
    const auto octets = from_hex(text);
    std::copy(octets.begin(), octets.end(), key.begin());
    return key;
}

// The points of order 1, 2, 4 and 8 of edwards25519, and encodings that are not reduced.
const std::vector<std::string> small_order_points{
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

struct Signed {
    Key public_key{};
    std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
    std::string message = "message";
    Signature signature{};

    Signed() {
        REQUIRE(sodium_init() >= 0);
        crypto_sign_keypair(public_key.data(), secret.data());
        crypto_sign_detached(signature.data(), nullptr, octets(), message.size(), secret.data());
    }
    const std::uint8_t* octets() const { return reinterpret_cast<const std::uint8_t*>(message.data()); }
    bool holds(const Key& key, const Signature& by) const {
        return crypto_sign_verify_detached(by.data(), octets(), message.size(), key.data()) == 0;
    }
};

TEST_CASE("sodium_init() may be called again, and says so") {
    CHECK(sodium_init() >= 0);
    CHECK(sodium_init() == 1);
}

TEST_CASE("a malleated S (S + L) is refused: a signature has one form") {
    const Signed good;
    REQUIRE(good.holds(good.public_key, good.signature));
    const auto order = from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    auto changed = good.signature;
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned>(changed[32 + i]) + order[i];
        changed[32 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    CHECK(carry == 0);
    CHECK_FALSE(good.holds(good.public_key, changed));
}

TEST_CASE("a small-order public key verifies nothing, though the equation would hold for every message") {
    const Signed good;
    for (const auto& point : small_order_points) {
        const auto key = key_of(point);
        CHECK_FALSE(good.holds(key, good.signature));
        Signature trivial{};  // R = the neutral element, S = 0
        trivial[0] = 1;
        CHECK_FALSE(good.holds(key, trivial));
        std::copy(key.begin(), key.end(), trivial.begin());  // R = the key itself
        CHECK_FALSE(good.holds(key, trivial));
    }
}

TEST_CASE("a small-order R is refused") {
    const Signed good;
    for (const auto& point : small_order_points) {
        auto changed = good.signature;
        const auto r = key_of(point);
        std::copy(r.begin(), r.end(), changed.begin());
        CHECK_FALSE(good.holds(good.public_key, changed));
    }
}

TEST_CASE("a public key that is not reduced is refused: p to 2^255 - 1, with either sign") {
    const Signed good;
    for (unsigned first = 0xed; first <= 0xff; ++first) {
        for (const std::uint8_t last : {std::uint8_t{0x7f}, std::uint8_t{0xff}}) {
            Key key;
            key.fill(0xff);
            key.front() = static_cast<std::uint8_t>(first);
            key.back() = last;
            CHECK_FALSE(good.holds(key, good.signature));
        }
    }
}

TEST_CASE("signing is deterministic: equal messages, equal signatures") {
    const Signed good;
    Signature again{};
    crypto_sign_detached(again.data(), nullptr, good.octets(), good.message.size(), good.secret.data());
    CHECK(again == good.signature);
}

TEST_CASE("crypto_box_beforenm refuses a key that makes every shared secret equal") {
    Key public_key{}, secret{}, shared{};
    crypto_box_keypair(public_key.data(), secret.data());
    CHECK(crypto_box_beforenm(shared.data(), public_key.data(), secret.data()) == 0);
    for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                              "0100000000000000000000000000000000000000000000000000000000000000",
                              "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                              "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"})
        CHECK(crypto_box_beforenm(shared.data(), key_of(point).data(), secret.data()) == -1);
}

TEST_CASE("a box opens only between its two keys, under its nonce, unchanged") {
    Key node_public{}, node_secret{}, caller_public{}, caller_secret{}, other_public{}, other_secret{};
    crypto_box_keypair(node_public.data(), node_secret.data());
    crypto_box_keypair(caller_public.data(), caller_secret.data());
    crypto_box_keypair(other_public.data(), other_secret.data());
    const std::string clear = "clear";
    std::array<std::uint8_t, crypto_box_NONCEBYTES> nonce{};
    randombytes_buf(nonce.data(), nonce.size());
    std::vector<std::uint8_t> box(clear.size() + crypto_box_MACBYTES), out(clear.size());
    REQUIRE(crypto_box_easy(box.data(), reinterpret_cast<const std::uint8_t*>(clear.data()), clear.size(), nonce.data(),
                            caller_public.data(), node_secret.data()) == 0);
    const auto opens = [&](const auto& sealed, const auto& under, const Key& from, const Key& with) {
        return crypto_box_open_easy(out.data(), sealed.data(), sealed.size(), under.data(), from.data(), with.data()) ==
               0;
    };
    CHECK(opens(box, nonce, node_public, caller_secret));
    CHECK(std::memcmp(out.data(), clear.data(), clear.size()) == 0);
    CHECK_FALSE(opens(box, nonce, other_public, caller_secret));
    CHECK_FALSE(opens(box, nonce, node_public, other_secret));
    auto changed = box;
    changed.back() ^= 1;
    CHECK_FALSE(opens(changed, nonce, node_public, caller_secret));
    auto other_nonce = nonce;
    other_nonce[0] ^= 1;
    CHECK_FALSE(opens(box, other_nonce, node_public, caller_secret));
}

TEST_CASE("base64 is read strictly: padding, its unused bits and the end of the text") {
    std::array<std::uint8_t, 8> octets{};
    std::size_t size = 0;
    const char* end = nullptr;
    const auto reads = [&](const std::string& text) {
        return sodium_base642bin(octets.data(), octets.size(), text.data(), text.size(), nullptr, &size, &end,
                                 sodium_base64_VARIANT_ORIGINAL) == 0 &&
               end == text.data() + text.size();
    };
    CHECK(reads("AQI="));
    CHECK_FALSE(reads("AQI"));
    CHECK_FALSE(reads("AQJ="));
    CHECK_FALSE(reads("AQI=="));
    CHECK_FALSE(reads("AQI= "));
    CHECK_FALSE(reads("AQ-_"));
    CHECK_FALSE(reads("AAECAwQFBgcICQ=="));  // larger than the room
}

TEST_CASE("sodium_is_zero and sodium_memcmp say what their names say") {
    const Key zero{};
    Key one{};
    one[31] = 1;
    CHECK(sodium_is_zero(zero.data(), zero.size()) == 1);
    CHECK(sodium_is_zero(one.data(), one.size()) == 0);
    CHECK(sodium_memcmp(zero.data(), zero.data(), zero.size()) == 0);
    CHECK(sodium_memcmp(zero.data(), one.data(), zero.size()) == -1);
}

}  // namespace
