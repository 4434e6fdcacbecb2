#include "security/keys.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

constexpr std::string_view label{"test-v1\0", 8}, other_label{"test-v2\0", 8};

TEST_CASE("a signature holds for its key, label and octets, and for nothing else") {
    const auto pair = make_sign_pair(), other = make_sign_pair();
    const proto::Bytes message{1, 2, 3};
    const auto signature = sign(pair.secret, label, {message});
    CHECK(verify(pair.public_key, label, {message}, signature));
    CHECK_FALSE(verify(other.public_key, label, {message}, signature));
    CHECK_FALSE(verify(pair.public_key, other_label, {message}, signature));
    CHECK_FALSE(verify(pair.public_key, label, {proto::Bytes{1, 2}}, signature));
    CHECK_FALSE(verify(pair.public_key, label, {}, signature));
}

TEST_CASE("the closing NUL of a label is signed") {
    const auto pair = make_sign_pair();
    const auto signature = sign(pair.secret, label.substr(0, 7), {proto::Bytes{0, 1}});
    CHECK(verify(pair.public_key, label, {proto::Bytes{1}}, signature));  // the same octets, cut in another place
    CHECK_FALSE(verify(pair.public_key, label, {proto::Bytes{0, 1}}, signature));
}

TEST_CASE("every flipped bit of a signature or key makes it false") {
    const auto pair = make_sign_pair();
    const proto::Bytes message{1, 2, 3};
    const auto signature = sign(pair.secret, label, {message});
    for (std::size_t bit = 0; bit < proto::Signature::size * 8; ++bit) {
        auto changed = signature;
        flip(changed.octets, bit);
        CHECK_FALSE(verify(pair.public_key, label, {message}, changed));
    }
    for (std::size_t bit = 0; bit < proto::SignPublicKey::size * 8; ++bit) {
        auto changed = pair.public_key;
        flip(changed.octets, bit);
        CHECK_FALSE(verify(changed, label, {message}, signature));
    }
}

TEST_CASE("a zero key verifies nothing, not even the zero signature") {
    CHECK_FALSE(verify({}, label, {proto::Bytes{1}}, {}));
    const auto pair = make_sign_pair();
    CHECK_FALSE(verify({}, label, {proto::Bytes{1}}, sign(pair.secret, label, {proto::Bytes{1}})));
}

TEST_CASE("small-order keys verify nothing") {
    // With the neutral element as key, R = neutral and S = 0 satisfy the bare equation for every message.
    for (const std::uint8_t first : {std::uint8_t{1}, std::uint8_t{0}}) {
        proto::SignPublicKey key;
        key.octets[0] = first;
        proto::Signature signature;
        signature.octets[0] = 1;
        CHECK_FALSE(verify(key, label, {proto::Bytes{1}}, signature));
    }
}

TEST_CASE("a secret that was moved from is zero") {
    auto pair = make_curve_pair();
    const auto taken = std::move(pair.secret);
    CHECK(std::all_of(pair.secret.data(), pair.secret.data() + pair.secret.size(),
                      [](auto octet) { return octet == 0; }));
    CHECK_FALSE(std::all_of(taken.data(), taken.data() + taken.size(), [](auto octet) { return octet == 0; }));
    static_assert(!std::is_copy_constructible_v<SignSecret> && !std::is_copy_assignable_v<SignSecret>);
}

TEST_CASE("the keys of a set differ from each other and from the next set's") {
    const auto one = make_key_set(), two = make_key_set();
    CHECK(one.curve.public_key.octets != one.seal.public_key.octets);
    CHECK(one.sign.public_key.octets != one.curve.public_key.octets);
    CHECK(one.sign.public_key != two.sign.public_key);
    CHECK_FALSE(one.sign.public_key.is_zero());
}

TEST_CASE("Ed25519 and BLAKE2b give the published answers") {
    SignSeed seed;  // RFC 8032, 7.1, test 1
    const auto octets = *proto::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    std::copy(octets.begin(), octets.end(), seed.data());
    const auto pair = sign_pair_of(seed);
    CHECK(pair.public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    CHECK(sign(pair.secret, "", {}).hex() ==
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
          "d25bf5f0595bbe24655141438e7a100b");
    CHECK(digest({}).hex() == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    CHECK(peer_id(pair.public_key).hex() == digest(pair.public_key.bytes()).hex().substr(0, 32));
}

}  // namespace
}  // namespace mco::security::test
