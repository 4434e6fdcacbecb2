#include "security/envelope.hpp"

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using proto::CertificateRole;
using proto::Errc;

constexpr std::string_view request_label{"mco-req-v1\0", 11};

struct Asked {
    proto::Route route;
    proto::RequestBody body;
    SealPair reply_pair = make_seal_pair();
    proto::Bytes sealed;
    proto::Digest digest_of() const { return digest(sealed); }
};

Asked ask(const Identity& caller) {
    Asked asked;
    asked.route.collective = "mcollective";
    asked.route.request = entropy::fresh<proto::RequestId>();
    asked.route.created = at(0s);
    asked.route.ttl_ms = 60'000;
    asked.route.timeout_ms = 10'000;
    asked.route.reply_key = asked.reply_pair.public_key;
    asked.route.caller = caller.chain;
    asked.body.agent = "rpcutil";
    asked.body.action = "ping";
    asked.sealed = *seal_request(caller.keys.sign.secret, asked.route, asked.body);
    return asked;
}

proto::ReplyBody answer(const Asked& asked, const Identity& node) {
    proto::ReplyBody body;
    body.request = asked.route.request;
    body.request_digest = asked.digest_of();
    body.node = read_body(node.chain.certificates.front())->serial;
    body.sequence = 1;
    body.message = "OK";
    body.data = proto::Value::Map{{"pong", 1}};
    return body;
}

struct Scene {
    Authority root;
    TrustStore trust = root.trust();
    Identity caller = root.identity("alice", CertificateRole::caller);
    Identity node = root.identity("web1");
    Asked asked = ask(caller);

    proto::Result<OpenedReply> open(const proto::Bytes& sealed) {
        return open_reply(trust, asked.reply_pair, asked.route.request, asked.digest_of(), sealed, at(0s));
    }
};

// ---- requests

TEST_CASE("a sealed request opens to what the caller said") {
    Scene scene;
    const auto opened = open_request(scene.trust, scene.asked.sealed, at(0s));
    REQUIRE(opened);
    CHECK(opened->caller.name == "alice");
    CHECK(opened->route.request == scene.asked.route.request);
    CHECK(opened->digest == scene.asked.digest_of());
    const auto body = proto::unpack<proto::RequestBody>(opened->body);
    REQUIRE(body);
    CHECK(body->agent == "rpcutil");
}

TEST_CASE("every flipped bit and every cut of a request makes it false") {
    Scene scene;
    const auto& sealed = scene.asked.sealed;
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto changed = sealed;
        flip(changed, bit);
        CHECK_FALSE(open_request(scene.trust, changed, at(0s)));
    }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        CHECK_FALSE(open_request(scene.trust, proto::BytesView(sealed).first(size), at(0s)));
    auto longer = sealed;
    longer.push_back(0);
    CHECK_FALSE(open_request(scene.trust, longer, at(0s)));
}

TEST_CASE("a request that was verified is not verified again, and still not taken from whom it may not come") {
    Scene scene;
    const auto& sealed = scene.asked.sealed;
    CHECK_FALSE(scene.trust.held(digest(sealed)));
    auto forged = sealed;
    forged.back() ^= 1;
    CHECK_FALSE(open_request(scene.trust, forged, at(0s)));
    CHECK_FALSE(scene.trust.held(digest(forged)));
    REQUIRE(open_request(scene.trust, sealed, at(0s)));
    CHECK(scene.trust.held(digest(sealed)));
    CHECK(open_request(scene.trust, sealed, at(0s))->caller.name == "alice");
    CHECK(open_request(scene.trust, sealed, at(1000h)).error().code == Errc::expired);
    for (std::size_t i = 0; i < TrustStore::held_max; ++i) scene.trust.remember_held(entropy::fresh<proto::Digest>());
    CHECK_FALSE(scene.trust.held(digest(sealed)));  // the oldest is forgotten, and held again when it is verified
    CHECK(open_request(scene.trust, sealed, at(0s)));
}

TEST_CASE("only a caller's certificate can give orders") {
    Scene scene;
    for (const auto role : {CertificateRole::node, CertificateRole::proxy}) {
        const auto other = scene.root.identity("web2", role);
        const auto opened = open_request(scene.trust, ask(other).sealed, at(0s));
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == Errc::denied);
        CHECK(has(opened.error().detail, "only a caller"));
    }
}

TEST_CASE("a request under another's certificate, label or collective is refused") {
    Scene scene;
    const auto mallory = scene.root.identity("mallory", CertificateRole::caller);
    const auto stolen = seal_request(mallory.keys.sign.secret, scene.asked.route, scene.asked.body);
    REQUIRE(stolen);
    CHECK(open_request(scene.trust, *stolen, at(0s)).error().code == Errc::unauthenticated);

    proto::SealedRequest request = *proto::unpack<proto::SealedRequest>(scene.asked.sealed);
    const auto with_signature = [&](std::string_view label, std::string_view collective) {
        request.signature = sign(scene.caller.keys.sign.secret, label,
                                 {proto::as_bytes(collective), digest(request.route).bytes(), request.body});
        return open_request(scene.trust, proto::pack(request), at(0s)).has_value();
    };
    CHECK(with_signature(request_label, "mcollective"));
    CHECK_FALSE(with_signature(request_label.substr(0, 10), "mcollective"));  // without the NUL
    CHECK_FALSE(with_signature({"mco-peer-v1\0", 12}, "mcollective"));
    CHECK_FALSE(with_signature(request_label, "other"));
}

TEST_CASE("a request whose body was exchanged is refused") {
    Scene scene;
    auto one = *proto::unpack<proto::SealedRequest>(scene.asked.sealed);
    const auto two = *proto::unpack<proto::SealedRequest>(ask(scene.caller).sealed);
    one.route = two.route;
    CHECK_FALSE(open_request(scene.trust, proto::pack(one), at(0s)));
}

TEST_CASE("a request without a reply key is neither made nor taken") {
    Scene scene;
    auto route = scene.asked.route;
    route.reply_key = {};
    CHECK_FALSE(seal_request(scene.caller.keys.sign.secret, route, scene.asked.body));
    proto::SealedRequest request{proto::pack(route), proto::pack(scene.asked.body), {}};
    request.signature = sign(scene.caller.keys.sign.secret, request_label,
                             {proto::as_bytes(route.collective), digest(request.route).bytes(), request.body});
    CHECK(open_request(scene.trust, proto::pack(request), at(0s)).error().code == Errc::malformed);
}

TEST_CASE("an unknown algorithm is refused as newer, not as wrong") {
    Scene scene;
    auto route = scene.asked.route;
    route.algorithm = 2;
    const auto sealed = seal_request(scene.caller.keys.sign.secret, route, scene.asked.body);
    REQUIRE(sealed);
    CHECK(open_request(scene.trust, *sealed, at(0s)).error().code == Errc::unsupported);
}

TEST_CASE("an expired or revoked caller is refused") {
    Scene scene;
    CHECK(open_request(scene.trust, scene.asked.sealed, at(2h)).error().code == Errc::expired);
    scene.root.revoke(scene.trust, {read_body(scene.caller.chain.certificates.front())->serial});
    CHECK(open_request(scene.trust, scene.asked.sealed, at(0s)).error().code == Errc::denied);
}

TEST_CASE("a request over the limit is not made") {
    Scene scene;
    auto body = scene.asked.body;
    body.arguments = proto::Value::Map{{"text", std::string(proto::limits::request_size_max, 'x')}};
    const auto sealed = seal_request(scene.caller.keys.sign.secret, scene.asked.route, body);
    REQUIRE_FALSE(sealed);
    CHECK(sealed.error().code == Errc::invalid);
    CHECK_FALSE(open_request(scene.trust, proto::Bytes(proto::limits::request_size_max + 1), at(0s)));
}

// ---- replies

TEST_CASE("a reply opens for the caller, from the node that made it") {
    Scene scene;
    const auto sealed = seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key,
                                   answer(scene.asked, scene.node));
    REQUIRE(sealed);
    const auto opened = scene.open(*sealed);
    REQUIRE(opened);
    CHECK(opened->node.name == "web1");
    CHECK(*opened->body.data.find("pong")->integer() == 1);
}

TEST_CASE("every flipped bit and every cut of a reply makes it false") {
    Scene scene;
    const auto sealed = *seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key,
                                    answer(scene.asked, scene.node));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto changed = sealed;
        flip(changed, bit);
        CHECK_FALSE(scene.open(changed));
    }
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        auto changed = sealed;
        changed.resize(size);
        CHECK_FALSE(scene.open(changed));
    }
}

TEST_CASE("a reply for another caller or another request stays closed") {
    Scene scene;
    const auto other = ask(scene.caller);
    const auto for_other =
        *seal_reply(scene.node.keys, scene.node.chain, other.reply_pair.public_key, answer(scene.asked, scene.node));
    CHECK(scene.open(for_other).error().code == Errc::unauthenticated);
    const auto of_other =
        *seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key, answer(other, scene.node));
    CHECK(scene.open(of_other).error().code == Errc::not_found);
}

TEST_CASE("what is said in the box must agree with what is said outside") {
    Scene scene;
    const auto opens = [&](auto change) {
        auto body = answer(scene.asked, scene.node);
        change(body);
        auto reply = *proto::unpack<proto::SealedReply>(
            *seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key, body));
        reply.request = scene.asked.route.request;
        return scene.open(proto::pack(reply)).has_value();
    };
    CHECK(opens([](auto&) {}));
    CHECK_FALSE(opens([](auto& body) { body.request.octets[0] ^= 1; }));
    CHECK_FALSE(opens([](auto& body) { body.request_digest.octets[0] ^= 1; }));
    CHECK_FALSE(opens([](auto& body) { body.node.octets[0] ^= 1; }));
}

TEST_CASE("a node can answer only as itself") {
    Scene scene;
    const auto other = scene.root.identity("web2");
    // The certificate of web2 beside a box of web1's key.
    const auto sealed =
        *seal_reply(scene.node.keys, other.chain, scene.asked.reply_pair.public_key, answer(scene.asked, other));
    CHECK(scene.open(sealed).error().code == Errc::unauthenticated);
    // Its own box, but naming web2 inside.
    const auto named =
        *seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key, answer(scene.asked, other));
    CHECK(scene.open(named).error().code == Errc::unauthenticated);
}

TEST_CASE("callers and proxies do not answer, nor do revoked nodes") {
    Scene scene;
    for (const auto role : {CertificateRole::caller, CertificateRole::proxy}) {
        const auto other = scene.root.identity("other", role);
        const auto sealed =
            *seal_reply(other.keys, other.chain, scene.asked.reply_pair.public_key, answer(scene.asked, other));
        CHECK(scene.open(sealed).error().code == Errc::denied);
    }
    const auto sealed = *seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key,
                                    answer(scene.asked, scene.node));
    CHECK(scene.open(sealed));
    scene.root.revoke(scene.trust, {read_body(scene.node.chain.certificates.front())->serial});
    CHECK(scene.open(sealed).error().code == Errc::denied);
}

TEST_CASE("nothing is sealed for a zero or small-order key") {
    Scene scene;
    CHECK_FALSE(seal_reply(scene.node.keys, scene.node.chain, {}, answer(scene.asked, scene.node)));
    proto::SealPublicKey one;
    one.octets[0] = 1;
    CHECK_FALSE(seal_reply(scene.node.keys, scene.node.chain, one, answer(scene.asked, scene.node)));
}

TEST_CASE("a reply over the limit is not made") {
    Scene scene;
    auto body = answer(scene.asked, scene.node);
    body.data = proto::Value::List{std::string(proto::limits::reply_size_max / 2, 'x'),
                                   std::string(proto::limits::reply_size_max / 2, 'x')};
    const auto sealed = seal_reply(scene.node.keys, scene.node.chain, scene.asked.reply_pair.public_key, body);
    REQUIRE_FALSE(sealed);
    CHECK(sealed.error().code == Errc::invalid);
}

// ---- peer records

TEST_CASE("a peer record opens if it agrees with its certificate") {
    Scene scene;
    const auto opened = open_record(scene.trust, record_of(scene.node), at(0s));
    REQUIRE(opened);
    CHECK(opened->name == "web1");
    const auto opens = [&](auto change) {
        auto body = record_body(scene.node);
        change(body);
        return open_record(scene.trust, seal_record(scene.node.keys.sign.secret, scene.node.chain, body), at(0s))
            .has_value();
    };
    CHECK(opens([](auto& body) { body.sequence = 9; }));
    CHECK_FALSE(opens([](auto& body) { body.peer.octets[0] ^= 1; }));
    CHECK_FALSE(opens([](auto& body) { body.name = "web2"; }));
    CHECK_FALSE(opens([](auto& body) { body.curve_key.octets[0] ^= 1; }));
}

TEST_CASE("a peer record joins no collective that its certificate does not list") {
    Scene scene;
    const auto bound = scene.root.identity("web3", CertificateRole::node,
                                           [](proto::CertificateBody& body) { body.collectives = {"mcollective"}; });
    auto body = record_body(bound);
    CHECK(open_record(scene.trust, seal_record(bound.keys.sign.secret, bound.chain, body), at(0s)));
    body.collectives.emplace_back("secret");
    CHECK_FALSE(open_record(scene.trust, seal_record(bound.keys.sign.secret, bound.chain, body), at(0s)));
}

TEST_CASE("every flipped bit of a peer record makes it false") {
    Scene scene;
    const auto record = record_of(scene.node);
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
        auto changed = record;
        flip(changed, bit);
        CHECK_FALSE(open_record(scene.trust, changed, at(0s)));
    }
}

TEST_CASE("callers have no peer record, and nobody signs another's") {
    Scene scene;
    CHECK(open_record(scene.trust, record_of(scene.caller), at(0s)).error().code == Errc::denied);
    const auto other = scene.root.identity("web2");
    CHECK(
        open_record(scene.trust, seal_record(other.keys.sign.secret, scene.node.chain, record_body(scene.node)), at(0s))
            .error()
            .code == Errc::unauthenticated);
    CHECK(open_record(scene.trust, record_of(scene.root.identity("relay", CertificateRole::proxy)), at(0s)));
}

}  // namespace
}  // namespace mco::security::test
