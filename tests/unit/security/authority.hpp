#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codec.hpp"
#include "proto/messages.hpp"
#include "security/certificate.hpp"
#include "security/hello.hpp"
#include "security/keys.hpp"
#include "security/trust_store.hpp"

namespace mco::security::test {

using namespace std::chrono_literals;

// A moment of the tests, counted from 2026-01-01 00:00 UTC.
proto::WallTime at(std::chrono::microseconds since_start);

// Everybody's certificate holds from at(-1h) to at(1h), unless a test changes it.
inline constexpr auto validity = 1h;

// Signs whatever it is given, also what sign_certificate would refuse: that is what a hostile authority does.
proto::Certificate sign_anything(const SignSecret& secret, const proto::CertificateBody& body);

// Who can sign: a root, or an issuer under one.
class Authority {
 public:
    explicit Authority(std::string_view name = "root");
    Authority issuer(std::string_view name) const;

    TrustStore trust() const;
    // As if a list came that names these and nobody else.
    void revoke(TrustStore& trust, std::vector<proto::Serial> serials, std::uint64_t number = 1) const;
    const proto::Certificate& certificate() const { return certificate_; }
    const proto::CertificateBody& body() const { return body_; }
    const SignSecret& secret() const { return key_.secret; }

    // A complete body for these keys, as this authority would sign it.
    proto::CertificateBody body_for(const KeySet& keys, proto::CertificateRole role, std::string_view name) const;
    // The chain that shows this body: with the issuer's own certificate behind it if this is one.
    proto::CertificateChain chain_for(const proto::CertificateBody& body) const;

    Identity identity(std::string_view name, proto::CertificateRole role = proto::CertificateRole::node) const {
        return identity(name, role, [](proto::CertificateBody&) {});
    }
    template <typename Change>
    Identity identity(std::string_view name, proto::CertificateRole role, Change change) const {
        auto keys = make_key_set();
        auto body = body_for(keys, role, name);
        change(body);
        return identity_of(std::move(keys), body);
    }

 private:
    Authority(std::string_view name, const Authority& above);
    Identity identity_of(KeySet keys, const proto::CertificateBody& body) const;

    SignPair key_;
    proto::CertificateBody body_;
    proto::Certificate certificate_;
    bool root_ = true;
};

// What a peer says of itself, true in every field.
proto::PeerRecordBody record_body(const Identity& owner);
proto::Bytes record_of(const Identity& owner);

// Flips one bit.
template <typename Octets>
void flip(Octets& octets, std::size_t bit) {
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (1U << (bit % 8)));
}

bool has(std::string_view text, std::string_view part);

}  // namespace mco::security::test
