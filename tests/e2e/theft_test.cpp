// What the holder of stolen keys can do to a running mesh. He speaks the protocol with our own code and says what he should not.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "mesh/io/dial_link.hpp"
#include "proto/codec.hpp"
#include "proto/messages.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/key_file.hpp"
#include "tests/e2e/robbed.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using mesh::io::DialLink;

// Whose keys are used, and what a daemon said to him.
class Thief {
 public:
    Thief(const Fleet& fleet, std::string_view whose)
        : self_(identity_of(fleet, whose)),
          trust_(*security::TrustStore::make(*security::read_certificates(fleet.authority() / "root.cert"))) {
        if (self_.role == proto::CertificateRole::caller) return;
        const proto::PeerRecordBody body{
            .peer = self_.peer,
            .name = self_.name,
            .incarnation = static_cast<std::uint64_t>(std::chrono::microseconds(mesh::io::sample_clocks().wall.time_since_epoch()).count()),
            .sequence = 1,
            .group = "default",
            .curve_key = self_.keys.curve.public_key,
            .collectives = {"mcollective"},
            .software = "mcod 0.1.0"};
        record_ = security::seal_record(self_.keys.sign.secret, self_.chain, body);
    }

    void dial(const Fleet& fleet, std::string_view node) {
        const auto key = identity_of(fleet, node).keys.curve.public_key;
        link_ = std::make_unique<DialLink>(context_, fleet.endpoint(node), key, self_, trust_, record_, DialLink::Retry{.keep_trying = false}, 1);
        REQUIRE(until([&] { return link_->up(); }));
    }

    void say(const proto::Message& message) { say_octets(proto::encode(message)); }
    void say_octets(proto::BytesView frame) {
        while (!link_->send(frame)) {
            if (!turn()) return;
        }
    }
    // Until whatever was said before has been read.
    void settle() {
        const auto token = security::entropy::number();
        say(proto::Ping{.token = token, .roster_digest = 0});
        REQUIRE(until([&] {
            return ended_ || std::any_of(heard_.begin(), heard_.end(), [&](const proto::Message& message) {
                       const auto* pong = std::get_if<proto::Pong>(&message);
                       return pong != nullptr && pong->token == token;
                   });
        }));
    }
    bool ended() const { return ended_; }
    const security::Identity& self() const { return self_; }

 private:
    bool turn() {
        DialLink* link = link_.get();
        const auto now = mesh::io::wait({&link, 1}, {}, 100ms);
        std::vector<DialLink::Event> events;
        link_->service(now, 1000, events);
        for (auto& event : events) {
            if (event.kind == DialLink::Event::Kind::gone) ended_ = true;
            if (event.kind != DialLink::Event::Kind::frame) continue;
            if (auto message = proto::decode(event.frame)) heard_.push_back(std::move(*message));
        }
        return !ended_;
    }
    bool until(const std::function<bool()>& holds) {
        const auto give_up = mesh::io::sample_clocks().mono + 20s;
        while (!holds()) {
            if (mesh::io::sample_clocks().mono > give_up || (!turn() && !holds())) return false;
        }
        return true;
    }

    security::Identity self_;
    security::TrustStore trust_;
    proto::Bytes record_;
    mesh::io::Context context_;
    std::unique_ptr<DialLink> link_;
    std::vector<proto::Message> heard_;
    bool ended_ = false;
};

// What a listener on the way had before him: a request of the operator's, with everything but his keys.
struct Capture {
    proto::RequestId id{};
    proto::Bytes sealed;
};
Capture capture(const Fleet& fleet, std::chrono::seconds ago) {
    const auto alice = identity_of(fleet, "operator");
    Capture taken{.id = security::entropy::fresh<proto::RequestId>()};
    const proto::Route route{.collective = "mcollective",
                             .request = taken.id,
                             .created = mesh::io::sample_clocks().wall - ago,
                             .ttl_ms = 60'000,
                             .timeout_ms = 10'000,
                             .reply_key = security::make_seal_pair().public_key,
                             .caller = alice.chain};
    proto::RequestBody body{.agent = "filemgr", .action = "touch", .arguments = proto::Value::Map{{"file", (fleet.dir() / "canary").string()}}};
    body.filter.identities = {"web1"};
    taken.sealed = *security::seal_request(alice.keys.sign.secret, route, body);
    return taken;
}

proto::Request passed_on(const Thief& thief, proto::Bytes sealed, proto::Scope scope) {
    return {.scope = scope, .accountant = thief.self().peer, .left_ms = 10'000, .sealed = std::move(sealed)};
}

Thief thief_of_web2(Robbed& house) {  // its daemon is gone: the thief is web2 now
    house.fleet.node("web2").kill();
    return Thief(house.fleet, "web2");
}

TEST_CASE("with a node's keys a captured request is performed once, however often it is said") {
    Robbed house;
    auto thief = thief_of_web2(house);
    thief.dial(house.fleet, "web1");
    const auto taken = capture(house.fleet, 1s);
    for (int i = 0; i < 10'000; ++i) {
        auto request = passed_on(thief, taken.sealed, proto::Scope::deliver);
        request.attempt = static_cast<std::uint8_t>(1 + i % 250);
        thief.say(request);
    }
    thief.settle();
    CHECK(std::filesystem::exists(house.fleet.dir() / "canary"));
    CHECK_MESSAGE(lines_with(house.audit("web1"), taken.id.hex(), "\"allowed\"") == 1, house.fleet.logs());
    house.expect_honest_service();
}

TEST_CASE("with a node's keys nothing old, aimed anew or signed by a node is performed") {
    Robbed house;
    auto thief = thief_of_web2(house);
    thief.dial(house.fleet, "web1");
    thief.say(passed_on(thief, capture(house.fleet, 10min).sealed, proto::Scope::deliver));

    auto other_place = *proto::unpack<proto::SealedRequest>(capture(house.fleet, 1s).sealed);
    auto route = *proto::unpack<proto::Route>(other_place.route);
    SUBCASE("a longer life") { route.ttl_ms = 299'000; }
    SUBCASE("another collective") { route.collective = "uk"; }
    SUBCASE("replies for the thief") { route.reply_key = thief.self().keys.seal.public_key; }
    SUBCASE("a request number of his own") { route.request = security::entropy::fresh<proto::RequestId>(); }
    other_place.route = proto::pack(route);
    for (const auto scope : {proto::Scope::local, proto::Scope::deliver, proto::Scope::group, proto::Scope::inject})
        thief.say(passed_on(thief, proto::pack(other_place), scope));

    auto own = proto::Route{.collective = "mcollective",
                            .request = security::entropy::fresh<proto::RequestId>(),
                            .created = mesh::io::sample_clocks().wall,
                            .ttl_ms = 60'000,
                            .timeout_ms = 10'000,
                            .reply_key = thief.self().keys.seal.public_key,
                            .caller = thief.self().chain};
    const proto::RequestBody order{.agent = "filemgr", .action = "touch", .arguments = proto::Value::Map{{"file", (house.fleet.dir() / "canary").string()}}};
    thief.say(passed_on(thief, *security::seal_request(thief.self().keys.sign.secret, own, order), proto::Scope::deliver));
    thief.settle();
    CHECK_FALSE(std::filesystem::exists(house.fleet.dir() / "canary"));
    CHECK(lines_with(house.audit("web1"), "filemgr", "\"allowed\"") == 0);
    house.expect_honest_service();
}

TEST_CASE("a node that calls others gone does not make them go") {
    Robbed house;
    auto thief = thief_of_web2(house);
    thief.dial(house.fleet, "web1");
    const auto db1 = identity_of(house.fleet, "db1");
    const auto roster_of = [&](proto::MemberState state) {  // with a record that only db1 can sign, and one that db1 did not
        const proto::PeerRecordBody body{.peer = db1.peer,
                                         .name = "db1",
                                         .incarnation = 1'900'000'000'000'000,
                                         .sequence = 1,
                                         .group = "default",
                                         .curve_key = db1.keys.curve.public_key,
                                         .collectives = {"mcollective"},
                                         .software = "mcod 0.1.0"};
        return proto::Roster{{{.record = security::seal_record(thief.self().keys.sign.secret, db1.chain, body), .state = state, .since_ms = 0}}};
    };
    for (const auto state : {proto::MemberState::down, proto::MemberState::left, proto::MemberState::up}) thief.say(roster_of(state));
    thief.settle();
    house.expect_honest_service();
}

TEST_CASE("a flood of nonsense over a node's link costs that link at most") {
    Robbed house;
    auto thief = thief_of_web2(house);
    thief.dial(house.fleet, "web1");
    const proto::Bytes noise(1000, 0x91);
    for (int i = 0; i < 20'000; ++i) {
        if (i % 3 == 0) {
            thief.say_octets(noise);
        } else if (i % 3 == 1) {
            thief.say(proto::Poll{.request = security::entropy::fresh<proto::RequestId>(), .attempt = 1});
        } else {
            thief.say(proto::Up{.request = security::entropy::fresh<proto::RequestId>(), .sequence = 1});
        }
        if (thief.ended()) break;
    }
    house.expect_honest_service();
}

TEST_CASE("with a caller's keys one is not a node") {
    Robbed house;
    Thief thief(house.fleet, "operator");
    thief.dial(house.fleet, "web1");
    thief.say(passed_on(thief, capture(house.fleet, 1s).sealed, proto::Scope::deliver));
    thief.say(proto::Attach{.standing = proto::Standing::primary});
    thief.say(proto::Roster{});
    thief.settle();
    CHECK_FALSE(std::filesystem::exists(house.fleet.dir() / "canary"));
    house.expect_honest_service();
}

}  // namespace
}  // namespace mco::test
