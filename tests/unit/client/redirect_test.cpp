// An entry that takes no requests names relays: where the request goes then, what it costs, and what is said when it goes nowhere.

#include <doctest/doctest.h>

#include "tests/support/has.hpp"
#include "tests/unit/client/gathering.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using namespace test::gathering;
using proto::StatusCode;
using test::PaperLinks;
using test::PaperMesh;
using Endpoints = std::vector<std::string>;

const std::string one = "tcp://relay1:1", two = "tcp://relay2:1";

Nodes three() { return {healthy("web1"), healthy("web2"), healthy("rel1"), healthy("rel2")}; }

// Sends every request elsewhere, `after` the request.
PaperLinks::Behaviour leaf(std::vector<proto::Bytes> records, proto::Duration after = 1ms, std::string name = "leaf") {
    PaperLinks::Behaviour behaviour{.name = std::move(name)};
    behaviour.hear = [records, after](PaperLinks& links, LinkId link, const proto::Message& message) {
        if (const auto* request = std::get_if<proto::Request>(&message))
            links.deliver(link, after, proto::Redirect{id_of(*request), records});
    };
    return behaviour;
}
PaperLinks::Behaviour deaf() {
    return {.hear = [](PaperLinks&, LinkId, const proto::Message&) {}};
}

TEST_CASE("a leaf costs one dial: the relay it names gets the same request as the next attempt") {
    PaperMesh mesh(three());
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one)})}, {one, {.name = "rel1"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.size() == 4);
    CHECK(gathered->trouble.empty());
    CHECK(gathered->entry == "rel1 (" + one + ")");
    CHECK(run.took == 1ms + 1ms + 1ms + 2ms);  // link, redirect, link, replies
    const auto requests = run.links.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].sealed == requests[1].sealed);
    CHECK(requests[1].attempt == 2);
    SUBCASE("and the next request of the session goes there at once") {
        REQUIRE(run.go().has_value());
        CHECK(run.took == 2ms);
        CHECK(run.links.dialled == Endpoints{"a", one});
    }
}

TEST_CASE("all named relays are dialled at once, and the first that is up gets the request") {
    PaperMesh mesh(three());
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one), mesh.record("rel2", two)})},
                   {one, {.up_after = 9ms, .name = "rel1"}},
                   {two, {.up_after = 4ms, .name = "rel2"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->entry == "rel2 (" + two + ")");
    CHECK(run.took == 1ms + 1ms + 4ms + 2ms);
}

TEST_CASE("a named relay that is the spare already is asked without a dial") {
    PaperMesh mesh(three());
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one)}, 5ms)}, {"b", {.up_after = 2ms, .name = "rel1"}}});
    run.list[1].key = mesh.keys("rel1").curve.public_key;
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->entry == "rel1 (b)");
    CHECK(run.links.dialled == Endpoints{"a", "b"});
    CHECK(run.took == 1ms + 5ms + 2ms);
}

TEST_CASE("a named relay is preferred to a spare that may be a leaf, too; a frozen one only for the stagger") {
    PaperMesh mesh(three());
    bool frozen = false;
    SUBCASE("it comes up") { frozen = false; }
    SUBCASE("it is frozen") { frozen = true; }
    PaperLinks::Behaviour relay{.name = "rel1"};
    if (frozen) relay.up_after.reset();
    Run run(mesh,
            {{"a", leaf({mesh.record("rel1", one)}, 5ms)}, {"b", {.up_after = 2ms, .name = "web2"}}, {one, relay}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.size() == 4);
    CHECK(gathered->entry == (frozen ? "web2 (b)" : "rel1 (" + one + ")"));
    CHECK(run.took == 1ms + 5ms + (frozen ? EntryLink::stagger : 1ms) + 2ms);
}

TEST_CASE("relays that cannot be reached: the spare is asked at once") {
    PaperMesh mesh(three());
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one), mesh.record("rel2", two)}, 5ms)},
                   {"b", {.up_after = 2ms, .name = "web2"}},
                   {one, {.refused = "connection refused"}},
                   {two, {.refused = "connection refused"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.size() == 4);
    CHECK(gathered->entry == "web2 (b)");
    CHECK(run.took == 1ms + 5ms + 1ms + 2ms);
}

TEST_CASE("relays that cannot be reached and no spare: an error within milliseconds that names everybody") {
    PaperMesh mesh(three());
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one)})}, {one, {.refused = "connection refused"}}});
    const auto gathered = run.go();
    REQUIRE(!gathered.has_value());
    CHECK(gathered.error().code == proto::Errc::unreachable);
    CHECK(has(gathered.error().detail, "no relay took the request"));
    CHECK(has(gathered.error().detail, "leaf (a) takes no requests and names rel1 (" + one + ")"));
    CHECK(has(gathered.error().detail, one + ": connection refused\n    a relay, as leaf (a) says"));
    CHECK(run.took < 20ms);
    CHECK(run.links.requests().size() <= 1 + Gather::redirects_max);
}

TEST_CASE("forged records are not followed") {
    PaperMesh mesh(three()), strange(three());
    auto changed = mesh.record("rel1", one);
    changed[changed.size() / 2] ^= 1;
    const auto stolen =
        mesh.record("rel1", one, [&](auto& body) { body.curve_key = mesh.keys("rel2").curve.public_key; });
    const auto local = mesh.record("rel1", "ipc:///run/victim.sock");
    const auto lines = mesh.record("rel1", "tcp://relay1:1\n  tcp://good:1");
    for (const auto& bad :
         {changed, stolen, strange.record("rel1", one), local, lines, proto::Bytes{1, 2, 3}, proto::Bytes{}}) {
        Run alone(mesh, {{"a", leaf({bad})}, {one, {}}});
        const auto failed = alone.go();
        REQUIRE(!failed.has_value());
        CHECK(has(failed.error().detail, "no relay took the request:\n  leaf (a) takes no requests and names "));
        CHECK(alone.links.dialled == Endpoints{"a"});
        CHECK(alone.took == 2ms);
        Run beside(mesh, {{"a", leaf({bad, mesh.record("rel2", two)})}, {one, {}}, {two, {.name = "rel2"}}});
        REQUIRE(beside.go().has_value());
        CHECK(beside.links.dialled == Endpoints{"a", two});
    }
    Run nobody(mesh, {{"a", leaf({})}, {"b", {.up_after = 2ms}}});
    REQUIRE(nobody.go().has_value());
    CHECK(nobody.took == 1ms + 1ms + 2ms);  // nobody named: the spare
}

TEST_CASE("leaves that name each other are an error after a few redirects, not a loop") {
    PaperMesh mesh(three());
    const auto to_one = leaf({mesh.record("rel1", one)}, 1ms, "web1");
    const auto to_two = leaf({mesh.record("rel2", two)}, 1ms, "rel1");
    const auto back = leaf({mesh.record("rel1", one)}, 1ms, "rel2");
    Run run(mesh, {{"a", to_one}, {one, to_two}, {two, back}});
    const auto gathered = run.go();
    REQUIRE(!gathered.has_value());
    CHECK(has(gathered.error().detail, "no relay took the request, which was redirected 4 times:\n  web1 (a) takes"));
    CHECK(has(gathered.error().detail, "\n  rel2 (" + two + ") takes no requests and names rel1 (" + one + ")"));
    CHECK(run.links.requests().size() == 1 + Gather::redirects_max);
    CHECK(run.took < 20ms);
}

TEST_CASE("a leaf that names itself, and one that says so a thousand times, end the same way") {
    PaperMesh mesh(three());
    Run self(mesh, {{"a", leaf({mesh.record("web1", one)})}, {one, {}}});
    self.list[0].key = mesh.keys("web1").curve.public_key;
    CHECK(!self.go().has_value());
    CHECK(self.links.dialled == Endpoints{"a"});

    std::map<std::string, PaperLinks::Behaviour> entries{{one, {.refused = "refused"}}};
    entries["a"].hear = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        for (int i = 0; i < 1000; ++i)
            links.deliver(link, 1ms, proto::Redirect{id_of(*request), {mesh.record("rel1", one)}});
    };
    Run flood(mesh, entries);
    CHECK(!flood.go().has_value());
    CHECK(flood.links.requests().size() <= 1 + Gather::redirects_max);
    CHECK(flood.links.dialled.size() <= 2 + Gather::redirects_max);
}

TEST_CASE("both entries redirect in the same moment: each relay is dialled once") {
    PaperMesh mesh(three());
    const auto late = leaf({mesh.record("rel1", one)}, Gather::ack_patience + 3ms, "web1");  // the spare is asked then
    const auto prompt = leaf({mesh.record("rel1", one), mesh.record("rel2", two)}, 3ms, "web2");
    Run run(mesh, {{"a", late}, {"b", prompt}, {one, {.name = "rel1"}}, {two, {.up_after = 2ms, .name = "rel2"}}});
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.size() == 4);
    CHECK(gathered->trouble.empty());
    CHECK(gathered->entry == "rel1 (" + one + ")");
    CHECK(run.links.dialled == Endpoints{"a", "b", one, two});
    CHECK(run.links.requests().size() == 3);
    CHECK(run.took == 1ms + Gather::ack_patience + 3ms + 1ms + 2ms);
}

TEST_CASE("a relay that does not answer: the leaf is asked again, and may name another one by then") {
    PaperMesh mesh(three());
    int asked = 0;
    std::map<std::string, PaperLinks::Behaviour> entries{{one, deaf()}, {two, {.name = "rel2"}}};
    entries["a"].hear = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        const auto record = ++asked == 1 ? mesh.record("rel1", one) : mesh.record("rel2", two);
        links.deliver(link, 1ms, proto::Redirect{id_of(*request), {record}});
    };
    Run run(mesh, entries);
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->entry == "rel2 (" + two + ")");
    CHECK(gathered->attempts == 4);
    CHECK(run.took == 1ms + 1ms + 1ms + Gather::ack_patience + 1ms + 1ms + 2ms);
}

TEST_CASE("a slow relay is waited for when the leaf knows no other") {
    PaperMesh mesh(three());
    std::map<std::string, PaperLinks::Behaviour> entries{{"a", leaf({mesh.record("rel1", one)})},
                                                         {one, {.name = "rel1"}}};
    entries[one].hear = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        for (const auto& timed : mesh.honest(*request)) links.deliver(link, timed.after + 700ms, timed.message);
    };
    Run run(mesh, entries);
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.size() == 4);
    CHECK(gathered->trouble.empty());
}

TEST_CASE("a relay that took the request and died leaves a result that says so, and no error") {
    PaperMesh mesh(three());
    std::map<std::string, PaperLinks::Behaviour> entries{{"a", leaf({mesh.record("rel1", one)})},
                                                         {one, {.name = "rel1"}}};
    entries[one].hear = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        links.deliver(link, 1ms, proto::Ack{id_of(*request), request->attempt, 4});
        links.lose(link, 2ms, "connection reset");
    };
    Run run(mesh, entries);
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->trouble.size() == 1);
    CHECK(run.took < 20ms);
}

TEST_CASE("Ctrl-C while relays are dialled ends at once, and nothing is sent to who comes up then") {
    PaperMesh mesh(three());
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one)})}, {one, {.up_after = 50ms, .name = "rel1"}}});
    run.links.interrupt(10ms);
    const auto gathered = run.go();
    REQUIRE(!gathered.has_value());
    CHECK(gathered.error().code == proto::Errc::cancelled);
    CHECK(run.took == 10ms);
    CHECK(run.links.requests().size() == 1);
}

TEST_CASE("Ctrl-C at the relay withdraws the request there") {
    PaperMesh mesh(Nodes{healthy("rel1"), healthy("slow", 10s)});
    Run run(mesh, {{"a", leaf({mesh.record("rel1", one)})}, {one, {.name = "rel1"}}});
    run.links.interrupt(50ms);
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->interrupted);
    CHECK(names(*gathered) == Names{"rel1"});
    CHECK(std::holds_alternative<proto::Cancel>(run.links.sent.back().second));
    CHECK(run.links.requests().size() == 2);
}

TEST_CASE("a redirect of another request changes nothing") {
    PaperMesh mesh(three());
    std::map<std::string, PaperLinks::Behaviour> entries;
    entries["a"].hear = [&](PaperLinks& links, LinkId link, const proto::Message& message) {
        const auto* request = std::get_if<proto::Request>(&message);
        if (request == nullptr) return;
        links.deliver(link, 1ms, proto::Redirect{{}, {mesh.record("rel1", one)}});
        links.answer_honestly(link, *request);
    };
    Run run(mesh, entries);
    const auto gathered = run.go();
    REQUIRE(gathered.has_value());
    CHECK(run.links.dialled == Endpoints{"a"});
    CHECK(gathered->attempts == 1);
}

TEST_CASE("a former entry's refusal does not end a request that another entry has") {
    PaperMesh mesh(three());
    std::map<std::string, PaperLinks::Behaviour> entries{{"b", {.up_after = 2ms, .name = "web2"}}};
    entries["a"].hear = [](PaperLinks& links, LinkId link, const proto::Message& message) {
        if (const auto* request = std::get_if<proto::Request>(&message))
            links.deliver(link, Gather::ack_patience + 1ms,
                          proto::Refused{id_of(*request), proto::Errc::overloaded, "1024 requests are live"});
    };
    const auto gathered = Run(mesh, entries).go();
    REQUIRE(gathered.has_value());
    CHECK(gathered->replies.size() == 4);
}

}  // namespace
}  // namespace mco::client
