// A publisher and its followers, without hosts: who hears what, and what the publisher knows about it.

#include "mesh/io/fanout.hpp"

#include <algorithm>
#include <list>
#include <map>

#include <doctest/doctest.h>

#include "mesh/core/engine.hpp"
#include "mesh/io/follower.hpp"
#include "security/entropy.hpp"
#include "tests/unit/mesh_io/authority.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using mesh::io::Fanout;
using mesh::io::Follower;
using Texts = std::vector<std::string>;

struct Plane {
    // A follower, what it has heard, and how the publisher knows it.
    struct Ear {
        Follower follower;
        Texts heard;
    };
    struct Known {
        proto::PeerId peer{};
        std::optional<proto::PeerRecordBody> record;  // none of callers
    };

    Plane() {
        auto opened_desk = mesh::io::ZapDesk::open(context);
        REQUIRE(opened_desk);
        desk.emplace(std::move(*opened_desk));
        place.emplace(*desk, gate);
        auto opened = Fanout::open(context, publisher.keys.curve, place->domain(security::LinkGate::Plane::fanout),
                                   counters);
        REQUIRE(opened);
        fanout.emplace(std::move(*opened));
        const auto bound = fanout->listen(*mesh::io::Endpoint::parse("tcp://127.0.0.1:*"), rng);
        REQUIRE(bound);
        where = {bound->text(), publisher.keys.curve.public_key};
    }

    Ear& follow(const security::Identity& as, Texts topics) {
        ears.push_back({Follower(context, where, std::move(topics), as, 1), {}});
        gate.admit(as.keys.curve.public_key);
        return ears.back();
    }
    proto::PeerRecordBody& know(const security::Identity& who, Texts collectives) {
        proto::PeerRecordBody record;
        record.collectives = std::move(collectives);
        record.link_endpoint = "tcp://192.0.2.7:21000";
        record.fanout_endpoint = "tcp://192.0.2.7:21001";
        return known.insert_or_assign(who.keys.curve.public_key, Known{who.peer, std::move(record)})
            .first->second.record.value();
    }
    void know_caller(const security::Identity& who) { known[who.keys.curve.public_key] = {who.peer, {}}; }
    bool pump(const std::function<bool()>& holds, std::chrono::milliseconds limit = 10s) {
        const auto end = mesh::io::sample_clocks().mono + limit;
        while (!holds()) {
            const auto now = mesh::io::sample_clocks();
            if (now.mono >= end) return false;
            desk->service(now);
            fanout->service(
                [&](const proto::CurvePublicKey& key) -> std::optional<Fanout::Subscriber> {
                    const auto found = known.find(key);
                    if (found == known.end()) return std::nullopt;
                    const auto& [peer, record] = found->second;
                    return Fanout::Subscriber{peer, record ? &*record : nullptr};
                },
                16, news);
            for (auto& ear : ears) {
                std::vector<proto::Bytes> frames;
                ear.follower.service(now, 16, frames, misshapen);
                for (const auto& frame : frames) ear.heard.emplace_back(proto::as_text(frame));
            }
            mesh::io::wait({}, {}, 1ms);
        }
        return true;
    }
    bool has(const security::Identity& who, Texts topics) const {
        std::sort(topics.begin(), topics.end());
        return fanout->topics_of(who.peer) == topics;
    }
    void publish(const std::string& topic, std::string_view text) { fanout->publish(topic, proto::as_bytes(text)); }

    Authority authority;
    security::Identity publisher = authority.node("relay1");
    mesh::Rng rng{1};
    mesh::io::Context context;
    security::LinkGate gate;
    mesh::io::Host::Counters counters;
    std::optional<mesh::io::ZapDesk> desk;
    std::optional<mesh::io::ZapPlace> place;
    std::optional<Fanout> fanout;
    mesh::Address where;
    std::map<proto::CurvePublicKey, Known> known;
    std::list<Ear> ears;
    std::vector<Fanout::News> news;
    std::uint64_t misshapen = 0;
};

TEST_CASE("a follower hears exactly its topics, and others once they are exchanged on the living connection") {
    Plane plane;
    const auto leaf = plane.authority.node("leaf1");
    plane.know(leaf, {"mcollective"});
    const auto presence = mesh::presence_topic(leaf.peer);
    const auto eager = mesh::eager_topic("mcollective"), lazy = mesh::lazy_topic("mcollective");
    auto& ear = plane.follow(leaf, {eager, presence, eager});
    REQUIRE(plane.pump([&] { return plane.has(leaf, {eager, presence}); }));
    plane.publish(lazy, "not asked for");
    plane.publish(eager, "first");
    REQUIRE(plane.pump([&] { return !ear.heard.empty(); }));

    ear.follower.retopic({presence, lazy});
    REQUIRE(plane.pump([&] { return plane.has(leaf, {lazy, presence}); }));
    plane.publish(eager, "not any more");
    plane.publish(lazy, "second");
    REQUIRE(plane.pump([&] { return ear.heard.size() == 2; }));
    CHECK(ear.heard == Texts{"first", "second"});
    // Nothing ended in between: the publisher never took the follower for gone.
    for (const auto& one : plane.news) CHECK((one.subscribed || one.topic == eager));
    CHECK(plane.counters.foreign_topics == 0);
}

TEST_CASE("one peer's change is seen though others keep the same topic, and an end is one peer's only") {
    Plane plane;
    const auto one = plane.authority.node("leaf1"), two = plane.authority.node("leaf2");
    for (const auto* who : {&one, &two}) plane.know(*who, {"mcollective"});
    const auto eager = mesh::eager_topic("mcollective");
    const auto first = mesh::presence_topic(one.peer), second = mesh::presence_topic(two.peer);
    auto& ear = plane.follow(one, {eager, first});
    plane.follow(two, {eager, second});
    REQUIRE(plane.pump([&] { return plane.has(one, {eager, first}) && plane.has(two, {eager, second}); }));
    SUBCASE("unsubscribed") {
        ear.follower.retopic({first});
        CHECK(plane.pump([&] { return plane.has(one, {first}); }));
    }
    SUBCASE("gone") {
        plane.ears.pop_front();
        CHECK(plane.pump([&] { return plane.has(one, {}); }));
        CHECK(std::count_if(plane.news.begin(), plane.news.end(), [](const auto& news) { return !news.subscribed; }) ==
              2);
    }
    CHECK(plane.has(two, {eager, second}));
    for (const auto& news : plane.news) CHECK((news.subscribed || news.peer == one.peer));
}

TEST_CASE("a peer that dials anew before its old connection ends stays subscribed to what it asks for now") {
    Plane plane;
    const auto leaf = plane.authority.node("leaf1");
    plane.know(leaf, {"mcollective"});
    const auto presence = mesh::presence_topic(leaf.peer);
    const auto eager = mesh::eager_topic("mcollective"), lazy = mesh::lazy_topic("mcollective");
    plane.follow(leaf, {eager, presence});
    REQUIRE(plane.pump([&] { return plane.has(leaf, {eager, presence}); }));
    plane.follow(leaf, {lazy, presence});
    REQUIRE(plane.pump([&] { return plane.has(leaf, {eager, lazy, presence}); }));
    plane.ears.pop_front();
    REQUIRE(plane.pump([&] { return plane.has(leaf, {lazy, presence}); }));
    plane.ears.pop_front();
    CHECK(plane.pump([&] { return plane.has(leaf, {}); }));
}

TEST_CASE("what is not a peer's to hear is not granted, and counted") {
    Plane plane;
    const auto leaf = plane.authority.node("leaf1");
    const auto relayed = mesh::relay_topic(), eager = mesh::eager_topic("mcollective");
    SUBCASE("other collectives, others' presence, prefixes of everything") {
        plane.know(leaf, {"mcollective", "uk"});
        const auto secret = mesh::eager_topic("secret"), other = mesh::presence_topic(plane.publisher.peer);
        const auto last = mesh::lazy_topic("uk");
        auto& ear = plane.follow(leaf, {"", "E", secret, mesh::lazy_topic("secret"), other, eager, last, relayed});
        REQUIRE(plane.pump([&] {
            return plane.has(leaf, {eager, last, relayed}) && plane.counters.foreign_topics == 5;
        }));
        plane.publish(secret, "secret");
        plane.publish(other, "secret");
        plane.publish(eager, "public");
        REQUIRE(plane.pump([&] { return !ear.heard.empty(); }));
        CHECK(ear.heard == Texts{"public"});
        // Given up again, they were nobody's.
        ear.follower.retopic({eager, last});
        REQUIRE(plane.pump([&] { return plane.counters.foreign_topics == 10; }));
        CHECK(plane.has(leaf, {eager, last}));
    }
    SUBCASE("who can be no relay does not hear what relays hear") {
        plane.know(leaf, {"mcollective"}).link_endpoint.clear();
        plane.follow(leaf, {relayed, eager});
        CHECK(plane.pump([&] { return plane.has(leaf, {eager}) && plane.counters.foreign_topics == 1; }));
    }
    SUBCASE("a caller hears nothing") {
        plane.know_caller(leaf);
        plane.follow(leaf, {eager, mesh::presence_topic(leaf.peer)});
        CHECK(plane.pump([&] { return plane.counters.foreign_topics == 2; }));
        CHECK(plane.news.empty());
    }
    SUBCASE("a key without a verified link hears nothing") {
        plane.follow(leaf, {eager});
        CHECK(plane.pump([&] { return plane.counters.foreign_topics == 1; }));
        CHECK(plane.news.empty());
    }
}

}  // namespace
}  // namespace mco::test
