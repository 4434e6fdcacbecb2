#include "security/trust_store.hpp"

#include <functional>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "security/entropy.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using proto::CertificateBody;
using proto::CertificateChain;
using proto::CertificateRole;
using proto::Errc;

constexpr auto skew = 60s;

proto::Error refusal(TrustStore& trust, const CertificateChain& chain, proto::WallTime now = at(0s)) {
    const auto verified = trust.verify(chain, now);
    REQUIRE_FALSE(verified);
    return verified.error();
}

TEST_CASE("a leaf of the root and a leaf of its issuer are believed") {
    const Authority root;
    auto trust = root.trust();
    const auto direct = root.identity("web1");
    const auto principal = trust.verify(direct.chain, at(0s));
    REQUIRE(principal);
    CHECK(principal->name == "web1");
    CHECK(principal->role == CertificateRole::node);
    CHECK(principal->peer == direct.peer);
    CHECK(principal->curve_key == direct.keys.curve.public_key);
    CHECK(principal->not_after == at(validity));
    const auto issuer = root.issuer("berlin");
    CHECK(trust.verify(issuer.identity("web2").chain, at(0s)));
}

TEST_CASE("a certificate holds from 60 s before its beginning to 60 s after its end") {
    const Authority root;
    auto trust = root.trust();
    const auto chain = root.identity("web1", CertificateRole::node,
                                     [](CertificateBody& body) {
                                         body.not_before = at(-10min);
                                         body.not_after = at(10min);
                                     })
                           .chain;
    CHECK_FALSE(trust.verify(chain, at(-10min - skew - 1us)));
    CHECK(trust.verify(chain, at(-10min - skew)));
    CHECK(trust.verify(chain, at(10min + skew)));
    CHECK_FALSE(trust.verify(chain, at(10min + skew + 1us)));
    CHECK(refusal(trust, chain, at(10min + skew + 1us)).code == Errc::expired);
    const auto late = refusal(trust, chain, at(10min + skew + 1us)).detail;
    CHECK(has(late, "certificate \"web1\" expired at 2026-01-01T00:10:00Z"));
    CHECK(has(late, "\nrenew it with: mco-ca sign"));
    CHECK(has(refusal(trust, chain, at(-20min)).detail, "not valid before 2025-12-31T23:50:00Z"));
}

TEST_CASE("the end of the issuer or root is everybody's end, and is named") {
    const Authority root;
    auto trust = root.trust();
    const auto chain =
        root.identity("web1", CertificateRole::node, [](CertificateBody& body) { body.not_after = at(24h); }).chain;
    CHECK(trust.verify(chain, at(validity + skew)));
    CHECK(has(refusal(trust, chain, at(validity + skew + 1us)).detail, "certificate \"root\" expired"));
}

TEST_CASE("expiry is asked at each use, also of a remembered chain") {
    const Authority root;
    auto trust = root.trust();
    const auto chain = root.identity("web1").chain;
    CHECK(trust.verify(chain, at(0s)));
    CHECK_FALSE(trust.verify(chain, at(2h)));
    CHECK(trust.verify(chain, at(0s)));
}

TEST_CASE("revocation counts at once: of the leaf, of its issuer, of the root") {
    const Authority root;
    const auto issuer = root.issuer("berlin");
    const auto leaf = issuer.body_for(make_key_set(), CertificateRole::node, "web1");
    const auto chain = issuer.chain_for(leaf);
    for (const auto& serial : {leaf.serial, issuer.body().serial, root.body().serial}) {
        auto trust = root.trust();
        CHECK(trust.verify(chain, at(0s)));
        root.revoke(trust, {serial});
        CHECK(trust.revoked(serial));
        CHECK(refusal(trust, chain).code == Errc::denied);
        CHECK(has(refusal(trust, chain).detail, "revoked"));
        CHECK(trust.identify(chain));  // who it is stays known; that gives no authority
    }
}

TEST_CASE("every flipped bit of a certificate makes it false") {
    const Authority root;
    const auto chain = root.identity("web1").chain;
    auto trust = root.trust();
    const auto& certificate = chain.certificates.front();
    for (std::size_t bit = 0; bit < certificate.body.size() * 8; ++bit) {
        auto changed = chain;
        flip(changed.certificates.front().body, bit);
        CHECK_FALSE(trust.verify(changed, at(0s)));
    }
    for (std::size_t bit = 0; bit < certificate.signature.octets.size() * 8; ++bit) {
        auto changed = chain;
        flip(changed.certificates.front().signature.octets, bit);
        CHECK_FALSE(trust.verify(changed, at(0s)));
    }
    for (std::size_t size = 0; size < certificate.body.size(); ++size) {
        auto changed = chain;
        changed.certificates.front().body.resize(size);
        CHECK_FALSE(trust.verify(changed, at(0s)));
    }
}

TEST_CASE("each way of being wrong has a sentence of its own") {
    const Authority root, stranger("stranger");
    auto trust = root.trust();
    const auto keys = make_key_set();
    const auto good = root.body_for(keys, CertificateRole::node, "web1");
    const auto issuer = root.issuer("berlin");
    const auto signed_as = [&](std::function<void(CertificateBody&)> change) {
        auto body = good;
        change(body);
        return CertificateChain{{sign_anything(root.secret(), body)}};
    };
    CertificateChain damaged = root.chain_for(good);
    flip(damaged.certificates.front().signature.octets, 0);
    CertificateChain deep = issuer.chain_for(issuer.body_for(keys, CertificateRole::node, "web1"));
    deep.certificates.push_back(root.certificate());
    const auto below_leaf = [&] {  // a node that signs for others
        const auto node = root.identity("web2");
        auto body = good;
        body.issuer = read_body(node.chain.certificates.front())->serial;
        return CertificateChain{{sign_anything(node.keys.sign.secret, body), node.chain.certificates.front()}};
    }();
    const auto issuer_by_issuer = [&] {
        const auto second = issuer.issuer("munich");
        return CertificateChain{{second.certificate(), issuer.certificate()}};
    }();

    const std::vector<std::pair<CertificateChain, Errc>> wrong{
        {{}, Errc::malformed},
        {deep, Errc::malformed},
        {{{proto::Certificate{{0x90}, {}}}}, Errc::malformed},
        {signed_as([](auto& body) { body.version = 2; }), Errc::unsupported},
        {signed_as([](auto& body) { body.name = "../etc"; }), Errc::invalid},
        {signed_as([](auto& body) { body.sign_key = {}; }), Errc::malformed},
        {signed_as([](auto& body) { body.curve_key = {}; }), Errc::malformed},
        {signed_as([](auto& body) { body.seal_key = {}; }), Errc::malformed},
        {signed_as([](auto& body) { body.not_after = body.not_before; }), Errc::malformed},
        {signed_as([](auto& body) { body.serial = {}; }), Errc::malformed},
        {stranger.identity("web1").chain, Errc::unauthenticated},
        {{{sign_anything(stranger.secret(), good)}}, Errc::unauthenticated},  // names our root, signed by another
        {signed_as([&](auto& body) { body.authority = stranger.body().serial; }), Errc::denied},
        {{{root.certificate()}}, Errc::denied},
        {below_leaf, Errc::denied},
        {issuer_by_issuer, Errc::denied},
        {signed_as([](auto& body) { body.not_before = at(30min); }), Errc::invalid},
        {signed_as([](auto& body) { body.not_after = at(-30min); }), Errc::expired},
    };
    std::set<std::string> sentences;
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        CAPTURE(i);
        const auto error = refusal(trust, wrong[i].first);
        CHECK_MESSAGE(error.code == wrong[i].second, error.detail);
        CHECK_MESSAGE(sentences.insert(error.detail).second, error.detail);
    }
    CHECK(refusal(trust, damaged).code == Errc::unauthenticated);
}

TEST_CASE("a self-signed leaf is refused") {
    const Authority root;
    auto trust = root.trust();
    const auto keys = make_key_set();
    auto body = root.body_for(keys, CertificateRole::node, "web1");
    CHECK_FALSE(trust.verify({{sign_anything(keys.sign.secret, body)}}, at(0s)));
    body.issuer = body.authority = body.serial;
    CHECK_FALSE(trust.verify({{sign_anything(keys.sign.secret, body)}}, at(0s)));
    body.role = CertificateRole::root;
    body.curve_key = {};
    body.seal_key = {};
    CHECK_FALSE(trust.verify({{sign_anything(keys.sign.secret, body)}}, at(0s)));
}

TEST_CASE("an issuer cannot give more than it has") {
    const Authority root;
    const Authority wide = root.issuer("berlin");
    // The issuer's own body decides; it is signed by the root here with a scope.
    const auto key = make_sign_pair();
    auto body = wide.body();
    body.sign_key = key.public_key;
    body.collectives = {"uk", "de"};
    body.actions = {"rpcutil/*"};
    body.targets_max = 10;
    const auto certificate = sign_anything(root.secret(), body);
    auto trust = root.trust();
    const auto believed = [&](std::function<void(CertificateBody&)> change) {
        auto leaf = wide.body_for(make_key_set(), CertificateRole::caller, "alice");
        leaf.issuer = body.serial;
        leaf.collectives = {"uk"};
        leaf.actions = {"rpcutil/*"};
        leaf.targets_max = 10;
        change(leaf);
        return trust.verify({{sign_anything(key.secret, leaf), certificate}}, at(0s)).has_value();
    };
    CHECK(believed([](auto&) {}));
    CHECK(believed([](auto& leaf) { leaf.targets_max = 1; }));
    CHECK_FALSE(believed([](auto& leaf) { leaf.targets_max = 11; }));
    CHECK_FALSE(believed([](auto& leaf) { leaf.targets_max = 0; }));
    CHECK_FALSE(believed([](auto& leaf) { leaf.collectives = {}; }));
    CHECK_FALSE(believed([](auto& leaf) { leaf.collectives = {"uk", "us"}; }));
    CHECK_FALSE(believed([](auto& leaf) { leaf.actions = {}; }));
    CHECK_FALSE(believed([](auto& leaf) { leaf.actions = {"*/*"}; }));
}

TEST_CASE("two roots overlap, and what is no root is not taken for one") {
    const Authority old_root("old"), new_root("new");
    auto trust = TrustStore::make({old_root.certificate(), new_root.certificate()});
    REQUIRE(trust);
    CHECK(trust->verify(old_root.identity("web1").chain, at(0s)));
    CHECK(trust->verify(new_root.identity("web2").chain, at(0s)));

    CHECK_FALSE(TrustStore::make({}));
    CHECK_FALSE(TrustStore::make({old_root.certificate(), old_root.certificate()}));
    CHECK_FALSE(TrustStore::make({old_root.identity("web1").chain.certificates.front()}));
    CHECK_FALSE(TrustStore::make({old_root.issuer("berlin").certificate()}));
    auto damaged = old_root.certificate();
    flip(damaged.signature.octets, 5);
    CHECK_FALSE(TrustStore::make({damaged}));
    std::vector<proto::Certificate> many;
    for (std::size_t i = 0; i < TrustStore::roots_max; ++i) many.push_back(Authority("root").certificate());
    CHECK(TrustStore::make(many));
    many.push_back(Authority("root").certificate());
    CHECK_FALSE(TrustStore::make(many));
}

TEST_CASE("a scope of collectives and of agent/action patterns") {
    Principal principal;
    CHECK(principal.may_join("any"));
    CHECK(principal.may_call("any", "thing"));
    principal.collectives = {"uk"};
    CHECK(principal.may_join("uk"));
    CHECK_FALSE(principal.may_join("uk2"));
    CHECK_FALSE(principal.may_join(""));
    principal.actions = {"rpcutil/*", "*/status", "pack*/i*l"};
    CHECK(principal.may_call("rpcutil", "ping"));
    CHECK(principal.may_call("service", "status"));
    CHECK(principal.may_call("package", "install"));
    CHECK_FALSE(principal.may_call("package", "installed"));
    CHECK_FALSE(principal.may_call("rpcutil2", "ping"));
    CHECK_FALSE(principal.may_call("service", "statuses"));
    principal.actions = {"rpcutil", "", "*"};  // no slash: no pattern
    CHECK_FALSE(principal.may_call("rpcutil", "ping"));
    principal.actions = {"a*/b"};
    CHECK_FALSE(principal.may_call("ax", "y/b"));
    principal.actions = {"/"};
    CHECK_FALSE(principal.may_call("rpcutil", "ping"));
}

TEST_CASE("the memory of chains is bounded, and forgetting changes no answer") {
    const Authority root;
    auto trust = root.trust();
    const auto keys = make_key_set();
    auto body = root.body_for(keys, CertificateRole::node, "web1");
    const auto first = root.chain_for(body);
    CHECK(trust.verify(first, at(0s)));
    for (std::size_t i = 0; i < TrustStore::known_max; ++i) {
        body.serial = entropy::fresh<proto::Serial>();
        REQUIRE(trust.verify(root.chain_for(body), at(0s)));
    }
    CHECK(trust.known() == TrustStore::known_max);
    CHECK(trust.verify(first, at(0s)));
    CHECK(trust.known() == TrustStore::known_max);
}

}  // namespace
}  // namespace mco::security::test
