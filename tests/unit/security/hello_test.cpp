#include "security/hello.hpp"

#include <functional>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "security/hello_proof.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

using proto::CertificateRole;
using proto::Errc;

proto::Bytes record_if_peer(const Identity& identity) {
    return identity.role == CertificateRole::caller ? proto::Bytes{} : record_of(identity);
}

// Two machines and their wire. The frames of an honest run stay readable: hello, reply, proof, welcome.
struct Pair {
    const Identity& client;
    const Identity& server;
    TrustStore client_trust, server_trust;
    HelloDialler dialler;
    HelloAcceptor acceptor;
    std::vector<proto::Bytes> frames;

    Pair(const Authority& root, const Identity& client_identity, const Identity& server_identity)
        : client(client_identity),
          server(server_identity),
          client_trust(root.trust()),
          server_trust(root.trust()),
          dialler(client, client_trust, server.keys.curve.public_key, record_if_peer(client)),
          acceptor(server, server_trust, client.keys.curve.public_key, record_if_peer(server)) {}

    // Runs the honest handshake until `count` frames were made.
    void run(std::size_t count = 4) {
        frames.push_back(dialler.start());
        if (frames.size() < count) frames.push_back(*acceptor.receive(frames[0], at(0s))->send);
        if (frames.size() < count) frames.push_back(*dialler.receive(frames[1], at(0s))->send);
        if (frames.size() < count) frames.push_back(*acceptor.receive(frames[2], at(0s))->send);
    }
};

struct Scene {
    Authority root;
    Identity web1 = root.identity("web1"), web2 = root.identity("web2");
    Identity alice = root.identity("alice", CertificateRole::caller);
};

// One of each kind of frame that is well-formed but none of this conversation's.
std::vector<proto::Bytes> foreign_frames(const Scene& scene) {
    Pair other(scene.root, scene.web1, scene.web2);
    other.run();
    auto frames = other.frames;
    frames.push_back(proto::encode(proto::Refusal{Errc::denied, "no"}));
    frames.push_back(proto::encode(proto::Ping{}));
    frames.push_back(proto::encode(proto::Roster{}));
    frames.push_back(proto::encode(proto::Request{}));
    frames.push_back({});
    frames.push_back({0xc1});
    frames.push_back(proto::Bytes(proto::limits::hello_size_max + 1, 0x90));
    return frames;
}

TEST_CASE("two nodes say HELLO and know each other afterwards") {
    Scene scene;
    Pair pair(scene.root, scene.web1, scene.web2);
    pair.run(3);
    const auto accepted = pair.acceptor.receive(pair.frames[2], at(0s));
    REQUIRE(accepted);
    CHECK(accepted->done);
    CHECK(pair.acceptor.peer().name == "web1");
    CHECK(pair.acceptor.peer_record() == record_of(scene.web1));
    const auto finished = pair.dialler.receive(*accepted->send, at(0s));
    REQUIRE(finished);
    CHECK(finished->done);
    CHECK_FALSE(finished->send);
    CHECK(pair.dialler.peer().name == "web2");
    CHECK(pair.dialler.peer_record() == record_of(scene.web2));
}

TEST_CASE("a caller says HELLO without a record") {
    Scene scene;
    Pair pair(scene.root, scene.alice, scene.web2);
    pair.run();
    CHECK(pair.dialler.receive(pair.frames[3], at(0s))->done);
    CHECK(pair.acceptor.peer().role == CertificateRole::caller);
    CHECK(pair.acceptor.peer_record().empty());
}

TEST_CASE("in every state every frame but the due one kills the handshake") {
    Scene scene;
    const auto foreign = foreign_frames(scene);
    for (std::size_t made = 1; made <= 4; ++made) {
        for (std::size_t i = 0; i < foreign.size(); ++i) {
            Pair pair(scene.root, scene.web1, scene.web2);
            pair.run(made);
            CAPTURE(made);
            CAPTURE(i);
            // A Hello is public; a Welcome of the same, by then proved, peer says nothing new. Both pass in their place.
            const bool hello_due = made == 1 && i == 0, welcome_due = made >= 3 && i == 3;
            CHECK(pair.acceptor.receive(foreign[i], at(0s)).has_value() == hello_due);
            CHECK(pair.dialler.receive(foreign[i], at(0s)).has_value() == welcome_due);
            // Dead is dead: the right frame comes too late.
            if (!hello_due) CHECK_FALSE(pair.acceptor.receive(pair.frames[made == 3 ? 2 : 0], at(0s)));
            CHECK_FALSE(pair.dialler.receive(pair.frames[made - 1], at(0s)));
        }
    }
}

TEST_CASE("every frame of the conversation is taken once, and only in its place") {
    Scene scene;
    for (std::size_t made = 1; made <= 4; ++made) {
        for (std::size_t repeat = 0; repeat < made; ++repeat) {
            Pair pair(scene.root, scene.web1, scene.web2);
            pair.run(made);
            const bool acceptors_turn = (made == 1 && repeat == 0) || (made == 3 && repeat == 2);
            const bool diallers_turn = (made == 2 && repeat == 1) || (made == 4 && repeat == 3);
            CAPTURE(made);
            CAPTURE(repeat);
            CHECK(pair.acceptor.receive(pair.frames[repeat], at(0s)).has_value() == acceptors_turn);
            CHECK(pair.dialler.receive(pair.frames[repeat], at(0s)).has_value() == diallers_turn);
        }
    }
}

TEST_CASE("every flipped bit of every frame ends the handshake") {
    Scene scene;
    Pair honest(scene.root, scene.web1, scene.web2);
    honest.run();
    // Hello: the acceptor may go on (it knows no better), but the dialler refuses its reply.
    for (std::size_t bit = 0; bit < honest.frames[0].size() * 8; bit += 3) {
        Pair pair(scene.root, scene.web1, scene.web2);
        auto hello = pair.dialler.start();
        flip(hello, bit);
        const auto reply = pair.acceptor.receive(hello, at(0s));
        if (reply) CHECK_FALSE(pair.dialler.receive(*reply->send, at(0s)));
    }
    // HelloReply: either the dialler refuses it, or the acceptor refuses the dialler's proof over it.
    for (std::size_t bit = 0; bit < honest.frames[1].size() * 8; bit += 3) {
        Pair pair(scene.root, scene.web1, scene.web2);
        pair.run(2);
        flip(pair.frames[1], bit);
        const auto proof = pair.dialler.receive(pair.frames[1], at(0s));
        if (proof) CHECK_FALSE(pair.acceptor.receive(*proof->send, at(0s)));
    }
    // HelloProof: never done.
    for (std::size_t bit = 0; bit < honest.frames[2].size() * 8; bit += 3) {
        Pair pair(scene.root, scene.web1, scene.web2);
        pair.run(3);
        flip(pair.frames[2], bit);
        const auto step = pair.acceptor.receive(pair.frames[2], at(0s));
        CHECK((!step || !step->done));
    }
}

TEST_CASE("an old handshake cannot be played again") {
    Scene scene;
    Pair old(scene.root, scene.web1, scene.web2);
    old.run();
    TrustStore trust = scene.root.trust();
    HelloAcceptor acceptor(scene.web2, trust, scene.web1.keys.curve.public_key, record_of(scene.web2));
    CHECK(acceptor.receive(old.frames[0], at(0s)));        // a certificate and a nonce are public
    CHECK_FALSE(acceptor.receive(old.frames[2], at(0s)));  // but the old proof is over the old nonce
    HelloDialler dialler(scene.web1, trust, scene.web2.keys.curve.public_key, record_of(scene.web1));
    static_cast<void>(dialler.start());
    CHECK_FALSE(dialler.receive(old.frames[1], at(0s)));
}

TEST_CASE("a proof does not move to another connection of the same parties") {
    Scene scene;
    Pair one(scene.root, scene.web1, scene.web2), two(scene.root, scene.web1, scene.web2);
    one.run(3);
    two.run(3);
    CHECK_FALSE(one.acceptor.receive(two.frames[2], at(0s)));
}

TEST_CASE("whoever shows a certificate without its CURVE key on the connection gets silence") {
    Scene scene;
    TrustStore trust = scene.root.trust();
    HelloDialler honest(scene.web1, trust, scene.web2.keys.curve.public_key, {});
    const auto hello = honest.start();
    HelloAcceptor acceptor(scene.web2, trust, make_curve_pair().public_key, record_of(scene.web2));
    const auto step = acceptor.receive(hello, at(0s));
    REQUIRE_FALSE(step);
    CHECK(step.error().code == Errc::unauthenticated);
    HelloAcceptor without_key(scene.web2, trust, {}, record_of(scene.web2));
    CHECK_FALSE(without_key.receive(hello, at(0s)));
}

TEST_CASE("a certificate and its CURVE key without its signing key get silence") {
    Scene scene;
    // mallory took web1's curve secret, but signs with a key of his own.
    Identity mallory = scene.root.identity("mallory");
    mallory.chain = scene.web1.chain;
    mallory.keys.curve.public_key = scene.web1.keys.curve.public_key;
    Pair pair(scene.root, mallory, scene.web2);
    pair.run(3);
    const auto step = pair.acceptor.receive(pair.frames[2], at(0s));
    REQUIRE_FALSE(step);
    CHECK(has(step.error().detail, "but not its key"));
}

TEST_CASE("a node on the port of another is noticed") {
    Scene scene;
    TrustStore trust = scene.root.trust();
    const auto web3 = scene.root.identity("web3");
    // The dialler was told web2's key, web3 answers: with its own certificate, or with web2's.
    for (const bool pretends : {false, true}) {
        Identity server = scene.root.identity("web3");
        if (pretends) server.chain = scene.web2.chain;
        HelloDialler dialler(scene.web1, trust, scene.web2.keys.curve.public_key, record_of(scene.web1));
        HelloAcceptor acceptor(server, trust, scene.web1.keys.curve.public_key, {});
        const auto reply = acceptor.receive(dialler.start(), at(0s));
        REQUIRE(reply);
        const auto step = dialler.receive(*reply->send, at(0s));
        REQUIRE_FALSE(step);
        CHECK(step.error().code == Errc::unauthenticated);
    }
}

TEST_CASE("a man between two connections can bind neither") {
    Scene scene;
    const auto mallory = scene.root.identity("mallory");
    TrustStore trust = scene.root.trust();
    // web1 dials mallory (it holds mallory's key for right), mallory relays the frames to web2.
    HelloDialler victim(scene.web1, trust, mallory.keys.curve.public_key, record_of(scene.web1));
    HelloAcceptor target(scene.web2, trust, mallory.keys.curve.public_key, record_of(scene.web2));
    CHECK_FALSE(target.receive(victim.start(), at(0s)));
    // The same where mallory holds the curve key that web2 sees, and gets as far as web2's reply.
    HelloDialler again(scene.web1, trust, mallory.keys.curve.public_key, record_of(scene.web1));
    HelloAcceptor other(scene.web2, trust, scene.web1.keys.curve.public_key, record_of(scene.web2));
    const auto reply = other.receive(again.start(), at(0s));
    REQUIRE(reply);
    CHECK_FALSE(again.receive(*reply->send, at(0s)));
}

TEST_CASE("the acceptor's proof sent back is not taken for the dialler's") {
    Scene scene;
    Pair pair(scene.root, scene.web1, scene.web2);
    pair.run(2);
    const auto reply = std::get<proto::HelloReply>(*proto::decode(pair.frames[1]));
    CHECK_FALSE(pair.acceptor.receive(proto::encode(proto::HelloProof{reply.proof, record_of(scene.web1)}), at(0s)));
}

TEST_CASE("strangers of another authority get silence, also with our certificate names") {
    Scene scene;
    const Authority other;
    const auto stranger = other.identity("web1");
    TrustStore ours = scene.root.trust(), theirs = other.trust();
    HelloDialler dialler(stranger, theirs, scene.web2.keys.curve.public_key, {});
    HelloAcceptor acceptor(scene.web2, ours, stranger.keys.curve.public_key, record_of(scene.web2));
    CHECK(acceptor.receive(dialler.start(), at(0s)).error().code == Errc::unauthenticated);
}

// Runs to the acceptor's judgement of the proof.
std::optional<proto::Error> judged(const Scene& scene, const Identity& client, proto::Bytes record, proto::WallTime now,
                                   std::function<void(TrustStore&)> prepare = {}) {
    TrustStore trust = scene.root.trust(), lenient = scene.root.trust();
    if (prepare) prepare(trust);
    HelloDialler dialler(client, lenient, scene.web2.keys.curve.public_key, std::move(record));
    HelloAcceptor acceptor(scene.web2, trust, client.keys.curve.public_key, record_of(scene.web2));
    const auto reply = acceptor.receive(dialler.start(), now);
    REQUIRE(reply);
    const auto proof = dialler.receive(*reply->send, at(0s));
    REQUIRE(proof);
    const auto step = acceptor.receive(*proof->send, now);
    REQUIRE(step);
    if (!step->refused) return std::nullopt;
    CHECK_FALSE(step->done);
    const auto heard = dialler.receive(*step->send, at(0s));  // the peer hears why
    REQUIRE_FALSE(heard);
    CHECK(heard.error().code == step->refused->code);
    CHECK(has(heard.error().detail, "\"web2\" refused: "));
    CHECK_FALSE(acceptor.receive(*proof->send, now));  // and the machine is dead
    return step->refused;
}

TEST_CASE("whoever proved its key is told why it is refused: expired, revoked, wrong record") {
    Scene scene;
    const auto record = record_of(scene.web1);
    CHECK_FALSE(judged(scene, scene.web1, record, at(0s)));
    CHECK(judged(scene, scene.web1, record, at(2h))->code == Errc::expired);
    CHECK(judged(scene, scene.web1, record, at(0s), [&](TrustStore& trust) {
              scene.root.revoke(trust, {read_body(scene.web1.chain.certificates.front())->serial});
          })->code == Errc::denied);
    CHECK(judged(scene, scene.web1, record_of(scene.root.identity("web3")), at(0s))->code == Errc::denied);
    CHECK(judged(scene, scene.web1, {}, at(0s)));
    CHECK(judged(scene, scene.alice, record, at(0s))->code == Errc::denied);
}

TEST_CASE("what a refusing peer says cannot harm a terminal") {
    Scene scene;
    Pair pair(scene.root, scene.web1, scene.web2);
    pair.run(3);
    const auto heard = pair.dialler.receive(proto::encode(proto::Refusal{Errc::denied, "no\x1b[2J\r\nmore"}), at(0s));
    REQUIRE_FALSE(heard);
    CHECK(has(heard.error().detail, "no?[2J?\nmore"));
}

TEST_CASE("authorities and callers do not answer, nobody links to itself") {
    Scene scene;
    TrustStore trust = scene.root.trust();
    const auto caller = scene.root.identity("bob", CertificateRole::caller);
    HelloDialler dialler(scene.web1, trust, caller.keys.curve.public_key, {});
    HelloAcceptor acceptor(caller, trust, scene.web1.keys.curve.public_key, {});
    const auto reply = acceptor.receive(dialler.start(), at(0s));
    REQUIRE(reply);
    CHECK(dialler.receive(*reply->send, at(0s)).error().code == Errc::denied);

    HelloDialler me(scene.web1, trust, scene.web1.keys.curve.public_key, {});
    HelloAcceptor myself(scene.web1, trust, scene.web1.keys.curve.public_key, {});
    CHECK(has(myself.receive(me.start(), at(0s)).error().detail, "dialled itself"));
}

TEST_CASE("versions that do not overlap and zero nonces are refused") {
    Scene scene;
    TrustStore trust = scene.root.trust();
    const auto taken = [&](proto::Hello hello) {
        HelloAcceptor acceptor(scene.web2, trust, scene.web1.keys.curve.public_key, {});
        return acceptor.receive(proto::encode(hello), at(0s)).has_value();
    };
    const proto::Hello good{.chain = scene.web1.chain, .nonce = entropy::fresh<proto::Nonce>()};
    CHECK(taken(good));
    auto changed = good;
    changed.nonce = {};
    CHECK_FALSE(taken(changed));
    changed = good;
    changed.version_min = changed.version_max = 2;
    CHECK_FALSE(taken(changed));
    changed.version_min = 0;
    CHECK(taken(changed));
    changed.version_max = 0;
    CHECK_FALSE(taken(changed));
}

TEST_CASE("a proof covers direction, frames, keys and nonces") {
    const auto pair = make_sign_pair();
    const proto::Bytes hello{1, 2}, reply{3, 4};
    const HelloTranscript good{.direction = HelloTranscript::Direction::by_dialler,
                               .hello = hello,
                               .reply = reply,
                               .dialler_key = make_curve_pair().public_key,
                               .acceptor_key = make_curve_pair().public_key,
                               .dialler_nonce = entropy::fresh<proto::Nonce>(),
                               .acceptor_nonce = entropy::fresh<proto::Nonce>()};
    const auto proof = good.prove(pair.secret);
    CHECK(good.proved_by(pair.public_key, proof));
    const auto holds = [&](auto change) {
        auto transcript = good;
        change(transcript);
        return transcript.proved_by(pair.public_key, proof);
    };
    CHECK_FALSE(holds([](auto& t) { t.direction = HelloTranscript::Direction::by_acceptor; }));
    CHECK_FALSE(holds([](auto& t) { t.reply = {}; }));
    CHECK_FALSE(holds([](auto& t) { std::swap(t.hello, t.reply); }));
    CHECK_FALSE(holds([](auto& t) { std::swap(t.dialler_key, t.acceptor_key); }));
    CHECK_FALSE(holds([](auto& t) { std::swap(t.dialler_nonce, t.acceptor_nonce); }));
    CHECK_FALSE(holds([](auto& t) { t.dialler_key.octets[31] ^= 1; }));
    CHECK_FALSE(holds([](auto& t) { t.acceptor_nonce.octets[31] ^= 1; }));
}

}  // namespace
}  // namespace mco::security::test
