#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/envelope.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::string_view record_label{"mco-peer-v1\0", 12};

proto::Result<void> agrees(const proto::PeerRecordBody& body, const Principal& owner) {
    const auto refuse = [&](std::string_view what) {
        return proto::fail(Errc::denied, fmt::format("the peer record of \"{}\" has another {} than its certificate",
                                                     owner.name, what));
    };
    if (body.peer != owner.peer) return refuse("id");
    if (body.name != owner.name) return refuse("name");
    if (body.curve_key != owner.curve_key) return refuse("CURVE key");
    for (const auto& collective : body.collectives) {
        if (!owner.may_join(collective))
            return proto::fail(Errc::denied,
                               fmt::format("\"{}\" joins a collective that its certificate does not list\nhave "
                                           "it signed with --collectives, or mend `collectives` on that node",
                                           owner.name));
    }
    return {};
}

}  // namespace

proto::Bytes seal_record(const SignSecret& owner, const proto::CertificateChain& chain,
                         const proto::PeerRecordBody& body) {
    proto::SealedRecord record{proto::pack(body), {}, chain};
    record.signature = sign(owner, record_label, {record.body});
    return proto::pack(record);
}

proto::Result<proto::PeerRecordBody> open_record(TrustStore& trust, proto::BytesView sealed, proto::WallTime now) {
    if (sealed.size() > proto::limits::record_size_max)
        return proto::fail(Errc::malformed, fmt::format("a peer record of {} octets; the limit is {}", sealed.size(),
                                                        proto::limits::record_size_max));
    auto record = proto::unpack<proto::SealedRecord>(sealed);
    if (!record) return tl::unexpected(std::move(record.error()));
    auto owner = trust.verify(record->chain, now);
    if (!owner) return tl::unexpected(std::move(owner.error()));
    if (!verify(owner->sign_key, record_label, {record->body}, record->signature))
        return proto::fail(Errc::unauthenticated,
                           fmt::format("a peer record that is not signed by the key of \"{}\"", owner->name));
    switch (owner->role) {
        case proto::CertificateRole::node:
        case proto::CertificateRole::proxy:
            break;
        case proto::CertificateRole::root:
        case proto::CertificateRole::issuer:
        case proto::CertificateRole::caller:
            return proto::fail(Errc::denied, fmt::format("\"{}\" has the role {}; only nodes and proxies are peers",
                                                         owner->name, proto::name(owner->role)));
    }
    auto body = proto::unpack<proto::PeerRecordBody>(record->body);
    if (!body) return body;
    if (auto checked = agrees(*body, *owner); !checked) return tl::unexpected(std::move(checked.error()));
    return body;
}

}  // namespace mco::security
