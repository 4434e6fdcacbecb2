#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/messages.hpp"
#include "security/keys.hpp"
#include "security/trust_store.hpp"

namespace mco::security {

// Who we are towards others; one per process, outlives every handshake.
struct Identity {
    KeySet keys;
    proto::CertificateChain chain;
    proto::PeerId peer{};
    std::string name;
    proto::CertificateRole role = proto::CertificateRole::node;
};

// The two sides of HELLO as state machines without sockets: octets in, octets out. One instance a connection; a connection
// that is re-established starts a new one. After an error, a refusal or `done` the instance takes nothing more: on the first
// two close the link. A stranger gets silence; only a peer whose key is proved is told why it is refused.
//
// An attacker would try: another's certificate without its key (the proofs refuse), replay of an old handshake (nonces),
// being the man between two connections (both CURVE keys are under the signatures), a node's certificate on a server's
// port of his own (the dialled key must be the certificate's), frames out of order or twice (refused).
class HelloDialler {
 public:
    // `server_key` is the CURVE key that was dialled; `record` our packed SealedRecord, empty for callers.
    // Identity and trust store must outlive it.
    HelloDialler(const Identity& self, TrustStore& trust, const proto::CurvePublicKey& server_key, proto::Bytes record);

    proto::Bytes start();  // the Hello to send first
    struct Step {
        std::optional<proto::Bytes> send;
        bool done = false;  // Welcome was verified: peer() and record() hold
    };
    proto::Result<Step> receive(proto::BytesView frame, proto::WallTime now);
    const Principal& peer() const { return peer_; }                   // when done
    const proto::Bytes& peer_record() const { return peer_record_; }  // packed SealedRecord of the acceptor, verified
    std::uint64_t peer_revocations() const { return peer_revocations_; }  // when done: the version it holds

 private:
    enum class State { idle, awaits_reply, awaits_welcome, done, dead };
    proto::Result<Step> receive_reply(proto::BytesView frame, proto::WallTime now);
    proto::Result<Step> receive_welcome(proto::BytesView frame, proto::WallTime now);

    const Identity& self_;
    TrustStore& trust_;
    proto::CurvePublicKey server_key_;
    proto::Bytes record_;
    State state_ = State::idle;
    proto::Bytes hello_;
    proto::Nonce nonce_{};
    Principal peer_;
    proto::Bytes peer_record_;
    std::uint64_t peer_revocations_ = 0;
};

class HelloAcceptor {
 public:
    // `client_key` is the connection's User-Id as ZAP attested it; `record` our packed SealedRecord.
    HelloAcceptor(const Identity& self, TrustStore& trust, const proto::CurvePublicKey& client_key,
                  proto::Bytes record);

    struct Step {
        std::optional<proto::Bytes> send;
        bool done = false;                                   // HelloProof was verified; `send` is the Welcome
        std::optional<proto::Error> refused = std::nullopt;  // `send` is a Refusal: send it, then close the link
    };
    proto::Result<Step> receive(proto::BytesView frame, proto::WallTime now);
    const Principal& peer() const { return peer_; }                   // when done
    const proto::Bytes& peer_record() const { return peer_record_; }  // when done; empty for callers
    std::uint64_t peer_revocations() const { return peer_revocations_; }  // when done: the version it holds

 private:
    enum class State { awaits_hello, awaits_proof, done, dead };
    proto::Result<Step> receive_hello(proto::BytesView frame);
    proto::Result<Step> receive_proof(proto::BytesView frame, proto::WallTime now);
    proto::Result<void> judge(const proto::HelloProof& proof, proto::WallTime now);

    const Identity& self_;
    TrustStore& trust_;
    proto::CurvePublicKey client_key_;
    proto::Bytes record_;
    State state_ = State::awaits_hello;
    proto::Bytes hello_, reply_;
    proto::CertificateChain client_chain_;
    proto::Nonce client_nonce_{}, server_nonce_{};
    Principal peer_;
    proto::Bytes peer_record_;
    std::uint64_t peer_revocations_ = 0;
};

}  // namespace mco::security
