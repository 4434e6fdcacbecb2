// Hosts on real sockets: they find each other, answer a caller, and notice each other's end.

#include <poll.h>
#include <unistd.h>

#include <array>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "security/envelope.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/mesh_io/rig.hpp"

namespace mco::test {
namespace {

// A few milliseconds on an idle machine; the first timer that could tell the same is the engine's, after 5 s.
constexpr auto at_once = 500ms;

bool whole(const std::vector<TestHost*>& hosts) {
    for (auto* host : hosts) {
        for (const auto& member : (**host).engine().members()) {
            const bool self = member.peer == host->identity().peer;
            if (!self && (!member.linked || !member.subscribed || member.state != proto::MemberState::up)) return false;
        }
        if ((**host).engine().members().size() != hosts.size()) return false;
    }
    return true;
}

// All replies to a request are in: the last Up has a closed ledger.
const proto::Up* closing(const std::vector<proto::Message>& messages) {
    for (const auto& message : messages) {
        const auto* up = std::get_if<proto::Up>(&message);
        if (up != nullptr && up->ledger.closure == proto::Closure::closed) return up;
    }
    return nullptr;
}

mesh::Engine::MemberView member(TestHost& host, const proto::PeerId& peer) {
    for (const auto& one : host->engine().members()) {
        if (one.peer == peer) return one;
    }
    return {};
}

TEST_CASE("two hosts link up from one seed, and subscribe to each other before anybody waits for a timer") {
    const Authority authority;
    TestHost one(authority, "web1");
    TestHost two(authority, "web2", {one.address()});
    CHECK(one->ready());
    CHECK(!two->ready());
    const auto begin = mesh::io::sample_clocks().mono;
    REQUIRE(pump({&one, &two}, {}, [&] { return whole({&one, &two}); }));
    CHECK(mesh::io::sample_clocks().mono - begin < 1s);
    CHECK(two->ready());
    CHECK(one->counters().foreign_topics == 0);
    CHECK(two->counters().foreign_topics == 0);
}

TEST_CASE("three hosts with one seed become a full mesh and answer a caller completely") {
    const Authority authority;
    TestHost one(authority, "web1");
    TestHost two(authority, "web2", {one.address()});
    TestHost three(authority, "web3", {one.address()});
    TestLink caller(authority, authority.caller("alice"), two.address());
    const std::vector<TestHost*> hosts{&one, &two, &three};
    REQUIRE(pump(hosts, {&caller}, [&] { return whole(hosts) && caller->up(); }));

    const auto request = make_request(caller.identity());
    REQUIRE(caller->send(request.inject));
    REQUIRE(pump(hosts, {&caller}, [&] { return closing(caller.messages()) != nullptr; }));
    const auto messages = caller.messages();
    const auto* last = closing(messages);
    CHECK(last->ledger.expected == 3);
    CHECK(last->ledger.count(proto::Outcome::ok) == 3);
    std::size_t opened = 0;
    for (const auto& message : messages) {
        const auto* up = std::get_if<proto::Up>(&message);
        if (up == nullptr) continue;
        for (const auto& answer : up->answers) {
            const auto reply =
                security::open_reply(caller.trust(), request.reply_pair, request.id, security::digest(request.sealed),
                                     answer.sealed, mesh::io::sample_clocks().wall);
            REQUIRE_MESSAGE(reply, reply.error().detail);
            CHECK(reply->body.message == "OK");
            ++opened;
        }
    }
    CHECK(opened == 3);
    for (auto* host : hosts) CHECK(host->performed() == 1);
    CHECK(two->counters().published == 1);
    CHECK(one->counters().forged + two->counters().forged + three->counters().forged == 0);
    CHECK(one->counters().malformed + two->counters().malformed + three->counters().malformed == 0);
    const auto joined = static_cast<std::size_t>(mesh::NoticeKind::member_joined);
    CHECK(one->counters().notices[joined] == 2);
}

TEST_CASE("hosts that share a venue are strangers to each other's gates: they link up, and answer a caller completely") {
    const Authority authority;
    const auto venue = mesh::io::Venue::open({});
    REQUIRE(venue);
    const auto shared = [&](const std::string& name, std::vector<mesh::Address> seeds) {
        return TestHost(authority, name, std::move(seeds), {"tcp://127.0.0.1:*"}, {}, venue->get());
    };
    TestHost one = shared("web1", {});
    TestHost two = shared("web2", {one.address()});
    TestHost three = shared("web3", {one.address()});
    TestLink caller(authority, authority.caller("alice"), two.address());
    const std::vector<TestHost*> hosts{&one, &two, &three};
    REQUIRE(pump(hosts, {&caller}, [&] {
        while ((*venue)->service(mesh::io::sample_clocks())) {}
        return whole(hosts) && caller->up();
    }));
    CHECK(one->counters().refused_zap == 1);  // the stranger of its own self-test at the start, and nobody else's
    CHECK(three->counters().refused_zap == 1);

    three.destroy();  // its place at the desk is empty, and the others go on
    const auto request = make_request(caller.identity());
    REQUIRE(caller->send(request.inject));
    REQUIRE(pump({&one, &two}, {&caller}, [&] { return closing(caller.messages()) != nullptr; }));
    CHECK(closing(caller.messages())->ledger.count(proto::Outcome::ok) == 2);
}

TEST_CASE("two hosts that have turns only when their descriptors, deadlines or turns ask for it find each other and answer") {
    const Authority authority;
    TestHost one(authority, "web1");
    TestHost two(authority, "web2", {one.address()});
    TestLink caller(authority, authority.caller("alice"), one.address());
    const std::array<TestHost*, 2> hosts{&one, &two};
    std::array<bool, 2> more{true, true};
    const auto turns_until = [&](std::chrono::milliseconds limit, const auto& done) {
        const auto end = mesh::io::sample_clocks().mono + limit;
        while (!done()) {
            REQUIRE(mesh::io::sample_clocks().mono < end);
            std::array<pollfd, 2> polled{};
            for (std::size_t i = 0; i < hosts.size(); ++i) polled[i] = {(*hosts[i])->descriptor(), POLLIN, 0};
            ::poll(polled.data(), polled.size(), 1);
            const auto now = mesh::io::sample_clocks().mono;
            for (std::size_t i = 0; i < hosts.size(); ++i) {
                const auto deadline = (*hosts[i])->next_deadline();
                if (more[i] || polled[i].revents != 0 || (deadline && *deadline <= now)) more[i] = (*hosts[i])->turn(0ms);
            }
            caller.service();
        }
    };
    turns_until(20s, [&] { return caller->up() && one->ready() && two->ready() && member(one, two.identity().peer).subscribed; });
    turns_until(at_once, [&] { return one->connections() + two->connections() == 3; });  // a link, and each hears the other's fan-out
    for (std::size_t asked = 1; asked <= 20; ++asked) {
        REQUIRE(caller->send(make_request(caller.identity()).inject));
        turns_until(at_once, [&] { return one.performed() == asked && two.performed() == asked; });
    }
}

TEST_CASE("a request signed by somebody else is refused to the caller with a reason") {
    const Authority authority;
    TestHost host(authority, "web1");
    TestLink caller(authority, authority.caller("alice"), host.address());
    REQUIRE(pump({&host}, {&caller}, [&] { return caller->up(); }));
    const auto request = make_request(authority.caller("bob"));
    REQUIRE(caller->send(request.inject));
    REQUIRE(pump({&host}, {&caller}, [&] { return !caller.messages().empty(); }));
    const auto messages = caller.messages();
    const auto* refused = std::get_if<proto::Refused>(&messages.at(0));
    REQUIRE(refused != nullptr);
    CHECK(refused->request == request.id);
    CHECK(refused->code == proto::Errc::denied);
    CHECK(host.performed() == 0);
    CHECK(host->counters().forged == 1);
}

TEST_CASE("a caller over the local socket is served like one over TCP") {
    const Authority authority;
    const TempDir directory;
    const std::string local = "ipc://" + (directory / "mcod.sock").string();
    TestHost host(authority, "web1", {}, {"tcp://127.0.0.1:*", local});
    TestLink caller(authority, authority.caller("alice"), {local, host.address().key});
    REQUIRE(pump({&host}, {&caller}, [&] { return caller->up(); }));
    REQUIRE(caller->send(make_request(caller.identity()).inject));
    CHECK(pump({&host}, {&caller}, [&] { return closing(caller.messages()) != nullptr; }));
}

TEST_CASE("a host that starts again names whom the one before knew; a memory that is damaged is said, and not used") {
    const Authority authority;
    proto::Bytes memory;
    {
        TestHost one(authority, "web1");
        TestHost two(authority, "web2", {one.address()});
        REQUIRE(pump({&one, &two}, {}, [&] { return whole({&one, &two}); }));
        memory = one->memory();
    }
    const auto expected_by = [&](proto::Bytes remembered) {
        TestHost again(authority, "web1", {}, {"tcp://127.0.0.1:*"}, std::move(remembered));
        TestLink caller(authority, authority.caller("alice"), again.address());
        REQUIRE(pump({&again}, {&caller}, [&] { return caller->up(); }));
        REQUIRE(caller->send(make_request(caller.identity()).inject));
        REQUIRE(pump({&again}, {&caller}, [&] { return closing(caller.messages()) != nullptr; }));
        CHECK(again.logged("is not used") == (again.logged("damaged")));
        return std::pair(closing(caller.messages())->ledger.expected, again.logged("damaged"));
    };
    CHECK(expected_by(memory) == std::pair(2U, false));
    CHECK(expected_by({}) == std::pair(1U, false));
    memory.pop_back();
    CHECK(expected_by(memory) == std::pair(1U, true));
    memory.resize(5);
    CHECK(expected_by(memory) == std::pair(1U, true));
}

TEST_CASE("a host that goes without a word is down to the others at once, whoever dialled") {
    const Authority authority;
    TestHost one(authority, "web1");
    TestHost two(authority, "web2", {one.address()});
    REQUIRE(pump({&one, &two}, {}, [&] { return whole({&one, &two}); }));
    SUBCASE("the dialled one goes") {
        const auto gone = one.identity().peer;
        one.destroy();
        const auto begin = mesh::io::sample_clocks().mono;
        REQUIRE(pump({&two}, {}, [&] { return member(two, gone).state == proto::MemberState::down; }));
        CHECK(mesh::io::sample_clocks().mono - begin < at_once);
    }
    SUBCASE("the dialling one goes") {
        const auto gone = two.identity().peer;
        two.destroy();
        const auto begin = mesh::io::sample_clocks().mono;
        REQUIRE(pump({&one}, {}, [&] { return member(one, gone).state == proto::MemberState::down; }));
        CHECK(mesh::io::sample_clocks().mono - begin < at_once);
    }
}

TEST_CASE("a host that leaves says so, and its last word arrives") {
    const Authority authority;
    TestHost one(authority, "web1");
    TestHost two(authority, "web2", {one.address()});
    REQUIRE(pump({&one, &two}, {}, [&] { return whole({&one, &two}); }));
    SUBCASE("the dialling one leaves") {
        two->leave("maintenance");
        two->turn(0ms);
        two.destroy();
        CHECK(pump({&one}, {}, [&] { return member(one, two.identity().peer).state == proto::MemberState::left; }));
    }
    SUBCASE("the dialled one leaves") {
        one->leave("maintenance");
        one->turn(0ms);
        one.destroy();
        CHECK(pump({&two}, {}, [&] { return member(two, one.identity().peer).state == proto::MemberState::left; }));
    }
}

TEST_CASE("a host that listens nowhere tells nobody where it is, dials, and is asked like the others") {
    const Authority authority;
    TestHost one(authority, "web1");
    TestHost two(authority, "web2", {one.address()}, {});
    CHECK(two->link_endpoints().empty());
    CHECK(two->fanout_endpoint().empty());
    CHECK(!two->ready());
    TestLink caller(authority, authority.caller("alice"), one.address());
    REQUIRE(pump({&one, &two}, {&caller},
                 [&] { return two->ready() && caller->up() && member(one, two.identity().peer).subscribed; }));
    REQUIRE(caller->send(make_request(caller.identity()).inject));
    REQUIRE(pump({&one, &two}, {&caller}, [&] { return closing(caller.messages()) != nullptr; }));
    const auto messages = caller.messages();
    CHECK(closing(messages)->ledger.count(proto::Outcome::ok) == 2);
    CHECK(two.performed() == 1);
    CHECK(one->counters().foreign_topics == 0);
}

TEST_CASE("a relay that nobody could dial is refused with the next step") {
    const Authority authority;
    const auto identity = authority.node("web1");
    auto trust = authority.trust();
    mesh::io::Host::Options options;
    options.collectives = {"mcollective"};
    options.relay = proto::RelayWish::always;
    const auto opened = mesh::io::Host::open(options, identity, trust, {});
    REQUIRE(!opened);
    CHECK(opened.error().code == proto::Errc::invalid);
    CHECK(opened.error().detail.find("listen = tcp://") != std::string::npos);
}

TEST_CASE("a caller that goes is forgotten at once, though ROUTER never tells") {
    const Authority authority;
    TestHost host(authority, "web1");
    {
        TestLink caller(authority, authority.caller("alice"), host.address());
        REQUIRE(pump({&host}, {&caller}, [&] { return caller->up() && host.logged("linked to alice"); }));
    }
    CHECK(pump(
        {&host}, {}, [&] { return host.logged("link to alice ended"); }, 1s));
}

TEST_CASE("a descriptor of the owner is served in the turn in which it is readable") {
    const Authority authority;
    TestHost host(authority, "web1");
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    int calls = 0;
    host->watch(ends[0], [&](proto::Now) {
        char octet = 0;
        REQUIRE(::read(ends[0], &octet, 1) == 1);
        ++calls;
    });
    host->turn(0ms);
    CHECK(calls == 0);
    REQUIRE(::write(ends[1], "x", 1) == 1);
    host->turn(10s);
    CHECK(calls == 1);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a newer list reaches every host, ends the links of who is revoked, and is brought to whoever comes later") {
    const Authority authority;
    TestHost web1(authority, "web1");
    TestHost web2(authority, "web2", {web1.address()});
    TestHost web3(authority, "web3", {web1.address()});
    REQUIRE(pump({&web1, &web2, &web3}, {}, [&] { return whole({&web1, &web2, &web3}); }));
    TestLink alice(authority, authority.caller("alice"), web2.address());
    REQUIRE(pump({&web1, &web2, &web3}, {&alice}, [&] { return alice->up(); }));
    const auto serial = [&](const security::Identity& who) {
        return web1.trust().verify(who.chain, mesh::io::sample_clocks().wall)->serial;
    };
    const auto of_alice = serial(alice.identity());
    REQUIRE(web1.trust().adopt(authority.revocations({of_alice}, 3)));
    web1->revocations_changed(mesh::io::sample_clocks());
    CHECK(pump({&web1, &web2, &web3}, {&alice}, [&] { return !alice->up() && web3.trust().revoked(of_alice); }, at_once));
    CHECK(web2.trust().revoked(of_alice));

    TestHost late(authority, "late", {web3.address()});
    CHECK(pump({&web1, &web2, &web3, &late}, {}, [&] { return late.trust().revoked(of_alice); }));

    // Who dials brings what it has just the same, older or newer: it may have been away for long.
    TestHost old(authority, "old", {});
    REQUIRE(old.trust().adopt(authority.revocations({}, 2)));
    TestHost newer(authority, "newer", {old.address()});
    REQUIRE(newer.trust().adopt(authority.revocations({of_alice}, 3)));
    CHECK(pump({&old, &newer}, {}, [&] { return old.trust().revoked(of_alice); }));

    // A node that is revoked loses its links everywhere.
    REQUIRE(late.trust().adopt(authority.revocations({of_alice, serial(web2.identity())}, 4)));
    late->revocations_changed(mesh::io::sample_clocks());
    CHECK(pump({&web1, &web2, &web3, &late}, {}, [&] { return web1.linked_members() == 2 && web3.linked_members() == 2; }));
}

TEST_CASE("a forged list changes nothing and is counted; an older one is no news") {
    const Authority authority, stranger;
    TestHost web1(authority, "web1");
    TestLink alice(authority, authority.caller("alice"), web1.address());
    REQUIRE(pump({&web1}, {&alice}, [&] { return alice->up(); }));
    const auto bring = [&](proto::Bytes list) {
        const auto before = web1->counters().frames_in;
        alice->send(proto::encode(proto::Revocations{{std::move(list)}}));
        REQUIRE(pump({&web1}, {&alice}, [&] { return web1->counters().frames_in > before; }));
    };
    auto forged = authority.revocations({}, 9);
    forged.back() ^= 1U;
    bring(forged);
    CHECK(web1->counters().forged == 1);
    bring(stranger.revocations({}, 9));
    CHECK(web1->counters().forged == 1);
    CHECK(web1.trust().revocations_version() == 0);
    bring(authority.revocations({}, 2));
    CHECK(web1.trust().revocations_version() == 2);
    bring(authority.revocations({}, 1));
    CHECK(web1.trust().revocations_version() == 2);
}

}  // namespace
}  // namespace mco::test
