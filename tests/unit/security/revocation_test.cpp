#include "security/revocation.hpp"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using Adopted = TrustStore::Adopted;

struct Lists {
    Authority root;
    TrustStore trust = root.trust();
    proto::Serial one = entropy::fresh<proto::Serial>(), two = entropy::fresh<proto::Serial>();

    proto::RevocationBody body(std::uint64_t number, std::vector<proto::Serial> serials) const {
        return {.authority = root.body().serial, .number = number, .made = at(0s), .serials = std::move(serials)};
    }
    proto::Bytes list(std::uint64_t number, std::vector<proto::Serial> serials) const {
        return *seal_revocations(root.secret(), body(number, std::move(serials)));
    }
};

TEST_CASE("a higher number takes the place of a lower one, and never the other way") {
    Lists lists;
    CHECK(lists.trust.revocations_version() == 0);
    CHECK(lists.trust.revocation_lists().empty());
    CHECK(*lists.trust.adopt(lists.list(2, {lists.one})) == Adopted::newer);
    CHECK(lists.trust.revoked(lists.one));
    CHECK(lists.trust.revocations_version() == 2);
    CHECK(*lists.trust.adopt(lists.list(2, {lists.one})) == Adopted::known);
    CHECK(*lists.trust.adopt(lists.list(1, {})) == Adopted::known);
    CHECK(lists.trust.revoked(lists.one));
    CHECK(*lists.trust.adopt(lists.list(7, {lists.two})) == Adopted::newer);
    CHECK_FALSE(lists.trust.revoked(lists.one));  // a whole list each time
    CHECK(lists.trust.revoked(lists.two));
    CHECK(lists.trust.revocation_lists() == std::vector<proto::Bytes>{lists.list(7, {lists.two})});
}

TEST_CASE("two lists under one number are told, and the first one stays") {
    Lists lists;
    REQUIRE(lists.trust.adopt(lists.list(3, {lists.one})));
    const auto other = lists.trust.adopt(lists.list(3, {lists.two}));
    REQUIRE_FALSE(other);
    CHECK(other.error().code == Errc::denied);
    CHECK(lists.trust.revoked(lists.one));
    CHECK_FALSE(lists.trust.revoked(lists.two));
}

TEST_CASE("only the root's own signature counts, over every octet") {
    Lists lists;
    const auto good = lists.list(1, {lists.one});
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        auto changed = good;
        flip(changed, bit);
        REQUIRE_FALSE(lists.trust.adopt(changed));
    }
    for (std::size_t size = 0; size < good.size(); ++size) REQUIRE_FALSE(lists.trust.adopt(proto::BytesView(good).first(size)));
    const auto alice = lists.root.identity("alice", proto::CertificateRole::caller);
    CHECK(lists.trust.adopt(*seal_revocations(alice.keys.sign.secret, lists.body(9, {}))).error().code == Errc::unauthenticated);
    const auto issuer = lists.root.issuer("berlin");
    CHECK(lists.trust.adopt(*seal_revocations(issuer.secret(), lists.body(9, {}))).error().code == Errc::unauthenticated);
    const Authority stranger;
    auto foreign = lists.body(9, {});
    foreign.authority = stranger.body().serial;
    CHECK(lists.trust.adopt(*seal_revocations(stranger.secret(), foreign)).error().code == Errc::not_found);
    CHECK(lists.trust.revocations_version() == 0);
}

TEST_CASE("a list has a bound, which is told to whoever revokes") {
    Lists lists;
    std::vector<proto::Serial> serials(proto::limits::revocations_max + 1);
    CHECK_FALSE(seal_revocations(lists.root.secret(), lists.body(1, serials)));
    serials.pop_back();
    for (auto& serial : serials) serial = entropy::fresh<proto::Serial>();
    const auto full = seal_revocations(lists.root.secret(), lists.body(1, serials));
    REQUIRE(full);
    CHECK(*lists.trust.adopt(*full) == Adopted::newer);
    CHECK(lists.trust.revocations() == serials.size());
    CHECK_FALSE(lists.trust.adopt(proto::Bytes(10 * 1024 * 1024)));
}

TEST_CASE("two authorities have a list each") {
    Lists lists;
    const Authority next("next");
    auto both = *TrustStore::make({lists.root.certificate(), next.certificate()});
    next.revoke(both, {lists.two}, 5);
    lists.root.revoke(both, {lists.one}, 3);
    CHECK(both.revoked(lists.one));
    CHECK(both.revoked(lists.two));
    CHECK(both.revocations_version() == 8);
    CHECK(both.revocation_lists().size() == 2);
}

TEST_CASE("what a store holds survives in a file, and a file that is not there is no list") {
    Lists lists;
    const mco::test::TempDir dir;
    const auto file = dir / "revocations";
    CHECK(*adopt_file(lists.trust, file) == Adopted::known);
    lists.root.revoke(lists.trust, {lists.one}, 4);
    REQUIRE(write_revocation_file(file, lists.trust));
    REQUIRE(write_revocation_file(file, lists.trust));  // again, in its place
    auto fresh = lists.root.trust();
    CHECK(*adopt_file(fresh, file) == Adopted::newer);
    CHECK(fresh.revoked(lists.one));
    const auto bad = dir.write("bad", "-----BEGIN MCO CERTIFICATE-----\nAAAA\n-----END MCO CERTIFICATE-----\n");
    CHECK(has(adopt_file(fresh, bad).error().detail, "not a revocation list"));
    CHECK(has(adopt_file(fresh, dir.write("cut", "-----BEGIN MCO REVOCATION LIST-----\nAAAA\n")).error().detail, "cut"));
}

}  // namespace
}  // namespace mco::security::test
