#include "tests/fuzz/parties.hpp"

#include <algorithm>
#include <utility>

#include "proto/codec.hpp"
#include "security/certificate.hpp"
#include "security/envelope.hpp"

namespace mco::fuzz {
namespace {

using namespace std::chrono_literals;

template <typename Secret>
Secret filled(std::uint8_t octet) {
    Secret secret;
    std::fill_n(secret.data(), secret.size(), octet);
    return secret;
}

proto::Serial serial(std::uint8_t octet) {
    proto::Serial made;
    made.octets.fill(octet);
    return made;
}

proto::Certificate signed_by(const security::SignSecret& secret, const proto::CertificateBody& body) {
    proto::Certificate certificate{proto::pack(body), {}};
    certificate.signature = security::sign(secret, security::certificate_label, {certificate.body});
    return certificate;
}

security::Identity identity(std::uint8_t number, std::string_view name, proto::CertificateRole role,
                            const security::SignPair& root) {
    security::Identity made;
    made.keys = {security::sign_pair_of(filled<security::SignSeed>(number)),
                 security::curve_pair_of(filled<security::CurveSecret>(number)),
                 security::seal_pair_of(filled<security::SealSecret>(static_cast<std::uint8_t>(number + 1)))};
    made.peer = security::peer_id(made.keys.sign.public_key);
    made.name = std::string(name);
    made.role = role;
    proto::CertificateBody body;
    body.authority = body.issuer = serial(1);
    body.serial = serial(number);
    body.role = role;
    body.name = made.name;
    body.sign_key = made.keys.sign.public_key;
    body.curve_key = made.keys.curve.public_key;
    body.seal_key = made.keys.seal.public_key;
    body.not_before = now() - 1h;
    body.not_after = now() + 1h;
    made.chain.certificates = {signed_by(root.secret, body)};
    return made;
}

}  // namespace

proto::WallTime now() { return proto::WallTime{std::chrono::seconds(1'767'225'600)}; }

Parties::Parties() : reply_pair(security::seal_pair_of(filled<security::SealSecret>(99))) {
    const auto key = security::sign_pair_of(filled<security::SignSeed>(1));
    proto::CertificateBody body;
    body.authority = body.issuer = body.serial = serial(1);
    body.role = proto::CertificateRole::root;
    body.name = "root";
    body.sign_key = key.public_key;
    body.not_before = now() - 1h;
    body.not_after = now() + 1h;
    root = signed_by(key.secret, body);
    web1 = identity(10, "web1", proto::CertificateRole::node, key);
    web2 = identity(20, "web2", proto::CertificateRole::node, key);
    alice = identity(30, "alice", proto::CertificateRole::caller, key);
}

security::TrustStore Parties::trust() const { return std::move(*security::TrustStore::make({root})); }

proto::Bytes Parties::record(const security::Identity& owner) const {
    proto::PeerRecordBody body;
    body.peer = owner.peer;
    body.name = owner.name;
    body.incarnation = 1;
    body.group = "default";
    body.link_endpoint = "tcp://127.0.0.1:21000";
    body.curve_key = owner.keys.curve.public_key;
    body.collectives = {"mcollective"};
    return security::seal_record(owner.keys.sign.secret, owner.chain, body);
}

}  // namespace mco::fuzz
