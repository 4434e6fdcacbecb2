#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/ids.hpp"

namespace mco::security {

// Octets that must not stay behind: wiped when destroyed or moved from, not copyable, not printable, not comparable.
template <typename Tag, std::size_t Size>
class Secret {
 public:
    Secret() = default;
    Secret(Secret&& other) noexcept : octets_(other.octets_) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            octets_ = other.octets_;
            other.wipe();
        }
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    std::uint8_t* data() { return octets_.data(); }
    const std::uint8_t* data() const { return octets_.data(); }
    static constexpr std::size_t size() { return Size; }

 private:
    void wipe() {
        volatile std::uint8_t* at = octets_.data();
        for (std::size_t i = 0; i < Size; ++i) at[i] = 0;
    }
    std::array<std::uint8_t, Size> octets_{};
};

using SignSeed = Secret<struct SignSeedTag, 32>;        // what an Ed25519 pair is computed from
using SignSecret = Secret<struct SignSecretTag, 64>;    // Ed25519 as libsodium keeps it: seed and public key
using CurveSecret = Secret<struct CurveSecretTag, 32>;  // X25519, CurveZMQ transport
using SealSecret = Secret<struct SealSecretTag, 32>;    // X25519, boxes

struct SignPair {
    proto::SignPublicKey public_key{};
    SignSecret secret;
};
struct CurvePair {
    proto::CurvePublicKey public_key{};
    CurveSecret secret;
};
struct SealPair {
    proto::SealPublicKey public_key{};
    SealSecret secret;
};

// The three separate keys of a principal. None is derived from another.
struct KeySet {
    SignPair sign;
    CurvePair curve;
    SealPair seal;
};

SignPair make_sign_pair();
CurvePair make_curve_pair();
SealPair make_seal_pair();
KeySet make_key_set();

// The pair of a secret as key files keep it (an Ed25519 seed, an X25519 scalar). Aborts on zero octets: readers check first.
SignPair sign_pair_of(const SignSeed& seed);
CurvePair curve_pair_of(CurveSecret secret);
SealPair seal_pair_of(SealSecret secret);

// Ed25519 over label || message parts, detached. verify() is strict: a zero or small-order key, a non-canonical key and a
// malleated S are all "no". Labels keep signatures of one purpose from being used for another; they
// include their closing NUL.
proto::Signature sign(const SignSecret& secret, std::string_view label, std::initializer_list<proto::BytesView> parts);
bool verify(const proto::SignPublicKey& key, std::string_view label, std::initializer_list<proto::BytesView> parts,
            const proto::Signature& signature);

proto::Digest digest(proto::BytesView octets);           // BLAKE2b-256
proto::PeerId peer_id(const proto::SignPublicKey& key);  // its first 16 octets

}  // namespace mco::security
