#pragma once

#include <chrono>
#include <string_view>

#include "proto/error.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"
#include "security/ca/options.hpp"

// How long a certificate is to hold, and who may have which role.
namespace mco::security::ca {

// "30s" "10m" "12h" "90d" "10y" (years of 365 days), from one second to 100 years.
proto::Result<std::chrono::seconds> parse_validity(std::string_view text);

struct Period {
    proto::WallTime not_before{}, not_after{};
};
// From --not-before (or now) until --not-after, or for --valid (or the role's default: caller 30 days, node and proxy 90
// days, issuer 2 years, root 10 years). `invalid` when both ends are given twice, or the end is not after the beginning.
proto::Result<Period> period_of(const Options& options, proto::CertificateRole role, proto::WallTime now);

// node, proxy or caller.
proto::Result<proto::CertificateRole> parse_role(std::string_view text);

}  // namespace mco::security::ca
