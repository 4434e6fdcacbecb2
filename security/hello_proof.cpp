#include "security/hello_proof.hpp"

#include <array>

namespace mco::security {
namespace {

// Frames are self-delimiting arrays, so one after the other they cannot be read in two ways.
proto::Digest digest_of(const HelloTranscript& transcript) {
    proto::Bytes frames = proto::copy(transcript.hello);
    frames.insert(frames.end(), transcript.reply.begin(), transcript.reply.end());
    return digest(frames);
}

}  // namespace

proto::Signature HelloTranscript::prove(const SignSecret& secret) const {
    const std::array<std::uint8_t, 1> octet{static_cast<std::uint8_t>(direction)};
    return sign(secret, hello_label,
                {octet, digest_of(*this).bytes(), dialler_key.bytes(), acceptor_key.bytes(), dialler_nonce.bytes(),
                 acceptor_nonce.bytes()});
}

bool HelloTranscript::proved_by(const proto::SignPublicKey& key, const proto::Signature& proof) const {
    const std::array<std::uint8_t, 1> octet{static_cast<std::uint8_t>(direction)};
    return verify(key, hello_label,
                  {octet, digest_of(*this).bytes(), dialler_key.bytes(), acceptor_key.bytes(), dialler_nonce.bytes(),
                   acceptor_nonce.bytes()},
                  proof);
}

}  // namespace mco::security
