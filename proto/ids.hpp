#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"

namespace mco::proto {

// A fixed number of octets with a meaning. Ids of different meaning do not mix, compare by value, and print as hex.
template <typename Tag, std::size_t Size>
struct Id {
    static constexpr std::size_t size = Size;
    std::array<std::uint8_t, Size> octets{};

    friend auto operator<=>(const Id&, const Id&) = default;

    bool is_zero() const {
        return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
    }
    BytesView bytes() const { return octets; }
    std::string hex() const { return to_hex(octets); }

    static std::optional<Id> from(BytesView bytes) {
        if (bytes.size() != Size) return std::nullopt;
        Id id;
        std::copy(bytes.begin(), bytes.end(), id.octets.begin());
        return id;
    }
    static std::optional<Id> from_hex(std::string_view text) {
        const auto bytes = proto::from_hex(text);
        return bytes ? from(*bytes) : std::nullopt;
    }
};

using PeerId = Id<struct PeerTag, 16>;        // first 16 octets of BLAKE2b-256(sign key): who somebody is in the mesh
using RequestId = Id<struct RequestTag, 16>;  // random, made by the caller
using Serial = Id<struct SerialTag, 16>;      // of a certificate; random
using Digest = Id<struct DigestTag, 32>;      // BLAKE2b-256
using Nonce = Id<struct NonceTag, 32>;        // fresh randomness of a handshake
using SignPublicKey = Id<struct SignPublicTag, 32>;    // Ed25519
using CurvePublicKey = Id<struct CurvePublicTag, 32>;  // X25519, transport
using SealPublicKey = Id<struct SealPublicTag, 32>;    // X25519, boxes
using KeyId = Id<struct KeyTag, 8>;           // of a collective key; zero: none
using Signature = Id<struct SignatureTag, 64>;         // Ed25519, detached

}  // namespace mco::proto

template <typename Tag, std::size_t Size>
struct std::hash<mco::proto::Id<Tag, Size>> {
    std::size_t operator()(const mco::proto::Id<Tag, Size>& id) const noexcept {
        static_assert(Size >= sizeof(std::size_t));
        std::size_t value = 0;  // ids are random or digests: their first octets are hash enough
        std::memcpy(&value, id.octets.data(), sizeof value);
        return value;
    }
};
