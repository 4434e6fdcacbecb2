#include "security/ca/validity.hpp"

#include <doctest/doctest.h>

#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using ca::Options;
using proto::CertificateRole;

TEST_CASE("--valid is a number and a unit, from 1s to 100y") {
    CHECK(*ca::parse_validity("1s") == 1s);
    CHECK(*ca::parse_validity("10m") == 10min);
    CHECK(*ca::parse_validity("12h") == 12h);
    CHECK(*ca::parse_validity("90d") == 90 * 24h);
    CHECK(*ca::parse_validity("100y") == 100 * 365 * 24h);
    for (const std::string_view bad : {"", "0s", "-1d", "+1d", "101y", "36501d", "1", "d", "1w", "1.5d", "1 d", " 1d",
                                       "1dd", "99999999999999999999y", "9223372036854775807s"})
        CHECK_MESSAGE(!ca::parse_validity(bad), bad);
}

TEST_CASE("a period begins now or as told, and ends by --valid, --not-after or the role's custom") {
    const auto now = at(0s);
    const auto period = [&](const Options& options, CertificateRole role = CertificateRole::node) {
        return ca::period_of(options, role, now);
    };
    CHECK(period({})->not_before == now);
    CHECK(period({})->not_after == now + 90 * 24h);
    CHECK(period({}, CertificateRole::caller)->not_after == now + 30 * 24h);
    CHECK(period({}, CertificateRole::root)->not_after == now + 3650 * 24h);
    CHECK(period({.valid = "1h"})->not_after == now + 1h);
    const Options begun{.valid = "1h", .not_before = "2025-01-01T00:00:00Z"};
    CHECK(period(begun)->not_after == period(begun)->not_before + 1h);
    CHECK(period({.not_after = "2026-01-01T00:00:01Z"})->not_after == now + 1s);
    CHECK_FALSE(period({.not_after = "2026-01-01T00:00:00Z"}));
    CHECK_FALSE(period({.valid = "1h", .not_after = "2027-01-01T00:00:00Z"}));
    CHECK_FALSE(period({.not_before = "yesterday"}));
    CHECK_FALSE(period({.not_after = "tomorrow"}));
    CHECK_FALSE(period({.valid = "soon"}));
}

TEST_CASE("roles that can be asked for are node, proxy and caller") {
    CHECK(*ca::parse_role("node") == CertificateRole::node);
    CHECK(*ca::parse_role("proxy") == CertificateRole::proxy);
    CHECK(*ca::parse_role("caller") == CertificateRole::caller);
    for (const std::string_view bad : {"", "root", "issuer", "Node", "nodes"}) CHECK_MESSAGE(!ca::parse_role(bad), bad);
}

}  // namespace
}  // namespace mco::security::test
