#include <sodium.h>

#include <optional>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"

namespace mco::security {
namespace {

using proto::Errc;

static_assert(crypto_box_NONCEBYTES == 24 && crypto_box_PUBLICKEYBYTES == 32);

}  // namespace

proto::Result<proto::Bytes> seal_reply(PairKeys& node, const proto::CertificateChain& chain,
                                       const proto::SealPublicKey& reply_key, const proto::ReplyBody& body) {
    const auto* key = node.with(reply_key);
    if (key == nullptr) return proto::fail(Errc::invalid, "the request's reply key is none that a reply could be sealed for");
    const auto clear = proto::pack(body);
    proto::SealedReply reply{body.request, chain, {}, {}};
    entropy::fill(reply.nonce);
    reply.box.resize(clear.size() + crypto_box_MACBYTES);
    if (crypto_box_easy_afternm(reply.box.data(), clear.data(), clear.size(), reply.nonce.data(), key->data()) != 0)
        return proto::fail(Errc::internal, "sealing a reply failed");
    auto octets = proto::pack(reply);
    if (octets.size() > proto::limits::reply_size_max)
        return proto::fail(Errc::invalid, fmt::format("the reply has {} octets; the limit is {}\nask for less",
                                                      octets.size(), proto::limits::reply_size_max));
    return octets;
}

proto::Result<OpenedReply> open_reply(TrustStore& trust, PairKeys& caller, const proto::RequestId& request,
                                      const proto::Digest& request_digest, proto::BytesView sealed,
                                      proto::WallTime now) {
    if (sealed.size() > proto::limits::reply_size_max)
        return proto::fail(Errc::malformed, fmt::format("a reply of {} octets; the limit is {}", sealed.size(),
                                                        proto::limits::reply_size_max));
    auto reply = proto::unpack<proto::SealedReply>(sealed);
    if (!reply) return tl::unexpected(std::move(reply.error()));
    if (reply->request != request) return proto::fail(Errc::not_found, "a reply to another request");
    auto node = trust.verify(reply->node, now);
    if (!node) return tl::unexpected(std::move(node.error()));
    if (node->role != proto::CertificateRole::node)
        return proto::fail(Errc::denied, fmt::format("\"{}\" has the role {}; only a node can answer requests",
                                                     node->name, proto::name(node->role)));
    const auto refuse = [&] {
        return proto::fail(Errc::unauthenticated,
                           fmt::format("a reply that is not sealed for this request by the key of \"{}\"", node->name));
    };
    const auto* key = caller.with(node->seal_key);
    if (key == nullptr || reply->box.size() < crypto_box_MACBYTES) return refuse();
    proto::Bytes clear(reply->box.size() - crypto_box_MACBYTES);
    if (crypto_box_open_easy_afternm(clear.data(), reply->box.data(), reply->box.size(), reply->nonce.data(),
                                     key->data()) != 0)
        return refuse();
    auto body = proto::unpack<proto::ReplyBody>(clear);
    if (!body) return tl::unexpected(std::move(body.error()));
    // Inside the box, so said by the node itself: which request, exactly, and who answers.
    if (body->request != request || body->request_digest != request_digest)
        return proto::fail(Errc::unauthenticated,
                           fmt::format("\"{}\" answered another request than was asked", node->name));
    if (body->node != node->serial)
        return proto::fail(Errc::unauthenticated,
                           fmt::format("\"{}\" answered under another certificate than the one it sent", node->name));
    return OpenedReply{std::move(*body), std::move(*node)};
}

proto::Result<proto::Bytes> seal_reply(const KeySet& node, const proto::CertificateChain& chain,
                                       const proto::SealPublicKey& reply_key, const proto::ReplyBody& body) {
    PairKeys once(node.seal.secret, 1);
    return seal_reply(once, chain, reply_key, body);
}

proto::Result<OpenedReply> open_reply(TrustStore& trust, const SealPair& reply_pair, const proto::RequestId& request,
                                      const proto::Digest& request_digest, proto::BytesView sealed, proto::WallTime now) {
    PairKeys once(reply_pair.secret, 1);
    return open_reply(trust, once, request, request_digest, sealed, now);
}

}  // namespace mco::security
