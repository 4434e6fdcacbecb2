#pragma once

#include "proto/messages.hpp"
#include "security/collective_key.hpp"
#include "security/keys.hpp"
#include "security/pair_keys.hpp"
#include "security/trust_store.hpp"

// Authority travels with the message: requests are signed by the caller, replies boxed from node to caller, records signed
// by their owner. All functions work on exact octets: nothing is decoded, encoded again and then verified.
namespace mco::security {

// ---- requests
// Fills nothing in: route and body are complete, route.caller is the signer's chain, route.reply_key the public half of the
// caller's pair for replies.
// With a collective key the body is sealed with it, and the route says so; otherwise whoever passes it on can read it.
proto::Result<proto::Bytes> seal_request(const SignSecret& caller, const proto::Route& route,
                                         const proto::RequestBody& body, const CollectiveKey* key = nullptr);

struct OpenedRequest {
    proto::Route route;
    proto::Bytes body;       // still packed: relays never look inside
    proto::Digest digest{};  // of the whole sealed request
    Principal caller;
};
// Signature, certificate and role. Time, replay and authorization are Admission's. Used by every relay before it passes a
// request on, and by the node.
proto::Result<OpenedRequest> open_request(TrustStore& trust, proto::BytesView sealed, proto::WallTime now);

// ---- replies
// A box from the node's seal key to the key in the request. That may be a caller's for all requests of a session: which request a reply
// is to, by id and digest, is within the box.
proto::Result<proto::Bytes> seal_reply(PairKeys& node, const proto::CertificateChain& chain,
                                       const proto::SealPublicKey& reply_key, const proto::ReplyBody& body);
struct OpenedReply {
    proto::ReplyBody body;
    Principal node;
};
// The reply must be for this request id and digest, and its box from the seal key of the certificate beside it.
proto::Result<OpenedReply> open_reply(TrustStore& trust, PairKeys& caller, const proto::RequestId& request,
                                      const proto::Digest& request_digest, proto::BytesView sealed, proto::WallTime now);
// The same for who keeps no pair keys.
proto::Result<proto::Bytes> seal_reply(const KeySet& node, const proto::CertificateChain& chain,
                                       const proto::SealPublicKey& reply_key, const proto::ReplyBody& body);
proto::Result<OpenedReply> open_reply(TrustStore& trust, const SealPair& reply_pair, const proto::RequestId& request,
                                      const proto::Digest& request_digest, proto::BytesView sealed, proto::WallTime now);

// ---- peer records
proto::Bytes seal_record(const SignSecret& owner, const proto::CertificateChain& chain,
                         const proto::PeerRecordBody& body);
// The record's peer, name, curve key and collectives agree with the certificate.
proto::Result<proto::PeerRecordBody> open_record(TrustStore& trust, proto::BytesView sealed, proto::WallTime now);

}  // namespace mco::security
