#pragma once

#include <string_view>

#include "proto/messages.hpp"
#include "security/keys.hpp"

// Making and reading certificates. Whether one is to be believed is TrustStore's question.
namespace mco::security {

inline constexpr std::string_view certificate_label{"mco-cert-v1\0", 12};

// 1-64 of [a-z0-9._-], first a letter or digit, no "..".
proto::Result<void> check_name(std::string_view name);

// Signs the body's packed octets; the caller has filled every field. `invalid` for a bad name or a body over the limit.
proto::Result<proto::Certificate> sign_certificate(const SignSecret& issuer, const proto::CertificateBody& body);

// Reads the body without judging it: shape, name and size only.
proto::Result<proto::CertificateBody> read_body(const proto::Certificate& certificate);

// What a machine sends to be signed: its public keys and the name and role it asks for, signed with its own key.
struct SigningRequest {
    proto::CertificateRole role = proto::CertificateRole::node;
    std::string name;
    proto::SignPublicKey sign_key{};
    proto::CurvePublicKey curve_key{};
    proto::SealPublicKey seal_key{};
};
proto::Bytes make_signing_request(const KeySet& keys, proto::CertificateRole role, std::string_view name);
proto::Bytes make_issuer_request(const SignPair& key, std::string_view name);
// Checks the proof of possession. For a node, proxy, caller or issuer; a root signs itself.
proto::Result<SigningRequest> open_signing_request(proto::BytesView octets);

}  // namespace mco::security
