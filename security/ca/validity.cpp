#include "security/ca/validity.hpp"

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include "security/rfc3339.hpp"

namespace mco::security::ca {
namespace {

using namespace std::chrono_literals;
using proto::CertificateRole;
using proto::Errc;

constexpr std::int64_t day = 86'400, year = 365 * day;
constexpr std::int64_t longest = 100 * year;

// Seconds of one unit, or 0.
std::int64_t seconds_of(char unit) {
    switch (unit) {
        case 's':
            return 1;
        case 'm':
            return 60;
        case 'h':
            return 3'600;
        case 'd':
            return day;
        case 'y':
            return year;
        default:
            return 0;
    }
}

std::chrono::seconds usual(CertificateRole role) {
    switch (role) {
        case CertificateRole::root:
            return std::chrono::seconds(10 * year);
        case CertificateRole::issuer:
            return std::chrono::seconds(2 * year);
        case CertificateRole::node:
        case CertificateRole::proxy:
            return std::chrono::seconds(90 * day);
        case CertificateRole::caller:
            return std::chrono::seconds(30 * day);
    }
    return 0s;
}

}  // namespace

proto::Result<std::chrono::seconds> parse_validity(std::string_view text) {
    std::int64_t count = 0;
    const auto unit = text.empty() ? 0 : seconds_of(text.back());
    const char* end = text.data() + text.size() - (text.empty() ? 0 : 1);
    const auto read = std::from_chars(text.data(), end, count);
    if (unit == 0 || read.ec != std::errc() || read.ptr != end || count < 1 || count > longest / unit)
        return proto::fail(Errc::invalid,
                           fmt::format("--valid \"{}\" is no time from 1s to 100y\nwrite a number and s, m, h, d "
                                       "or y, like 90d",
                                       text));
    return std::chrono::seconds(count * unit);
}

proto::Result<Period> period_of(const Options& options, CertificateRole role, proto::WallTime now) {
    Period period{now, now};
    if (!options.valid.empty() && !options.not_after.empty())
        return proto::fail(Errc::invalid, "--valid and --not-after both say when it ends\ngive one of them");
    if (!options.not_before.empty()) {
        const auto begin = parse_rfc3339(options.not_before);
        if (!begin) return tl::unexpected(begin.error());
        period.not_before = *begin;
    }
    if (!options.not_after.empty()) {
        const auto end = parse_rfc3339(options.not_after);
        if (!end) return tl::unexpected(end.error());
        period.not_after = *end;
    } else {
        const auto length =
            options.valid.empty() ? proto::Result<std::chrono::seconds>(usual(role)) : parse_validity(options.valid);
        if (!length) return tl::unexpected(length.error());
        period.not_after = period.not_before + *length;
    }
    if (period.not_after <= period.not_before)
        return proto::fail(Errc::invalid, fmt::format("it would end at {}, before it begins at {}",
                                                      to_rfc3339(period.not_after), to_rfc3339(period.not_before)));
    return period;
}

proto::Result<CertificateRole> parse_role(std::string_view text) {
    for (const auto role : {CertificateRole::node, CertificateRole::proxy, CertificateRole::caller}) {
        if (text == proto::name(role)) return role;
    }
    return proto::fail(Errc::invalid,
                       fmt::format("--role \"{}\" is not known\nit is node (a machine that runs mcod), proxy (a "
                                   "relay) or caller (who may run mco)",
                                   text));
}

}  // namespace mco::security::ca
