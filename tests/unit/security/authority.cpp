#include "tests/unit/security/authority.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "security/entropy.hpp"
#include "security/revocation.hpp"
#include "security/envelope.hpp"

namespace mco::security::test {

proto::WallTime at(std::chrono::microseconds since_start) {
    return proto::WallTime{std::chrono::seconds(1'767'225'600) + since_start};
}

proto::Certificate sign_anything(const SignSecret& secret, const proto::CertificateBody& body) {
    proto::Certificate certificate{proto::pack(body), {}};
    certificate.signature = sign(secret, certificate_label, {certificate.body});
    return certificate;
}

Authority::Authority(std::string_view name) : key_(make_sign_pair()) {
    body_.serial = body_.authority = body_.issuer = entropy::fresh<proto::Serial>();
    body_.role = proto::CertificateRole::root;
    body_.name = std::string(name);
    body_.sign_key = key_.public_key;
    body_.not_before = at(-validity);
    body_.not_after = at(validity);
    certificate_ = sign_anything(key_.secret, body_);
}

Authority::Authority(std::string_view name, const Authority& above)
    : key_(make_sign_pair()), body_(above.body_), root_(false) {
    body_.serial = entropy::fresh<proto::Serial>();
    body_.issuer = above.body_.serial;
    body_.role = proto::CertificateRole::issuer;
    body_.name = std::string(name);
    body_.sign_key = key_.public_key;
    certificate_ = sign_anything(above.key_.secret, body_);
}

Authority Authority::issuer(std::string_view name) const { return Authority(name, *this); }

void Authority::revoke(TrustStore& trust, std::vector<proto::Serial> serials, std::uint64_t number) const {
    const auto list = seal_revocations(secret(), {.authority = body_.serial, .number = number, .made = at(0s), .serials = std::move(serials)});
    REQUIRE(list);
    REQUIRE(trust.adopt(*list));
}

TrustStore Authority::trust() const { return std::move(*TrustStore::make({certificate_})); }

proto::CertificateBody Authority::body_for(const KeySet& keys, proto::CertificateRole role,
                                           std::string_view name) const {
    proto::CertificateBody body;
    body.authority = body_.authority;
    body.serial = entropy::fresh<proto::Serial>();
    body.role = role;
    body.name = std::string(name);
    body.sign_key = keys.sign.public_key;
    body.curve_key = keys.curve.public_key;
    body.seal_key = keys.seal.public_key;
    body.not_before = at(-validity);
    body.not_after = at(validity);
    body.issuer = body_.serial;
    return body;
}

proto::CertificateChain Authority::chain_for(const proto::CertificateBody& body) const {
    proto::CertificateChain chain;
    chain.certificates.push_back(sign_anything(key_.secret, body));
    if (!root_) chain.certificates.push_back(certificate_);
    return chain;
}

Identity Authority::identity_of(KeySet keys, const proto::CertificateBody& body) const {
    Identity identity;
    identity.peer = peer_id(keys.sign.public_key);
    identity.keys = std::move(keys);
    identity.chain = chain_for(body);
    identity.name = body.name;
    identity.role = body.role;
    return identity;
}

proto::PeerRecordBody record_body(const Identity& owner) {
    proto::PeerRecordBody body;
    body.peer = owner.peer;
    body.name = owner.name;
    body.incarnation = 1;
    body.sequence = 1;
    body.group = "default";
    body.link_endpoint = "tcp://127.0.0.1:21000";
    body.fanout_endpoint = "tcp://127.0.0.1:21001";
    body.curve_key = owner.keys.curve.public_key;
    body.collectives = {"mcollective"};
    body.software = "mcod test";
    return body;
}

proto::Bytes record_of(const Identity& owner) {
    return seal_record(owner.keys.sign.secret, owner.chain, record_body(owner));
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace mco::security::test
