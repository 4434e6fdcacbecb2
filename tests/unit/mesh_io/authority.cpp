#include "tests/unit/mesh_io/authority.hpp"

#include <doctest/doctest.h>

#include "mesh/io/dial_link.hpp"
#include "security/certificate.hpp"
#include "security/entropy.hpp"
#include "security/revocation.hpp"

namespace mco::test {

using proto::CertificateRole;

Authority::Authority() {
    security::entropy::start();
    keys_ = security::make_sign_pair();
    serial_ = security::entropy::fresh<proto::Serial>();
    const auto now = mesh::io::sample_clocks().wall;
    proto::CertificateBody body;
    body.authority = body.serial = body.issuer = serial_;
    body.role = CertificateRole::root;
    body.name = "root";
    body.sign_key = keys_.public_key;
    body.not_before = now - std::chrono::hours(24);
    body.not_after = now + std::chrono::hours(24);
    auto signed_root = security::sign_certificate(keys_.secret, body);
    REQUIRE(signed_root);
    root_ = *signed_root;
}

security::Identity Authority::issue(const Wish& wish) const {
    security::Identity identity;
    identity.keys = security::make_key_set();
    identity.name = wish.name;
    identity.role = wish.role;
    identity.peer = security::peer_id(identity.keys.sign.public_key);
    const auto now = mesh::io::sample_clocks().wall;
    proto::CertificateBody body;
    body.authority = body.issuer = serial_;
    body.serial = security::entropy::fresh<proto::Serial>();
    body.role = wish.role;
    body.name = wish.name;
    body.sign_key = identity.keys.sign.public_key;
    body.curve_key = identity.keys.curve.public_key;
    body.seal_key = identity.keys.seal.public_key;
    body.not_before = now + wish.begins;
    body.not_after = now + wish.ends;
    auto certificate = security::sign_certificate(keys_.secret, body);
    REQUIRE(certificate);
    identity.chain.certificates = {*certificate};
    return identity;
}

proto::Bytes Authority::revocations(std::vector<proto::Serial> serials, std::uint64_t number) const {
    auto list = security::seal_revocations(keys_.secret, {.authority = serial_, .number = number, .made = {}, .serials = std::move(serials)});
    REQUIRE(list);
    return std::move(*list);
}

security::TrustStore Authority::trust() const {
    auto store = security::TrustStore::make({root_});
    REQUIRE(store);
    return std::move(*store);
}

}  // namespace mco::test
