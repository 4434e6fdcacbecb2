#include "security/keys.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstdlib>

#include "security/entropy.hpp"

namespace mco::security {
namespace {

static_assert(SignSecret::size() == crypto_sign_SECRETKEYBYTES);
static_assert(proto::SignPublicKey::size == crypto_sign_PUBLICKEYBYTES);
static_assert(proto::Signature::size == crypto_sign_BYTES);
static_assert(CurveSecret::size() == crypto_box_SECRETKEYBYTES && SealSecret::size() == crypto_box_SECRETKEYBYTES);
static_assert(SignSeed::size() == crypto_sign_SEEDBYTES);

// A zero secret means that somebody forgot to fill it in: our own fault, and not survivable.
void expect_filled(const std::uint8_t* octets, std::size_t size) {
    if (sodium_is_zero(octets, size) != 0) std::abort();
}

template <typename Pair, typename Secret>
Pair box_pair_of(Secret secret) {
    expect_filled(secret.data(), secret.size());
    Pair pair;
    if (crypto_scalarmult_base(pair.public_key.octets.data(), secret.data()) != 0) std::abort();
    pair.secret = std::move(secret);
    return pair;
}

template <typename Secret>
Secret fresh_secret() {
    Secret secret;
    entropy::fill({secret.data(), secret.size()});
    return secret;
}

// libsodium signs one contiguous message; its multi-part interface is another algorithm (Ed25519ph).
proto::Bytes join(std::string_view label, std::initializer_list<proto::BytesView> parts) {
    std::size_t size = label.size();
    for (const auto part : parts) size += part.size();
    proto::Bytes whole;
    whole.reserve(size);
    whole.insert(whole.end(), label.begin(), label.end());
    for (const auto part : parts) whole.insert(whole.end(), part.begin(), part.end());
    return whole;
}

}  // namespace

SignPair sign_pair_of(const SignSeed& seed) {
    expect_filled(seed.data(), seed.size());
    SignPair pair;
    if (crypto_sign_seed_keypair(pair.public_key.octets.data(), pair.secret.data(), seed.data()) != 0) std::abort();
    return pair;
}

CurvePair curve_pair_of(CurveSecret secret) { return box_pair_of<CurvePair>(std::move(secret)); }
SealPair seal_pair_of(SealSecret secret) { return box_pair_of<SealPair>(std::move(secret)); }

SignPair make_sign_pair() { return sign_pair_of(fresh_secret<SignSeed>()); }
CurvePair make_curve_pair() { return curve_pair_of(fresh_secret<CurveSecret>()); }
SealPair make_seal_pair() { return seal_pair_of(fresh_secret<SealSecret>()); }

KeySet make_key_set() { return {make_sign_pair(), make_curve_pair(), make_seal_pair()}; }

proto::Signature sign(const SignSecret& secret, std::string_view label, std::initializer_list<proto::BytesView> parts) {
    expect_filled(secret.data(), secret.size());
    const auto message = join(label, parts);
    proto::Signature signature;
    if (crypto_sign_detached(signature.octets.data(), nullptr, message.data(), message.size(), secret.data()) != 0)
        std::abort();
    return signature;
}

bool verify(const proto::SignPublicKey& key, std::string_view label, std::initializer_list<proto::BytesView> parts,
            const proto::Signature& signature) {
    if (key.is_zero()) return false;
    const auto message = join(label, parts);
    return crypto_sign_verify_detached(signature.octets.data(), message.data(), message.size(), key.octets.data()) == 0;
}

proto::Digest digest(proto::BytesView octets) {
    proto::Digest result;
    if (crypto_generichash(result.octets.data(), result.octets.size(), octets.data(), octets.size(), nullptr, 0) != 0)
        std::abort();
    return result;
}

proto::PeerId peer_id(const proto::SignPublicKey& key) {
    const auto whole = digest(key.bytes());
    proto::PeerId id;
    std::copy_n(whole.octets.begin(), id.octets.size(), id.octets.begin());
    return id;
}

}  // namespace mco::security
