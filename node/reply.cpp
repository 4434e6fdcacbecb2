#include "node/reply.hpp"

#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/certificate.hpp"
#include "security/envelope.hpp"

namespace mco::node {

proto::Result<proto::Bytes> seal_answer(const security::Identity& self, security::PairKeys& keys, const ReplyTo& to, ActionReply reply) {
    const auto leaf = security::read_body(self.chain.certificates.front());
    if (!leaf) return tl::unexpected(leaf.error());
    proto::ReplyBody body;
    body.request = to.request;
    body.request_digest = to.digest;
    body.node = leaf->serial;
    body.status = reply.status;
    body.message = std::move(reply.message);
    body.data = std::move(reply.data);

    // Room for the box, the nonce and the certificates beside it.
    constexpr std::size_t room = 2 * proto::limits::certificate_size_max + 512;
    const auto size = proto::pack(body).size();
    if (size > proto::limits::reply_size_max - room) {
        body.status = proto::StatusCode::other;
        body.message = fmt::format("The answer of {} octets is larger than the {} that can be sent.", size,
                                   proto::limits::reply_size_max - room);
        body.data = proto::Value::Map{};
    }
    return security::seal_reply(keys, self.chain, to.reply_key, body);
}

}  // namespace mco::node
