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
#include "security/keys.hpp"

namespace mco::security::ca {

// An authority's folder: root.key, root.cert, issued/SERIAL.cert (every certificate it ever signed) and names/NAME (the
// serial that holds the name now). Names are given once: a new file in names/ is made exclusively, so two runs at the same
// time cannot both give one.
class Authority {
 public:
    // Makes folder, keys and self-signed certificate. `invalid` if there is an authority already.
    static proto::Result<Authority> make(const std::filesystem::path& folder, std::string_view name, Period period);
    static proto::Result<Authority> open(const std::filesystem::path& folder);

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
        std::optional<Holder> replaced;  // another key's certificate, which holds until its own end
    };
    proto::Result<Issued> issue(const Application& application);

    const proto::CertificateBody& root() const { return root_; }
    std::filesystem::path root_file() const { return folder_ / "root.cert"; }

 private:
    Authority() = default;
    proto::Result<void> record(const Issued& issued, bool name_is_held) const;

    std::filesystem::path folder_;
    SignPair key_;
    proto::CertificateBody root_;
};

// The armoured certificate under a comment that says whose it is and until when.
std::string certificate_text(const proto::Certificate& certificate, const proto::CertificateBody& body);

}  // namespace mco::security::ca
