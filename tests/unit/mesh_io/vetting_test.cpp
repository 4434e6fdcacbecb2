#include "mesh/io/vetting.hpp"

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/envelope.hpp"
#include "tests/unit/mesh_io/rig.hpp"

namespace mco::test {
namespace {

using mesh::io::vet;
using mesh::io::vet_fanout;

struct Bench {
    Authority authority;
    security::TrustStore trust = authority.trust();
    proto::WallTime now = mesh::io::sample_clocks().wall;
    security::Identity alice = authority.caller("alice"), bob = authority.caller("bob"), web1 = authority.node("web1");
    security::Principal principal(const security::Identity& identity) { return *trust.verify(identity.chain, now); }
    proto::Bytes request(proto::Scope scope, proto::Bytes sealed) {
        proto::Request request;
        request.scope = scope;
        request.sealed = std::move(sealed);
        return proto::encode(request);
    }
    proto::Bytes record(const security::Identity& owner) {
        proto::PeerRecordBody body;
        body.peer = owner.peer;
        body.name = owner.name;
        body.incarnation = 1;
        body.group = "default";
        body.curve_key = owner.keys.curve.public_key;
        body.collectives = {"mcollective"};
        return security::seal_record(owner.keys.sign.secret, owner.chain, body);
    }
};

template <typename T>
bool is(const mesh::io::Verdict& verdict) {
    return std::holds_alternative<T>(verdict);
}

TEST_CASE("a request to start passes from its own caller only") {
    Bench bench;
    const auto sealed = make_request(bench.alice).sealed;
    const auto frame = bench.request(proto::Scope::inject, sealed);
    CHECK(is<mesh::io::Pass>(vet(bench.trust, bench.principal(bench.alice), frame, bench.now)));
    CHECK(is<mesh::io::DropForged>(vet(bench.trust, bench.principal(bench.web1), frame, bench.now)));
    const auto other = vet(bench.trust, bench.principal(bench.bob), frame, bench.now);
    REQUIRE(is<mesh::io::Answer>(other));
    CHECK(std::get<mesh::io::Answer>(other).refused.code == proto::Errc::denied);
}

TEST_CASE("a caller whose signature does not hold is told so, under the request's id") {
    Bench bench;
    auto request = make_request(bench.alice);
    auto opened = proto::unpack<proto::SealedRequest>(request.sealed);
    REQUIRE(opened);
    opened->signature.octets[0] ^= 1;
    const auto verdict = vet(bench.trust, bench.principal(bench.alice),
                             bench.request(proto::Scope::inject, proto::pack(*opened)), bench.now);
    REQUIRE(is<mesh::io::Answer>(verdict));
    CHECK(std::get<mesh::io::Answer>(verdict).refused.request == request.id);
    const auto garbage =
        vet(bench.trust, bench.principal(bench.alice), bench.request(proto::Scope::inject, {1, 2, 3}), bench.now);
    CHECK(is<mesh::io::DropMalformed>(garbage));
}

TEST_CASE("a passed-on request needs a peer before and a caller's signature inside") {
    Bench bench;
    const auto sealed = make_request(bench.alice).sealed;
    const auto frame = bench.request(proto::Scope::local, sealed);
    CHECK(is<mesh::io::Pass>(vet(bench.trust, bench.principal(bench.web1), frame, bench.now)));
    CHECK(is<mesh::io::DropForged>(vet(bench.trust, bench.principal(bench.bob), frame, bench.now)));
    CHECK(is<mesh::io::Pass>(vet_fanout(bench.trust, frame, bench.now)));
    CHECK(is<mesh::io::DropForged>(vet_fanout(bench.trust, bench.request(proto::Scope::inject, sealed), bench.now)));
    auto forged = *proto::unpack<proto::SealedRequest>(sealed);
    forged.signature.octets[63] ^= 1;
    const auto bad = bench.request(proto::Scope::local, proto::pack(forged));
    CHECK(is<mesh::io::DropForged>(vet(bench.trust, bench.principal(bench.web1), bad, bench.now)));
    CHECK(is<mesh::io::DropForged>(vet_fanout(bench.trust, bad, bench.now)));
    // Signed by a node: nodes may not issue requests.
    const auto by_node = bench.request(proto::Scope::local, make_request(bench.web1).sealed);
    CHECK(is<mesh::io::DropForged>(vet_fanout(bench.trust, by_node, bench.now)));
}

TEST_CASE("a record that is held already is shared; one of other octets, or whose certificate was revoked, is not") {
    Bench bench;
    const auto web2 = bench.authority.node("web2");
    proto::Roster roster;
    roster.entries = {{bench.record(web2), proto::MemberState::up, 0}};
    const auto pass = [&](const proto::Roster& heard, const mesh::io::KnownRecord& known) {
        const auto verdict = vet(bench.trust, bench.principal(bench.web1), proto::encode(heard), bench.now, known);
        REQUIRE(is<mesh::io::PassRoster>(verdict));
        return std::get<mesh::io::PassRoster>(verdict);
    };
    const auto first = pass(roster, [](const proto::PeerId&) { return mesh::SharedRecord(); });
    REQUIRE(first.entries.size() == 1);
    const auto held = first.entries[0].record;
    const auto known = [&](const proto::PeerId& peer) { return peer == web2.peer ? held : nullptr; };
    const auto again = pass(roster, known);
    REQUIRE(again.entries.size() == 1);
    CHECK(again.entries[0].record == held);

    auto altered = roster;
    altered.entries[0].record.back() ^= 1;
    CHECK(pass(altered, known).entries.empty());

    const auto serial = bench.principal(web2).serial;
    REQUIRE(bench.trust.adopt(bench.authority.revocations({serial}, 1)));
    const auto late = pass(roster, known);
    CHECK(late.entries.empty());
    CHECK(late.forged == 1);
}

TEST_CASE("of a roster the records that hold pass, in order, and a caller has no roster to give") {
    Bench bench;
    proto::Roster roster;
    auto forged = *proto::unpack<proto::SealedRecord>(bench.record(bench.web1));
    forged.signature.octets[0] ^= 1;
    const auto web2 = bench.authority.node("web2");
    roster.entries = {{bench.record(web2), proto::MemberState::up, 0},
                      {proto::pack(forged), proto::MemberState::up, 0},
                      {bench.record(bench.web1), proto::MemberState::down, 5}};
    const auto frame = proto::encode(roster);
    const auto verdict = vet(bench.trust, bench.principal(bench.web1), frame, bench.now);
    REQUIRE(is<mesh::io::PassRoster>(verdict));
    const auto& passed = std::get<mesh::io::PassRoster>(verdict);
    REQUIRE(passed.entries.size() == 2);
    CHECK(passed.forged == 1);
    CHECK(passed.entries[0].record->body.name == "web2");
    CHECK(passed.entries[0].record->sealed == roster.entries[0].record);
    CHECK(passed.entries[1].record->body.name == "web1");
    CHECK(passed.entries[1].state == proto::MemberState::down);
    CHECK(passed.entries[1].since_ms == 5);
    CHECK(is<mesh::io::DropForged>(vet(bench.trust, bench.principal(bench.alice), frame, bench.now)));
}

TEST_CASE("of groups the gateways that hold pass, and a group stays though none of its gateways does") {
    Bench bench;
    auto forged = *proto::unpack<proto::SealedRecord>(bench.record(bench.web1));
    forged.signature.octets[0] ^= 1;
    const auto web2 = bench.authority.node("web2");
    proto::Groups groups;
    groups.groups = {{"paris", 7, {{"mcollective", 40}}, {proto::pack(forged), bench.record(web2)}},
                     {"rome", 8, {{"mcollective", 50}}, {proto::pack(forged)}}};
    const auto frame = proto::encode(groups);
    const auto verdict = vet(bench.trust, bench.principal(bench.web1), frame, bench.now);
    REQUIRE(is<mesh::io::PassGroups>(verdict));
    const auto& passed = std::get<mesh::io::PassGroups>(verdict);
    CHECK(passed.forged == 2);
    REQUIRE(passed.groups.size() == 2);
    CHECK(passed.groups[0].group == "paris");
    CHECK(passed.groups[0].version == 7);
    REQUIRE(passed.groups[0].collectives.size() == 1);
    CHECK(passed.groups[0].collectives[0].members == 40);
    REQUIRE(passed.groups[0].gateways.size() == 1);
    CHECK(passed.groups[0].gateways[0]->body.name == "web2");
    CHECK(passed.groups[1].gateways.empty());
}

TEST_CASE("what only peers say to each other passes from nodes and proxies, and is forged from a caller") {
    Bench bench;
    auto proxy = bench.authority.issue({.name = "edge1", .role = proto::CertificateRole::proxy});
    std::vector<proto::Bytes> frames{proto::encode(proto::Relays{}),   proto::encode(proto::Attach{}),
                                     proto::encode(proto::Redirect{}), proto::encode(proto::Groups{}),
                                     proto::encode(proto::IHave{}),    proto::encode(proto::Fetch{}),
                                     proto::encode(proto::Orphans{}),  proto::encode(proto::Roster{})};
    const auto sealed = make_request(bench.alice).sealed;
    for (const auto scope : {proto::Scope::local, proto::Scope::deliver, proto::Scope::group, proto::Scope::standby})
        frames.push_back(bench.request(scope, sealed));
    for (const auto& frame : frames) {
        for (const auto* peer : {&bench.web1, &proxy}) {
            const auto verdict = vet(bench.trust, bench.principal(*peer), frame, bench.now);
            CHECK((is<mesh::io::Pass>(verdict) || is<mesh::io::PassGroups>(verdict) ||
                   is<mesh::io::PassRoster>(verdict)));
        }
        CHECK(is<mesh::io::DropForged>(vet(bench.trust, bench.principal(bench.alice), frame, bench.now)));
    }
}

TEST_CASE("on the fan-out plane requests for relays and for leaves pass, and I-have; nothing else") {
    Bench bench;
    const auto sealed = make_request(bench.alice).sealed;
    for (const auto scope : {proto::Scope::local, proto::Scope::deliver})
        CHECK(is<mesh::io::Pass>(vet_fanout(bench.trust, bench.request(scope, sealed), bench.now)));
    for (const auto scope : {proto::Scope::inject, proto::Scope::group, proto::Scope::standby})
        CHECK(is<mesh::io::DropForged>(vet_fanout(bench.trust, bench.request(scope, sealed), bench.now)));
    CHECK(is<mesh::io::Pass>(vet_fanout(bench.trust, proto::encode(proto::IHave{}), bench.now)));
    for (const auto& frame : {proto::encode(proto::Fetch{}), proto::encode(proto::Orphans{}),
                              proto::encode(proto::Roster{}), proto::encode(proto::Relays{})})
        CHECK(is<mesh::io::DropMalformed>(vet_fanout(bench.trust, frame, bench.now)));
}

TEST_CASE("HELLO after HELLO, garbage and oversized frames are dropped; the rest is the engine's to judge") {
    Bench bench;
    const auto sender = bench.principal(bench.web1);
    CHECK(is<mesh::io::DropMalformed>(vet(bench.trust, sender, proto::encode(proto::Hello{}), bench.now)));
    CHECK(is<mesh::io::DropMalformed>(vet(bench.trust, sender, {}, bench.now)));
    CHECK(is<mesh::io::DropMalformed>(
        vet(bench.trust, sender, proto::Bytes(proto::limits::frame_size_max + 1, 0), bench.now)));
    CHECK(is<mesh::io::Pass>(vet(bench.trust, sender, proto::encode(proto::Ping{1, 2}), bench.now)));
    CHECK(is<mesh::io::DropMalformed>(vet_fanout(bench.trust, proto::encode(proto::Ping{1, 2}), bench.now)));
}

}  // namespace
}  // namespace mco::test
