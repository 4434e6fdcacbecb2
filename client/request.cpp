#include "client/request.hpp"

#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"

namespace mco::client {

proto::Result<SealedCall> seal(const Call& call, const security::Identity& caller, const proto::SealPublicKey& reply_key,
                               proto::WallTime now, const security::CollectiveKey* key) {
    SealedCall sealed;
    sealed.id = security::entropy::fresh<proto::RequestId>();
    sealed.timeout = call.timeout;
    sealed.wants_reply = call.wants_reply;
    proto::Route route;
    route.collective = call.collective;
    route.request = sealed.id;
    route.created = now;
    route.ttl_ms = static_cast<std::uint32_t>(call.ttl.count());
    route.timeout_ms = static_cast<std::uint32_t>(call.timeout.count());
    route.reply_key = reply_key;
    route.caller = caller.chain;
    proto::RequestBody body;
    body.agent = call.agent;
    body.action = call.action;
    body.filter = call.filter;
    body.arguments = call.arguments;
    body.wants_reply = call.wants_reply;
    body.purpose = call.purpose;
    body.whole = call.whole.value_or(proto::RequestId{});
    auto octets = security::seal_request(caller.keys.sign.secret, route, body, key);
    if (!octets) return tl::unexpected(octets.error());
    if (octets->size() > proto::limits::request_size_max)
        return proto::fail(proto::Errc::invalid,
                           fmt::format("the request is {} octets long; {} is the most\nGive shorter arguments.",
                                       octets->size(), proto::limits::request_size_max));
    sealed.octets = std::move(*octets);
    sealed.digest = security::digest(sealed.octets);
    return sealed;
}

}  // namespace mco::client
