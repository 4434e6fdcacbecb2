// Enrolment as an exchange of octets: what a token gives, once, and what it does not.

#include "security/ca/enrolment.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "security/armour.hpp"
#include "security/key_file.hpp"
#include "security/small_file.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;
using proto::CertificateRole;

struct Desk {
    mco::test::TempDir dir;
    ca::Authority authority = *ca::Authority::make(dir / "ca", "fleet", {at(-1h), at(24h * 3650)});
    ca::EnrolmentDesk desk{authority, "90d"};
    TrustStore trust = *TrustStore::make(*read_certificates(authority.root_file()));

    ca::TokenSecret ticket(std::string_view name = "web1", CertificateRole role = CertificateRole::node) {
        auto token = ca::give_ticket(authority, name, role, at(1h));
        REQUIRE_MESSAGE(token, token.error().detail);
        return std::move(*token);
    }
    proto::Bytes say(proto::BytesView ask, std::chrono::seconds since = 0s, const std::string& source = "192.0.2.1") {
        return desk.answer(ask, source, {proto::Instant(since), at(since)}).frame;
    }
    proto::Result<ca::Enrolled> enrol(const ca::TokenSecret& token, const KeySet& keys, std::string_view name = "web1",
                                      std::chrono::seconds since = 0s) {
        return ca::read_enrolled(token, say(ca::ask_to_enrol(token, make_signing_request(keys, CertificateRole::node, name)), since));
    }
    proto::Result<ca::Enrolled> renew(const KeySet& keys, std::chrono::seconds since, std::string_view name = "web1") {
        return ca::read_renewed(say(ca::ask_to_renew(make_signing_request(keys, CertificateRole::node, name)), since));
    }
};

TEST_CASE("a token gives one certificate, whose root and keys are what the machine can check") {
    Desk desk;
    const auto token = desk.ticket();
    const auto keys = make_key_set();
    const auto enrolled = desk.enrol(token, keys);
    REQUIRE_MESSAGE(enrolled, enrolled.error().detail);
    auto trust = TrustStore::make(*parse_certificates(enrolled->trust));
    REQUIRE(trust);
    const auto who = trust->verify({*parse_certificates(enrolled->certificate)}, at(0s));
    REQUIRE(who);
    CHECK(who->name == "web1");
    CHECK(who->sign_key == keys.sign.public_key);
    CHECK(has(desk.enrol(token, make_key_set()).error().detail, "used before"));
    CHECK(has(desk.enrol(token, keys).error().detail, "used before"));
}

TEST_CASE("the token itself is nowhere in the authority's folder") {
    Desk desk;
    const auto token = desk.ticket();
    const auto text = ca::token_text(token);
    CHECK(text.size() == 64);
    CHECK(ca::token_text(*ca::parse_token(text + "\n")) == text);
    for (const auto& entry : fs::recursive_directory_iterator(desk.dir.path())) {
        if (!entry.is_regular_file()) continue;
        const auto octets = read_small_file(entry.path(), 1 << 20, Access::open);
        REQUIRE(octets);
        CHECK(proto::as_text(*octets).find(text) == std::string_view::npos);
    }
    for (const auto* wrong : {"", "00", "zz", "web1"}) CHECK_FALSE(ca::parse_token(wrong));
}

TEST_CASE("an old token, one for another name or role, and one with a bit changed are refused with the reason") {
    Desk desk;
    const auto keys = make_key_set();
    const auto old = desk.ticket("old");
    CHECK(desk.enrol(old, keys, "old", 59min));
    CHECK(has(desk.enrol(desk.ticket(), keys, "web1", 1h).error().detail, "the token ended at"));
    CHECK(has(desk.enrol(desk.ticket("web2"), keys, "web3").error().detail, "is for the node \"web2\""));
    CHECK(has(desk.enrol(desk.ticket("alice", CertificateRole::caller), keys, "alice").error().detail, "is for the caller"));
    Desk other;
    CHECK(has(other.enrol(desk.ticket("web9"), keys).error().detail, "not known here"));
    // A name that somebody has: only mco-ca sign --replace may give it away.
    REQUIRE(desk.enrol(desk.ticket("db1"), keys, "db1"));
    CHECK(has(desk.enrol(desk.ticket("db1"), make_key_set(), "db1", 2min).error().detail, "--replace"));
}

TEST_CASE("every octet of a question and of an answer counts") {
    Desk desk;
    const auto token = desk.ticket();
    const auto keys = make_key_set();
    const auto ask = ca::ask_to_enrol(token, make_signing_request(keys, CertificateRole::node, "web1"));
    for (std::size_t i = 0; i < ask.size(); i += 3) {
        auto changed = ask;
        changed[i] ^= 1U;
        // Each from an address of its own, or the eleventh would not be read.
        REQUIRE_FALSE(ca::read_enrolled(token, desk.say(changed, 0s, std::to_string(i))));
    }
    auto answer = desk.say(ask);
    REQUIRE(ca::read_enrolled(token, answer));
    for (std::size_t i = 0; i < answer.size(); i += 7) {
        auto changed = answer;
        changed[i] ^= 1U;
        REQUIRE_FALSE(ca::read_enrolled(token, changed));
    }
    CHECK_FALSE(ca::read_enrolled(desk.ticket("other"), answer));
    CHECK_FALSE(ca::read_enrolled(token, {}));
}

TEST_CASE("whoever guesses is not listened to after ten failures in a minute, and others are") {
    Desk desk;
    const auto keys = make_key_set();
    const auto token = desk.ticket();
    const auto good = ca::ask_to_enrol(token, make_signing_request(keys, CertificateRole::node, "web1"));
    const auto guess = [&](std::chrono::seconds since) {
        return desk.say(ca::ask_to_enrol(ca::make_token(), make_signing_request(keys, CertificateRole::node, "web1")), since, "198.51.100.7");
    };
    for (int i = 0; i < ca::EnrolmentDesk::failures_max; ++i) CHECK(has(ca::read_enrolled(token, guess(1s)).error().detail, "not known"));
    CHECK(has(ca::read_enrolled(token, guess(2s)).error().detail, "too many failures"));
    CHECK(has(ca::read_enrolled(token, desk.say(good, 60s, "198.51.100.7")).error().detail, "too many failures"));
    CHECK(ca::read_enrolled(token, desk.say(good, 61s, "198.51.100.7")));
    for (int i = 0; i < 100'000; ++i) {
        const std::uint8_t rubbish[] = {'E', static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)};
        desk.say(rubbish, 90s, "203.0.113.9");
    }
    CHECK(desk.enrol(desk.ticket("db1"), make_key_set(), "db1", 91s));
}

TEST_CASE("a certificate is renewed for its own key in the second half of its life, with its scope") {
    Desk desk;
    auto keys = make_key_set();
    ca::Authority::Application application{.who = {CertificateRole::node, "web1", keys.sign.public_key, keys.curve.public_key, keys.seal.public_key},
                                           .period = {at(0s), at(24h * 30)},
                                           .collectives = {"uk"},
                                           .actions = {},
                                           .targets_max = 0};
    const auto first = desk.authority.issue(application, at(0s));
    REQUIRE(first);
    CHECK(has(desk.renew(keys, 24h).error().detail, "too early"));
    CHECK(has(desk.renew(make_key_set(), 24h * 20).error().detail, "another key"));
    CHECK(has(desk.renew(keys, 24h * 20, "web2").error().detail, "never enrolled"));
    CHECK(has(desk.renew(keys, 24h * 31).error().detail, "has ended"));
    const auto renewed = desk.renew(keys, 24h * 20);
    REQUIRE_MESSAGE(renewed, renewed.error().detail);
    const auto who = desk.trust.verify({*parse_certificates(renewed->certificate)}, at(24h * 40));
    REQUIRE_MESSAGE(who, who.error().detail);
    CHECK(who->collectives == std::vector<std::string>{"uk"});
    CHECK(who->not_after == at(24h * 110));
    const auto held = desk.authority.serial_of("web1");
    REQUIRE(held);
    REQUIRE(desk.authority.revoke({*held}, at(24h * 21)));
    CHECK(has(desk.renew(keys, 24h * 90).error().detail, "is revoked"));
}

}  // namespace
}  // namespace mco::security::test
