#include "security/certificate.hpp"

#include <string>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "security/rfc3339.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using proto::CertificateBody;
using proto::CertificateRole;
using proto::Errc;

TEST_CASE("names are 1 to 64 of a-z 0-9 . _ -, begin with a letter or digit and have no two dots") {
    for (const std::string& good : {std::string("a"), std::string("0"), std::string("web1.example.net"),
                                    std::string("a-b_c.d"), std::string(64, 'a'), std::string("a.b.")})
        CHECK_MESSAGE(check_name(good), good);
    for (const std::string& bad :
         {std::string(), std::string(65, 'a'), std::string("Web1"), std::string("-a"), std::string(".a"),
          std::string("_a"), std::string("a..b"), std::string("a/b"), std::string("../a"), std::string("a b"),
          std::string("a\nb"), std::string("a\0b", 3), std::string("\xc3\xa4"), std::string("a=b"), std::string("*")})
        CHECK_MESSAGE(!check_name(bad), bad);
}

TEST_CASE("the error about a bad name does not repeat what could harm a terminal") {
    const auto checked = check_name("a\x1b[2J\n");
    REQUIRE_FALSE(checked);
    CHECK(has(checked.error().detail, "a?[2J?"));
    CHECK_FALSE(has(checked.error().detail, "\x1b"));
}

TEST_CASE("a signed certificate reads back as it was written") {
    const Authority root;
    auto body = root.body_for(make_key_set(), CertificateRole::caller, "alice");
    body.collectives = {"mcollective", "uk"};
    body.actions = {"rpcutil/*"};
    body.targets_max = 7;
    const auto certificate = sign_certificate(root.secret(), body);
    REQUIRE(certificate);
    const auto read = read_body(*certificate);
    REQUIRE(read);
    CHECK(read->name == "alice");
    CHECK(read->collectives == body.collectives);
    CHECK(read->actions == body.actions);
    CHECK(read->targets_max == 7);
    CHECK(read->not_after == body.not_after);
    CHECK(verify(root.body().sign_key, certificate_label, {certificate->body}, certificate->signature));
}

TEST_CASE("what is incomplete or absurd is not signed") {
    const Authority root;
    const auto good = root.body_for(make_key_set(), CertificateRole::node, "web1");
    REQUIRE(sign_certificate(root.secret(), good));
    const auto refused = [&](auto change) {
        auto body = good;
        change(body);
        const auto certificate = sign_certificate(root.secret(), body);
        return !certificate && certificate.error().code == Errc::invalid;
    };
    CHECK(refused([](CertificateBody& body) { body.version = 2; }));
    CHECK(refused([](CertificateBody& body) { body.name = "Web1"; }));
    CHECK(refused([](CertificateBody& body) { body.sign_key = {}; }));
    CHECK(refused([](CertificateBody& body) { body.curve_key = {}; }));
    CHECK(refused([](CertificateBody& body) { body.seal_key = {}; }));
    CHECK(refused([](CertificateBody& body) { body.serial = {}; }));
    CHECK(refused([](CertificateBody& body) { body.issuer = {}; }));
    CHECK(refused([](CertificateBody& body) { body.authority = {}; }));
    CHECK(refused([](CertificateBody& body) { body.role = CertificateRole::root; }));  // with transport keys
    CHECK(refused([](CertificateBody& body) { body.role = CertificateRole::issuer; }));
    CHECK(refused([](CertificateBody& body) { body.not_after = body.not_before; }));
    CHECK(refused([](CertificateBody& body) { body.not_before = proto::WallTime{-1us}; }));
    CHECK(refused([](CertificateBody& body) { body.not_after = wall_time_max + 1us; }));
    CHECK_FALSE(refused([](CertificateBody& body) { body.not_after = wall_time_max; }));
    CHECK_FALSE(refused([](CertificateBody& body) { body.not_after = body.not_before + 1us; }));
}

TEST_CASE("a certificate has at most 1024 octets with its signature") {
    const Authority root;
    auto body = root.body_for(make_key_set(), CertificateRole::node, "web1");
    const auto most = proto::limits::certificate_size_max - proto::Signature::size;
    while (proto::pack(body).size() + 70 < most) body.collectives.emplace_back(60, 'c');
    body.collectives.emplace_back(1, 'c');
    while (proto::pack(body).size() < most) body.collectives.back() += 'c';
    REQUIRE(proto::pack(body).size() == most);
    const auto full = sign_certificate(root.secret(), body);
    REQUIRE(full);
    CHECK(read_body(*full));
    body.name += '2';
    const auto over = sign_certificate(root.secret(), body);
    REQUIRE_FALSE(over);
    CHECK(over.error().code == Errc::invalid);
    CHECK(has(over.error().detail, "1025"));
    CHECK_FALSE(read_body(sign_anything(root.secret(), body)));
}

TEST_CASE("a signing request carries the keys, and only their owner can make it") {
    const auto keys = make_key_set();
    const auto octets = make_signing_request(keys, CertificateRole::node, "web1");
    const auto opened = open_signing_request(octets);
    REQUIRE(opened);
    CHECK(opened->name == "web1");
    CHECK(opened->role == CertificateRole::node);
    CHECK(opened->sign_key == keys.sign.public_key);
    CHECK(opened->curve_key == keys.curve.public_key);
    CHECK(opened->seal_key == keys.seal.public_key);
    for (std::size_t bit = 0; bit < octets.size() * 8; ++bit) {
        auto changed = octets;
        flip(changed, bit);
        CHECK_FALSE(open_signing_request(changed));
    }
    for (std::size_t size = 0; size < octets.size(); ++size)
        CHECK_FALSE(open_signing_request(proto::BytesView(octets).first(size)));
}

TEST_CASE("a signing request cannot ask to be an authority") {
    const auto keys = make_key_set();
    for (const auto role : {CertificateRole::root, CertificateRole::issuer})
        CHECK_FALSE(open_signing_request(make_signing_request(keys, role, "web1")));
    CHECK_FALSE(open_signing_request(make_signing_request(keys, CertificateRole::node, "../web1")));
}

TEST_CASE("a signing request is no certificate, and a certificate no signing request") {
    const Authority root;
    const auto keys = make_key_set();
    const auto request =
        proto::unpack<proto::CertificateChain>(make_signing_request(keys, CertificateRole::node, "web1"));
    REQUIRE(request);
    CHECK_FALSE(read_body(request->certificates.front()));
    const auto chain = root.chain_for(root.body_for(keys, CertificateRole::node, "web1"));
    CHECK_FALSE(open_signing_request(proto::pack(chain)));
}

}  // namespace
}  // namespace mco::security::test
