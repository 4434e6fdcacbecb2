#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/hello.hpp"
#include "security/hello_proof.hpp"

namespace mco::security {
namespace {

using proto::Errc;

// Whether a role has a peer record: peers must show one, callers have none.
enum class Kind : std::uint8_t { peer, caller, nobody };
Kind kind_of(proto::CertificateRole role) {
    switch (role) {
        case proto::CertificateRole::node:
        case proto::CertificateRole::proxy:
            return Kind::peer;
        case proto::CertificateRole::caller:
            return Kind::caller;
        case proto::CertificateRole::root:
        case proto::CertificateRole::issuer:
            return Kind::nobody;
    }
    return Kind::nobody;
}

}  // namespace

HelloAcceptor::HelloAcceptor(const Identity& self, TrustStore& trust, const proto::CurvePublicKey& client_key,
                             proto::Bytes record)
    : self_(self), trust_(trust), client_key_(client_key), record_(std::move(record)) {}

proto::Result<HelloAcceptor::Step> HelloAcceptor::receive(proto::BytesView frame, proto::WallTime now) {
    proto::Result<Step> step = proto::fail(Errc::malformed, "a HELLO frame that nobody waits for");
    if (frame.size() > proto::limits::hello_size_max) {
        step = proto::fail(Errc::malformed, fmt::format("a HELLO frame of {} octets; the limit is {}", frame.size(),
                                                        proto::limits::hello_size_max));
    } else {
        switch (state_) {
            case State::awaits_hello:
                step = receive_hello(frame);
                break;
            case State::awaits_proof:
                step = receive_proof(frame, now);
                break;
            case State::done:
            case State::dead:
                break;
        }
    }
    if (!step || step->refused) state_ = State::dead;
    return step;
}

// Times and revocation wait until the key is proved: whoever holds the key of an expired certificate is told so then,
// whoever only copied the certificate learns nothing.
proto::Result<HelloAcceptor::Step> HelloAcceptor::receive_hello(proto::BytesView frame) {
    auto message = proto::decode(frame);
    if (!message) return tl::unexpected(std::move(message.error()));
    auto* hello = std::get_if<proto::Hello>(&*message);
    if (hello == nullptr) return proto::fail(Errc::malformed, "another frame came where Hello was due");
    if (hello->version_min > proto::wire_version || hello->version_max < proto::wire_version)
        return proto::fail(
            Errc::unsupported,
            fmt::format("the other side speaks protocol versions {} to {}; this program speaks {}",
                        static_cast<unsigned>(hello->version_min), static_cast<unsigned>(hello->version_max),
                        static_cast<unsigned>(proto::wire_version)));
    auto peer = trust_.identify(hello->chain);
    if (!peer) return tl::unexpected(std::move(peer.error()));
    if (client_key_.is_zero() || peer->curve_key != client_key_)
        return proto::fail(
            Errc::unauthenticated,
            fmt::format("the connection's CURVE key is not that of \"{}\", whose certificate it shows", peer->name));
    if (kind_of(peer->role) == Kind::nobody)
        return proto::fail(Errc::denied, fmt::format("\"{}\" is an authority and has no links", peer->name));
    if (peer->peer == self_.peer) return proto::fail(Errc::invalid, fmt::format("\"{}\" dialled itself", peer->name));
    if (hello->nonce.is_zero()) return proto::fail(Errc::malformed, "a Hello without randomness");

    peer_ = std::move(*peer);
    client_chain_ = std::move(hello->chain);
    client_nonce_ = hello->nonce;
    peer_revocations_ = hello->revocations;
    server_nonce_ = entropy::fresh<proto::Nonce>();
    hello_ = proto::copy(frame);
    const HelloTranscript transcript{.direction = HelloTranscript::Direction::by_acceptor,
                                     .hello = hello_,
                                     .reply = {},
                                     .dialler_key = client_key_,
                                     .acceptor_key = self_.keys.curve.public_key,
                                     .dialler_nonce = client_nonce_,
                                     .acceptor_nonce = server_nonce_};
    reply_ = proto::encode(proto::HelloReply{.version = proto::wire_version,
                                             .chain = self_.chain,
                                             .nonce = server_nonce_,
                                             .revocations = trust_.revocations_version(),
                                             .proof = transcript.prove(self_.keys.sign.secret)});
    state_ = State::awaits_proof;
    return Step{.send = reply_};
}

proto::Result<HelloAcceptor::Step> HelloAcceptor::receive_proof(proto::BytesView frame, proto::WallTime now) {
    auto message = proto::decode(frame);
    if (!message) return tl::unexpected(std::move(message.error()));
    auto* proof = std::get_if<proto::HelloProof>(&*message);
    if (proof == nullptr) return proto::fail(Errc::malformed, "another frame came where HelloProof was due");
    const HelloTranscript transcript{.direction = HelloTranscript::Direction::by_dialler,
                                     .hello = hello_,
                                     .reply = reply_,
                                     .dialler_key = client_key_,
                                     .acceptor_key = self_.keys.curve.public_key,
                                     .dialler_nonce = client_nonce_,
                                     .acceptor_nonce = server_nonce_};
    if (!transcript.proved_by(peer_.sign_key, proof->proof))
        return proto::fail(Errc::unauthenticated,
                           fmt::format("whoever connected has the certificate of \"{}\", but not its key", peer_.name));
    if (auto judged = judge(*proof, now); !judged)
        return Step{.send = proto::encode(proto::Refusal{judged.error().code, judged.error().detail}),
                    .done = false,
                    .refused = std::move(judged.error())};
    peer_record_ = std::move(proof->record);
    state_ = State::done;
    return Step{.send = proto::encode(proto::Welcome{record_, now}), .done = true};
}

proto::Result<void> HelloAcceptor::judge(const proto::HelloProof& proof, proto::WallTime now) {
    auto peer = trust_.verify(client_chain_, now);
    if (!peer) return tl::unexpected(std::move(peer.error()));
    peer_ = std::move(*peer);
    if (kind_of(peer_.role) == Kind::caller) {
        if (proof.record.empty()) return {};
        return proto::fail(Errc::denied,
                           fmt::format("\"{}\" is a caller and cannot be a peer of the mesh", peer_.name));
    }
    auto record = open_record(trust_, proof.record, now);
    if (!record) return tl::unexpected(std::move(record.error()));
    if (record->peer != peer_.peer || record->curve_key != peer_.curve_key)
        return proto::fail(Errc::denied, fmt::format("\"{}\" sent the peer record of somebody else", peer_.name));
    return {};
}

}  // namespace mco::security
