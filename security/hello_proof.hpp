#pragma once

#include "proto/ids.hpp"
#include "security/keys.hpp"

// Private to HELLO: what both proofs sign.
namespace mco::security {

inline constexpr std::string_view hello_label{"mco-hello-v1\0", 13};

// Label || direction (one octet) || BLAKE2b(Hello, then HelloReply if it was sent) || CURVE keys || nonces; of keys and
// nonces the dialler's is first. The direction keeps a proof from being sent back to its maker.
struct HelloTranscript {
    enum class Direction : std::uint8_t { by_acceptor = 1, by_dialler = 2 };
    Direction direction = Direction::by_acceptor;
    proto::BytesView hello, reply;  // reply: empty in the acceptor's proof, which is part of it
    proto::CurvePublicKey dialler_key{}, acceptor_key{};
    proto::Nonce dialler_nonce{}, acceptor_nonce{};

    proto::Signature prove(const SignSecret& secret) const;
    bool proved_by(const proto::SignPublicKey& key, const proto::Signature& proof) const;
};

}  // namespace mco::security
