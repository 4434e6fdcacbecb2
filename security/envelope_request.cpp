#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/envelope.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::string_view request_label{"mco-req-v1\0", 11};

}  // namespace

proto::Result<proto::Bytes> seal_request(const SignSecret& caller, const proto::Route& route,
                                         const proto::RequestBody& body, const CollectiveKey* key) {
    if (route.reply_key.is_zero()) return proto::fail(Errc::invalid, "a request without a key for its replies");
    auto told = route;
    auto packed = proto::pack(body);
    if (key != nullptr) {
        told.body_key = key->id;
        packed = seal_body(*key, route.request, route.collective, packed);
    }
    proto::SealedRequest request{proto::pack(told), std::move(packed), {}};
    request.signature =
        sign(caller, request_label, {proto::as_bytes(route.collective), digest(request.route).bytes(), request.body});
    auto octets = proto::pack(request);
    if (octets.size() > proto::limits::request_size_max)
        return proto::fail(Errc::invalid,
                           fmt::format("the request has {} octets; the limit is {}\nsend less in its arguments "
                                       "or its filter",
                                       octets.size(), proto::limits::request_size_max));
    return octets;
}

proto::Result<OpenedRequest> open_request(TrustStore& trust, proto::BytesView sealed, proto::WallTime now) {
    if (sealed.size() > proto::limits::request_size_max)
        return proto::fail(Errc::malformed, fmt::format("a request of {} octets; the limit is {}", sealed.size(),
                                                        proto::limits::request_size_max));
    auto request = proto::unpack<proto::SealedRequest>(sealed);
    if (!request) return tl::unexpected(std::move(request.error()));
    auto route = proto::unpack<proto::Route>(request->route);
    if (!route) return tl::unexpected(std::move(route.error()));
    if (route->algorithm != 1)
        return proto::fail(Errc::unsupported, fmt::format("a request with algorithm {}; this program knows 1",
                                                          static_cast<unsigned>(route->algorithm)));
    if (route->reply_key.is_zero()) return proto::fail(Errc::malformed, "a request without a key for its replies");
    auto caller = trust.verify(route->caller, now);
    if (!caller) return tl::unexpected(std::move(caller.error()));
    const auto whole = digest(sealed);  // chain and signature included
    if (!trust.held(whole) &&
        !verify(caller->sign_key, request_label, {proto::as_bytes(route->collective), digest(request->route).bytes(), request->body},
                request->signature))
        return proto::fail(Errc::unauthenticated,
                           fmt::format("the request's signature is not by the key of \"{}\"", caller->name));
    if (caller->role != proto::CertificateRole::caller)
        return proto::fail(Errc::denied, fmt::format("\"{}\" has the role {}; only a caller can make requests\nhave a "
                                                     "certificate signed with --role caller",
                                                     caller->name, proto::name(caller->role)));
    trust.remember_held(whole);
    return OpenedRequest{std::move(*route), std::move(request->body), whole, std::move(*caller)};
}

}  // namespace mco::security
