#include "security/certificate.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/rfc3339.hpp"

namespace mco::security {
namespace {

using proto::Errc;

constexpr std::string_view request_label{"mco-csr-v1\0", 11};

bool is_leaf(proto::CertificateRole role) {
    switch (role) {
        case proto::CertificateRole::root:
        case proto::CertificateRole::issuer:
            return false;
        case proto::CertificateRole::node:
        case proto::CertificateRole::proxy:
        case proto::CertificateRole::caller:
            return true;
    }
    return false;
}

// What holds of every body, whoever signed it. Leaves have three different keys, authorities only the one they sign with.
proto::Result<void> check_body(const proto::CertificateBody& body) {
    if (body.version != 1)
        return proto::fail(Errc::unsupported,
                           fmt::format("certificate version {} is not known here; this program reads version 1",
                                       static_cast<unsigned>(body.version)));
    if (auto checked = check_name(body.name); !checked) return checked;
    if (body.sign_key.is_zero())
        return proto::fail(Errc::malformed, fmt::format("certificate \"{}\" has no signing key", body.name));
    const bool curve = !body.curve_key.is_zero(), seal = !body.seal_key.is_zero();
    if (is_leaf(body.role) && (!curve || !seal))
        return proto::fail(Errc::malformed,
                           fmt::format("certificate \"{}\" lacks its {} key", body.name, curve ? "seal" : "curve"));
    if (!is_leaf(body.role) && (curve || seal))
        return proto::fail(Errc::malformed,
                           fmt::format("certificate \"{}\" of an authority must have no transport keys", body.name));
    if (body.not_before < wall_time_min || body.not_after > wall_time_max)
        return proto::fail(Errc::malformed, fmt::format("certificate \"{}\" has a time outside {} to {}", body.name,
                                                        to_rfc3339(wall_time_min), to_rfc3339(wall_time_max)));
    return {};
}

proto::Result<void> check_scope(const proto::CertificateBody& body) {
    if (body.serial.is_zero() || body.issuer.is_zero() || body.authority.is_zero())
        return proto::fail(Errc::malformed, fmt::format("certificate \"{}\" lacks a serial number", body.name));
    if (body.not_after <= body.not_before)
        return proto::fail(Errc::malformed, fmt::format("certificate \"{}\" ends before it begins", body.name));
    return {};
}

proto::Result<void> check_size(std::size_t body_size, std::string_view name) {
    const auto size = body_size + proto::Signature::size;
    if (size <= proto::limits::certificate_size_max) return {};
    return proto::fail(Errc::invalid, fmt::format("certificate \"{}\" has {} octets; the limit is {}\nlist fewer "
                                                  "collectives or actions",
                                                  name, size, proto::limits::certificate_size_max));
}

}  // namespace

proto::Result<void> check_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    };
    const bool good = !name.empty() && name.size() <= proto::limits::name_size_max &&
                      std::all_of(name.begin(), name.end(), allowed) && name.front() != '.' && name.front() != '_' &&
                      name.front() != '-' && name.find("..") == std::string_view::npos;
    if (good) return {};
    // The name may come from a stranger: nothing of it that could harm a terminal or a log is repeated.
    std::string shown(name.substr(0, proto::limits::name_size_max));
    for (char& c : shown) {
        if (c < ' ' || c > '~') c = '?';
    }
    return proto::fail(Errc::invalid,
                       fmt::format("\"{}\" is no name for a certificate\na name has 1 to 64 of a-z 0-9 . _ -, "
                                   "begins with a letter or digit, and has no \"..\"",
                                   shown));
}

proto::Result<proto::Certificate> sign_certificate(const SignSecret& issuer, const proto::CertificateBody& body) {
    if (auto checked = check_body(body); !checked) return proto::fail(Errc::invalid, std::move(checked.error().detail));
    if (auto checked = check_scope(body); !checked)
        return proto::fail(Errc::invalid, std::move(checked.error().detail));
    proto::Certificate certificate;
    certificate.body = proto::pack(body);
    if (auto checked = check_size(certificate.body.size(), body.name); !checked)
        return tl::unexpected(std::move(checked.error()));
    certificate.signature = sign(issuer, certificate_label, {certificate.body});
    return certificate;
}

proto::Result<proto::CertificateBody> read_body(const proto::Certificate& certificate) {
    if (certificate.body.size() + proto::Signature::size > proto::limits::certificate_size_max)
        return proto::fail(Errc::malformed, fmt::format("a certificate of {} octets; the limit is {}",
                                                        certificate.body.size() + proto::Signature::size,
                                                        proto::limits::certificate_size_max));
    auto body = proto::unpack<proto::CertificateBody>(certificate.body);
    if (!body) return body;
    if (auto checked = check_body(*body); !checked) return tl::unexpected(std::move(checked.error()));
    if (auto checked = check_scope(*body); !checked) return tl::unexpected(std::move(checked.error()));
    return body;
}

// A signing request is a certificate body without serials and times, signed by its own key under another label: one
// format less, and it can never pass for a certificate.
proto::Bytes make_signing_request(const KeySet& keys, proto::CertificateRole role, std::string_view name) {
    proto::CertificateBody body;
    body.role = role;
    body.name = std::string(name);
    body.sign_key = keys.sign.public_key;
    body.curve_key = keys.curve.public_key;
    body.seal_key = keys.seal.public_key;
    proto::Certificate request{proto::pack(body), {}};
    request.signature = sign(keys.sign.secret, request_label, {request.body});
    return proto::pack(proto::CertificateChain{{std::move(request)}});
}

proto::Bytes make_issuer_request(const SignPair& key, std::string_view name) {
    proto::CertificateBody body;
    body.role = proto::CertificateRole::issuer;
    body.name = std::string(name);
    body.sign_key = key.public_key;
    proto::Certificate request{proto::pack(body), {}};
    request.signature = sign(key.secret, request_label, {request.body});
    return proto::pack(proto::CertificateChain{{std::move(request)}});
}

proto::Result<SigningRequest> open_signing_request(proto::BytesView octets) {
    auto chain = proto::unpack<proto::CertificateChain>(octets);
    if (!chain) return tl::unexpected(std::move(chain.error()));
    if (chain->certificates.size() != 1)
        return proto::fail(Errc::malformed, "a signing request holds one set of keys, no more");
    const auto& sealed = chain->certificates.front();
    auto body = proto::unpack<proto::CertificateBody>(sealed.body);
    if (!body) return tl::unexpected(std::move(body.error()));
    if (!verify(body->sign_key, request_label, {sealed.body}, sealed.signature))
        return proto::fail(
            Errc::unauthenticated,
            "the signing request is not signed by the key it asks for\nmake a new one with: mco-ca request");
    if (auto checked = check_body(*body); !checked) return tl::unexpected(std::move(checked.error()));
    if (body->role == proto::CertificateRole::root)
        return proto::fail(Errc::denied,
                           fmt::format("\"{}\" asks for the role {}, which is not given by signing\nask for "
                                       "node, proxy, caller or issuer",
                                       body->name, proto::name(body->role)));
    return SigningRequest{body->role, std::move(body->name), body->sign_key, body->curve_key, body->seal_key};
}

}  // namespace mco::security
