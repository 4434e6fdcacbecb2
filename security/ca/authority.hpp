#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "proto/error.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "security/ca/validity.hpp"
#include "security/certificate.hpp"
#include "security/key_file.hpp"
#include "security/keys.hpp"

namespace mco::security::ca {

// The armoured certificate under a comment that says whose it is and until when.
std::string certificate_text(const proto::Certificate& certificate, const proto::CertificateBody& body);

// An authority's folder: root.key, root.cert (of an issuer: issuer.key, issuer.request and, once the root has signed it, issuer.cert
// and the root's root.cert), issued/SERIAL.cert (every certificate it ever signed) and names/NAME (the
// serial that holds the name now), revocations (the newest list). Names are given once: a new file in names/ is made exclusively, so two runs at the same
// time cannot both give one.
class Authority {
 public:
    // Makes folder, keys and self-signed certificate. `invalid` if there is an authority already.
    static proto::Result<Authority> make(const std::filesystem::path& folder, std::string_view name, Period period,
                                         std::string_view passphrase = {});
    // The first half of an issuer: its key and what the root is to sign.
    static proto::Result<void> make_issuer(const std::filesystem::path& folder, std::string_view name, std::string_view passphrase);
    static proto::Result<Authority> open(const std::filesystem::path& folder, const AskPassphrase& ask = {});

    struct Application {
        SigningRequest who;
        Period period;
        std::vector<std::string> collectives, actions;
        std::uint32_t targets_max = 0;
        enum class Names : std::uint8_t { once, replace } names = Names::once;
    };
    // Whether the name is free, or held by the same key (a renewal), or may be replaced. The answer names the holder.
    struct Holder {
        proto::Serial serial{};
        proto::WallTime not_after{};
        bool same_key = false;
    };
    proto::Result<std::optional<Holder>> holder(const SigningRequest& who) const;

    struct Issued {
        proto::Certificate certificate;
        proto::CertificateBody body;
        std::optional<Holder> replaced;  // another key's certificate, now revoked
    };
    proto::Result<Issued> issue(const Application& application, proto::WallTime now);

    // Of a name that was given, or the text of a serial.
    proto::Result<proto::Serial> serial_of(const std::string& name_or_serial) const;
    // Adds to the list, takes off whose certificates ended more than a day ago, signs it under the next number and returns that.
    proto::Result<std::uint64_t> revoke(const std::vector<proto::Serial>& serials, proto::WallTime now);
    std::filesystem::path revocations_file() const { return folder_ / "revocations"; }

    // The certificate that has the name now; not_found: none.
    proto::Result<proto::CertificateBody> held_certificate(const SigningRequest& who) const;
    proto::Result<bool> is_revoked(const proto::Serial& serial) const;
    std::string issued_text(const Issued& issued) const;  // with the issuer's own certificate behind it
    const std::filesystem::path& folder() const { return folder_; }

    bool is_issuer() const { return !issuer_text_.empty(); }
    const proto::CertificateBody& root() const { return root_; }
    std::filesystem::path root_file() const { return folder_ / "root.cert"; }

 private:
    Authority() = default;
    proto::Result<void> record(const Issued& issued, bool name_is_held) const;

    std::filesystem::path folder_;
    SignPair key_;
    proto::CertificateBody root_;  // who signs: the root, or an issuer
    std::string issuer_text_;      // an issuer's certificate; empty: the root signs itself
};

}  // namespace mco::security::ca
