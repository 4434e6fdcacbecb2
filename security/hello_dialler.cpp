#include <cstdlib>
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

// The acceptor's words reach a terminal: nothing but printable ASCII and line ends.
std::string printable(std::string text) {
    for (char& c : text) {
        if ((c < ' ' || c > '~') && c != '\n') c = '?';
    }
    return text;
}

proto::Result<void> is_peer(const Principal& peer) {
    switch (peer.role) {
        case proto::CertificateRole::node:
        case proto::CertificateRole::proxy:
            return {};
        case proto::CertificateRole::root:
        case proto::CertificateRole::issuer:
        case proto::CertificateRole::caller:
            break;
    }
    return proto::fail(Errc::denied, fmt::format("\"{}\" answers there with the role {}; only a node or a proxy may",
                                                 peer.name, proto::name(peer.role)));
}

}  // namespace

HelloDialler::HelloDialler(const Identity& self, TrustStore& trust, const proto::CurvePublicKey& server_key,
                           proto::Bytes record)
    : self_(self), trust_(trust), server_key_(server_key), record_(std::move(record)) {}

proto::Bytes HelloDialler::start() {
    if (state_ != State::idle) std::abort();  // once a connection
    nonce_ = entropy::fresh<proto::Nonce>();
    hello_ =
        proto::encode(proto::Hello{.chain = self_.chain, .nonce = nonce_, .revocations = trust_.revocations_version()});
    state_ = State::awaits_reply;
    return hello_;
}

proto::Result<HelloDialler::Step> HelloDialler::receive(proto::BytesView frame, proto::WallTime now) {
    proto::Result<Step> step = proto::fail(Errc::malformed, "a HELLO frame that nobody waits for");
    if (frame.size() > proto::limits::hello_size_max) {
        step = proto::fail(Errc::malformed, fmt::format("a HELLO frame of {} octets; the limit is {}", frame.size(),
                                                        proto::limits::hello_size_max));
    } else {
        switch (state_) {
            case State::awaits_reply:
                step = receive_reply(frame, now);
                break;
            case State::awaits_welcome:
                step = receive_welcome(frame, now);
                break;
            case State::idle:
            case State::done:
            case State::dead:
                break;
        }
    }
    if (!step) state_ = State::dead;
    return step;
}

proto::Result<HelloDialler::Step> HelloDialler::receive_reply(proto::BytesView frame, proto::WallTime now) {
    auto message = proto::decode(frame);
    if (!message) return tl::unexpected(std::move(message.error()));
    const auto* reply = std::get_if<proto::HelloReply>(&*message);
    if (reply == nullptr) return proto::fail(Errc::malformed, "another frame came where HelloReply was due");
    if (reply->version != proto::wire_version)
        return proto::fail(Errc::unsupported,
                           fmt::format("the other side chose protocol version {}, which was not offered",
                                       static_cast<unsigned>(reply->version)));
    auto peer = trust_.verify(reply->chain, now);
    if (!peer) return tl::unexpected(std::move(peer.error()));
    if (peer->curve_key != server_key_)
        return proto::fail(
            Errc::unauthenticated,
            fmt::format("\"{}\" answers there, with another CURVE key than its certificate's\ncompare the "
                        "configured key with: mco-ca show --curve-key {}.cert",
                        peer->name, peer->name));
    if (auto checked = is_peer(*peer); !checked) return tl::unexpected(std::move(checked.error()));
    if (peer->peer == self_.peer) return proto::fail(Errc::invalid, fmt::format("\"{}\" dialled itself", peer->name));
    if (reply->nonce.is_zero() || reply->nonce == nonce_)
        return proto::fail(Errc::malformed, "a HelloReply without randomness of its own");
    HelloTranscript transcript{.direction = HelloTranscript::Direction::by_acceptor,
                               .hello = hello_,
                               .reply = {},
                               .dialler_key = self_.keys.curve.public_key,
                               .acceptor_key = server_key_,
                               .dialler_nonce = nonce_,
                               .acceptor_nonce = reply->nonce};
    if (!transcript.proved_by(peer->sign_key, reply->proof))
        return proto::fail(
            Errc::unauthenticated,
            fmt::format("whoever answers there has the certificate of \"{}\", but not its key", peer->name));
    transcript.direction = HelloTranscript::Direction::by_dialler;
    transcript.reply = frame;
    peer_ = std::move(*peer);
    peer_revocations_ = reply->revocations;
    state_ = State::awaits_welcome;
    return Step{.send = proto::encode(proto::HelloProof{transcript.prove(self_.keys.sign.secret), record_})};
}

proto::Result<HelloDialler::Step> HelloDialler::receive_welcome(proto::BytesView frame, proto::WallTime now) {
    auto message = proto::decode(frame);
    if (!message) return tl::unexpected(std::move(message.error()));
    if (auto* refusal = std::get_if<proto::Refusal>(&*message))
        return proto::fail(refusal->code,
                           fmt::format("\"{}\" refused: {}", peer_.name, printable(std::move(refusal->reason))));
    auto* welcome = std::get_if<proto::Welcome>(&*message);
    if (welcome == nullptr) return proto::fail(Errc::malformed, "another frame came where Welcome was due");
    auto record = open_record(trust_, welcome->record, now);
    if (!record) return tl::unexpected(std::move(record.error()));
    if (record->peer != peer_.peer || record->curve_key != peer_.curve_key)
        return proto::fail(Errc::denied, fmt::format("\"{}\" sent the peer record of somebody else", peer_.name));
    peer_record_ = std::move(welcome->record);
    state_ = State::done;
    return Step{.send = std::nullopt, .done = true};
}

}  // namespace mco::security
