#include "client/gather.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "security/envelope.hpp"
#include "tests/unit/client/gathering.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using namespace test::gathering;
using proto::Outcome;
using proto::StatusCode;
using test::PaperLinks;
using test::PaperMesh;

TEST_CASE("with all nodes healthy the request ends with the last reply, whatever the timeout") {
    for (const auto timeout : {1s, 60s, 86'400s}) {
        PaperMesh mesh(Nodes{healthy("web1", 3ms), healthy("web2", 8ms)});
        Run run(mesh, {{"a", {}}});
        const auto gathered = run.go([&](Call& call) { call.timeout = timeout; });
        REQUIRE(gathered.has_value());
        CHECK(names(*gathered) == Names{"web1", "web2"});
        CHECK(gathered->trouble.empty());
        CHECK(gathered->ledger == closed(2, {{Outcome::ok, 2}}));
        CHECK(gathered->replies[0].took == 3ms);
        CHECK(gathered->took == 8ms);
        CHECK(run.took == 9ms);  // and 1 ms to link
        CHECK(run.links.requests().size() == 1);
        CHECK(gathered->attempts == 1);
    }
}

TEST_CASE("a repeated reply counts once") {
    PaperMesh mesh(Nodes{healthy("web1")});
    const auto twice = answering([&](const proto::Request& request) {
        const auto answer = mesh.answer("web1", request.sealed, StatusCode::ok, "OK", proto::Value::Map{});
        return std::vector<proto::Message>{up(request, {answer, answer}, {}),
                                           up(request, {answer}, closed(1, {{Outcome::ok, 1}}))};
    });
    const auto gathered = Run(mesh, {{"a", {.hear = twice}}}).go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
    CHECK(gathered->trouble.empty());
}

TEST_CASE("a node that answers in another's name is not heard, and the account does not agree") {
    PaperMesh mesh(Nodes{healthy("web1"), healthy("evil")});
    const auto forged = answering([&](const proto::Request& request) {
        auto answer = mesh.answer("evil", request.sealed, StatusCode::ok, "OK", proto::Value::Map{});
        answer.node = mesh.peer("web1");
        return std::vector<proto::Message>{up(request, {answer}, closed(1, {{Outcome::ok, 1}}))};
    });
    const auto gathered = Run(mesh, {{"a", {.hear = forged}}}).go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.empty());
    REQUIRE(gathered->trouble.size() == 1);
    CHECK(gathered->trouble[0].find("0 replies could be verified; 1 could not") != std::string::npos);
}

TEST_CASE("a reply to another request, and one that was changed on the way, are not heard") {
    PaperMesh mesh(Nodes{healthy("web1"), healthy("web2")});
    Call other;
    other.agent = "rpcutil";
    other.action = "ping";
    const auto before = seal(other, mesh.caller(), security::make_seal_pair().public_key, mesh.now.wall);
    REQUIRE(before.has_value());
    const auto hostile = answering([&](const proto::Request& request) {
        const auto stale = mesh.answer("web1", before->octets, StatusCode::ok, "OK", proto::Value::Map{});
        auto changed = mesh.answer("web2", request.sealed, StatusCode::ok, "OK", proto::Value::Map{});
        changed.sealed.back() ^= 1;
        proto::Answer nonsense = changed;
        nonsense.sealed = {1, 2, 3};
        return std::vector<proto::Message>{up(request, {stale, changed, nonsense}, closed(2, {{Outcome::ok, 2}}))};
    });
    const auto gathered = Run(mesh, {{"a", {.hear = hostile}}}).go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.empty());
    CHECK(gathered->trouble.size() == 1);
}

TEST_CASE("a closed account that counts more than came is not believed") {
    PaperMesh mesh(Nodes{healthy("web1")});
    const auto one_of_two = answering([&](const proto::Request& request) {
        return std::vector<proto::Message>{
            up(request, {mesh.answer("web1", request.sealed, StatusCode::ok, "OK", proto::Value::Map{})},
               closed(2, {{Outcome::ok, 2}}))};
    });
    const auto gathered = Run(mesh, {{"a", {.hear = one_of_two}}}).go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
    CHECK(gathered->trouble.size() == 1);
    SUBCASE("nor one that does not add up") {
        const auto unbalanced = answering([&](const proto::Request& request) {
            return std::vector<proto::Message>{up(request, {}, closed(3, {{Outcome::not_matched, 2}}))};
        });
        const auto short_of_one = Run(mesh, {{"a", {.hear = unbalanced}}}).go();
        REQUIRE(short_of_one.has_value());
        CHECK(short_of_one->trouble.size() == 1);
    }
}

TEST_CASE("a missing node is named, and a late reply of it makes it present again") {
    PaperMesh mesh(Nodes{healthy("web1"), healthy("web2")});
    const auto entry = answering([&](const proto::Request& request) {
        auto first = up(request, {mesh.answer("web1", request.sealed, StatusCode::ok, "OK", proto::Value::Map{})}, {});
        proto::Missing missing;
        missing.node = mesh.peer("web2");
        missing.name = "web2";
        missing.reason = proto::Reason::no_ack;
        first.missing = {missing};
        return std::vector<proto::Message>{first,
                                           up(request, {}, closed(2, {{Outcome::ok, 1}, {Outcome::unreachable, 1}}))};
    });
    const auto gathered = Run(mesh, {{"a", {.hear = entry}}}).go();
    REQUIRE(gathered.has_value());
    REQUIRE(gathered->missing.size() == 1);
    CHECK(gathered->missing[0].name == "web2");
    CHECK(gathered->trouble.empty());
}

TEST_CASE("no acknowledgement within 200 ms: the same request goes through the spare") {
    PaperMesh mesh(Nodes{healthy("web1")});
    Run run(mesh,
            {{"a", {.name = "mute", .hear = [](auto&, auto, auto&) {}}}, {"b", {.up_after = 2ms, .name = "web2"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
    CHECK(gathered->trouble.empty());
    CHECK(gathered->attempts == 2);
    CHECK(gathered->entry == "web2 (b)");
    const auto requests = run.links.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].attempt == 1);
    CHECK(requests[1].attempt == 2);
    CHECK(requests[0].sealed == requests[1].sealed);
    CHECK(run.took == 1ms + Gather::ack_patience + 2ms);
}

TEST_CASE("without a spare a slow entry is waited for") {
    PaperMesh mesh(Nodes{healthy("web1")});
    const auto slow = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        for (const auto& timed : mesh.honest(*request)) links.deliver(link, timed.after + 3s, timed.message);
    };
    Run run(mesh, {{"a", {.hear = slow}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->trouble.empty());
    CHECK(run.links.requests().size() == 1);
}

TEST_CASE("an entry lost in the middle: the spare repeats, and nobody counts twice") {
    PaperMesh mesh(Nodes{healthy("web1"), healthy("web2")});
    const auto dies = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        links.deliver(
            link, 1ms,
            up(*request, {mesh.answer("web1", request->sealed, StatusCode::ok, "OK", proto::Value::Map{})}, {}));
        links.lose(link, 2ms, "connection reset");
    };
    Run run(mesh, {{"a", {.hear = dies}}, {"b", {.up_after = 2ms, .name = "web2"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1", "web2"});
    CHECK(gathered->trouble.empty());
    CHECK(gathered->attempts == 2);
}

TEST_CASE("an older attempt that misses nobody ends the request, one that misses somebody does not") {
    PaperMesh mesh(Nodes{healthy("web1")});
    bool complete = false;
    SUBCASE("complete") { complete = true; }
    SUBCASE("incomplete") { complete = false; }
    const auto late = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        const auto after = Gather::ack_patience + 1ms;  // the spare answers 2 ms after the patience
        if (complete) {
            links.deliver(
                link, after,
                up(*request, {mesh.answer("web1", request->sealed, StatusCode::ok, "OK", proto::Value::Map{})},
                   closed(1, {{Outcome::ok, 1}})));
        } else {
            proto::Missing missing;
            missing.node = mesh.peer("web1");
            auto message_up = up(*request, {}, closed(1, {{Outcome::unreachable, 1}}));
            message_up.missing = {missing};
            links.deliver(link, after, message_up);
        }
    };
    Run run(mesh, {{"a", {.hear = late}}, {"b", {.up_after = 2ms, .name = "web2"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
    CHECK(gathered->missing.empty());
    CHECK(gathered->trouble.empty());
    CHECK(run.took == 1ms + Gather::ack_patience + (complete ? 1ms : 2ms));
}

TEST_CASE("the only entry lost: what came is a result, and it says what is not known") {
    PaperMesh mesh(Nodes{healthy("web1"), healthy("web2")});
    const auto dies = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        links.deliver(
            link, 1ms,
            up(*request, {mesh.answer("web1", request->sealed, StatusCode::ok, "OK", proto::Value::Map{})}, {}));
        links.lose(link, 2ms, "connection reset");
    };
    const auto gathered = Run(mesh, {{"a", {.hear = dies}}}).go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
    REQUIRE(gathered->trouble.size() == 1);
    CHECK(gathered->trouble[0].find("connection reset") != std::string::npos);
}

TEST_CASE("an account with whole groups missing agrees when their nodes are counted, each group by its name") {
    PaperMesh mesh(Nodes{healthy("web1")});
    std::uint32_t lost = 500;
    SUBCASE("it agrees") { lost = 500; }
    SUBCASE("it does not") { lost = 499; }
    const auto entry = answering([&](const proto::Request& request) {
        auto last = up(request, {mesh.answer("web1", request.sealed, StatusCode::ok, "OK", proto::Value::Map{})},
                       closed(601 + lost, {{Outcome::ok, 1}, {Outcome::not_matched, 600}, {Outcome::lost, lost}}));
        last.bare = {{Outcome::not_matched, std::vector<proto::PeerId>(600)}};
        for (const auto& [name, nodes] : {std::pair("dc3", 400U), std::pair("dc4", 100U), std::pair("dc3", 400U)}) {
            proto::Missing missing;
            missing.name = name;
            missing.reason = proto::Reason::group_unreachable;
            missing.outcome = Outcome::lost;
            missing.nodes = nodes;
            last.missing.push_back(missing);
        }
        return std::vector<proto::Message>{last};
    });
    const auto gathered = Run(mesh, {{"a", {.hear = entry}}}).go();
    REQUIRE(gathered.has_value());
    REQUIRE(gathered->missing.size() == 2);
    CHECK(gathered->missing[0].name == "dc3");
    CHECK(gathered->missing[1].nodes == 100);
    CHECK(gathered->trouble.empty() == (lost == 500));
}

TEST_CASE("a refusal is an error that names who refused and why") {
    PaperMesh mesh(Nodes{});
    const auto refusing = answering([](const proto::Request& request) {
        return std::vector<proto::Message>{
            proto::Refused{id_of(request), proto::Errc::denied, "the signature does not hold"}};
    });
    const auto gathered = Run(mesh, {{"a", {.name = "web1", .hear = refusing}}}).go();
    REQUIRE(!gathered.has_value());
    CHECK(gathered.error().code == proto::Errc::denied);
    CHECK(gathered.error().detail == "web1 (a) refused the request: the signature does not hold");
}

TEST_CASE("an entry that is overloaded, or a leaf without relays, sends us to the spare, if there is one") {
    PaperMesh mesh(Nodes{healthy("web1")});
    auto code = proto::Errc::overloaded;
    SUBCASE("overloaded") { code = proto::Errc::overloaded; }
    SUBCASE("without relays") { code = proto::Errc::unreachable; }
    const auto busy = answering([code](const proto::Request& request) {
        return std::vector<proto::Message>{proto::Refused{id_of(request), code, "1024 requests are live"}};
    });
    const auto alone = Run(mesh, {{"a", {.hear = busy}}}).go();
    REQUIRE(!alone.has_value());
    CHECK(alone.error().code == code);
    Run both(mesh, {{"a", {.hear = busy}}, {"b", {.up_after = 2ms, .hear = busy}}});
    const auto refused = both.go();
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == code);
    CHECK(both.took < 20ms);
    Run run(mesh, {{"a", {.hear = busy}}, {"b", {.up_after = 2ms, .name = "web2"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
}

TEST_CASE("nobody reachable: every entry with its reason, and the next step") {
    PaperMesh mesh(Nodes{});
    const auto gathered =
        Run(mesh, {{"tcp://a:1", {.refused = "connection refused"}}, {"tcp://b:1", {.refused = "wrong key"}}}).go();
    REQUIRE(!gathered.has_value());
    CHECK(gathered.error().code == proto::Errc::unreachable);
    CHECK(gathered.error().detail.starts_with(
        "no entry into the mesh is reachable:\n  tcp://a:1: connection refused\n  tcp://b:1: wrong key\n"));
}

TEST_CASE("an entry that never links is given up after the patience") {
    PaperMesh mesh(Nodes{});
    Run run(mesh, {{"a", {.up_after = {}}}});
    const auto gathered = run.go();
    REQUIRE(!gathered.has_value());
    CHECK(gathered.error().code == proto::Errc::unreachable);
    CHECK(run.took == Gather::attach_patience);
}

TEST_CASE("an entry that acknowledges and dies silently costs the deadline and two seconds, and the result says so") {
    PaperMesh mesh(Nodes{});
    const auto mute = answering([](const proto::Request& request) {
        return std::vector<proto::Message>{proto::Ack{id_of(request), request.attempt, 3}};
    });
    Run run(mesh, {{"a", {.hear = mute}}});
    const auto gathered = run.go([](Call& call) { call.timeout = 5s; });
    REQUIRE(gathered.has_value());
    CHECK(run.took == 1ms + 5s + Gather::beyond_entry);
    CHECK(gathered->ledger.expected == 3);
    CHECK(gathered->trouble.size() == 1);
}

TEST_CASE("an entry that freezes after its acknowledgement: pinged after a second, replaced after two") {
    PaperMesh mesh(Nodes{healthy("web1")});
    const auto freezes = answering([](const proto::Request& request) {
        return std::vector<proto::Message>{proto::Ack{id_of(request), request.attempt, 1}};
    });
    Run run(mesh, {{"a", {.hear = freezes}}, {"b", {.up_after = 2ms, .name = "web2"}}});
    const auto gathered = run.go([](Call& call) { call.timeout = 60s; });
    REQUIRE(gathered.has_value());
    CHECK(names(*gathered) == Names{"web1"});
    CHECK(gathered->trouble.empty());
    CHECK(run.took == 1ms + 1ms + 2 * Gather::quiet_patience + 2ms);
}

TEST_CASE("an entry that answers pings keeps its request, however long the action takes") {
    PaperMesh mesh(Nodes{healthy("web1", 30s)});
    const auto lives = [](PaperLinks& links, LinkId link, const proto::Message& message) {
        if (const auto* request = std::get_if<proto::Request>(&message)) links.answer_honestly(link, *request);
        if (const auto* ping = std::get_if<proto::Ping>(&message)) links.deliver(link, 1ms, proto::Pong{ping->token});
    };
    Run run(mesh, {{"a", {.hear = lives}}, {"b", {.up_after = 2ms, .name = "web2"}}});
    const auto gathered = run.go([](Call& call) { call.timeout = 60s; });
    REQUIRE(gathered.has_value());
    CHECK(gathered->attempts == 1);
    CHECK(run.took == 1ms + 30s);
}

TEST_CASE("Ctrl-C withdraws the request and keeps what came") {
    PaperMesh mesh(Nodes{healthy("web1"), healthy("slow", 10s)});
    Run run(mesh, {{"a", {}}});
    SUBCASE("the entry does not answer: after a moment we go") {
        run.links.interrupt(50ms);
        const auto gathered = run.go();
        REQUIRE(gathered.has_value());
        CHECK(names(*gathered) == Names{"web1"});
        CHECK(gathered->interrupted);
        CHECK(gathered->trouble.size() == 1);
        CHECK(run.took == 50ms + Gather::cancel_patience);
        CHECK(std::holds_alternative<proto::Cancel>(run.links.sent.back().second));
    }
    SUBCASE("twice: at once") {
        run.links.interrupt(50ms);
        run.links.interrupt(60ms);
        const auto gathered = run.go();
        REQUIRE(gathered.has_value());
        CHECK(run.took == 60ms);
    }
    SUBCASE("before anything was sent") {
        Run unlinked(mesh, {{"a", {.up_after = {}}}});
        unlinked.links.interrupt(50ms);
        const auto gathered = unlinked.go();
        REQUIRE(!gathered.has_value());
        CHECK(gathered.error().code == proto::Errc::cancelled);
    }
}

TEST_CASE("a request without reply ends with the acknowledgement") {
    PaperMesh mesh(Nodes{healthy("web1", 5s)});
    Run run(mesh, {{"a", {}}});
    const auto gathered = run.go([](Call& call) { call.wants_reply = false; });
    REQUIRE(gathered.has_value());
    CHECK(gathered->trouble.empty());
    CHECK(run.took == 2ms);
}

TEST_CASE("every request has its own id, and is signed by its caller") {
    PaperMesh mesh(Nodes{});
    const auto caller = mesh.caller();
    const auto key = security::make_seal_pair().public_key;
    const auto one = seal({}, caller, key, mesh.now.wall), two = seal({}, caller, key, mesh.now.wall);
    REQUIRE((one.has_value() && two.has_value()));
    CHECK(one->id != two->id);
    auto trust = mesh.trust();
    const auto opened = security::open_request(trust, one->octets, mesh.now.wall);
    REQUIRE(opened.has_value());
    CHECK(opened->caller.name == "operator");
    CHECK(opened->digest == one->digest);
}

}  // namespace
}  // namespace mco::client
