#include "client/entry_link.hpp"

#include <doctest/doctest.h>

#include "tests/unit/client/paper_mesh.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using test::PaperLinks;
using test::PaperMesh;
using Endpoints = std::vector<std::string>;

Entry entry(std::string endpoint, std::uint8_t machine) {
    Entry entry{std::move(endpoint), {}};
    entry.key.octets[0] = machine;
    return entry;
}

constexpr auto silent = [](PaperLinks&, Links::LinkId, const proto::Message&) {};

PaperLinks::Behaviour up_after(proto::Duration delay, std::string name) { return {delay, {}, std::move(name), silent}; }
PaperLinks::Behaviour frozen() { return {{}, {}, "frozen", silent}; }
PaperLinks::Behaviour dead(std::string why) { return {{}, std::move(why), "dead", silent}; }

struct Attached {
    std::string name;
    proto::Duration took;
    Endpoints dialled;
    bool up;
    std::string complaints;
};

Attached attach(std::map<std::string, PaperLinks::Behaviour> behaviours, std::vector<Entry> entries) {
    PaperMesh mesh({});
    PaperLinks links(mesh, std::move(behaviours));
    EntryLink link(std::move(entries), links);
    const auto before = mesh.now.mono;
    link.start();
    while (!link.up() && !link.exhausted()) link.wait(before + 60s);
    return {link.name(), mesh.now.mono - before, links.dialled, link.up(), link.complaints()};
}

TEST_CASE("the first two machines are dialled at once, and the first that is up is the entry") {
    const auto attached =
        attach({{"a", up_after(9ms, "web1")}, {"b", up_after(4ms, "web2")}, {"c", up_after(1ms, "web3")}},
               {entry("a", 1), entry("b", 2), entry("c", 3)});
    CHECK(attached.dialled == Endpoints{"a", "b"});
    CHECK(attached.name == "web2 (b)");
    CHECK(attached.took == 4ms);
}

TEST_CASE("a second way to the same machine comes after other machines") {
    const auto attached =
        attach({{"ipc", up_after(1ms, "web1")}, {"tcp1", up_after(1ms, "web1")}, {"tcp2", up_after(2ms, "web2")}},
               {entry("ipc", 1), entry("tcp1", 1), entry("tcp2", 2)});
    CHECK(attached.dialled == Endpoints{"ipc", "tcp2"});
}

TEST_CASE("a refused entry is followed by the next at once") {
    const auto attached = attach({{"a", dead("refused")}, {"b", dead("refused")}, {"c", up_after(3ms, "web3")}},
                                 {entry("a", 1), entry("b", 2), entry("c", 3)});
    CHECK(attached.name == "web3 (c)");
    CHECK(attached.took == 4ms);
}

TEST_CASE("frozen entries cost one stagger, not a time-out") {
    const auto attached = attach({{"a", frozen()}, {"b", frozen()}, {"c", up_after(3ms, "web3")}},
                                 {entry("a", 1), entry("b", 2), entry("c", 3)});
    CHECK(attached.name == "web3 (c)");
    CHECK(attached.took == EntryLink::stagger + 3ms);
}

TEST_CASE("when nobody is reachable every entry is named with its reason") {
    const auto attached =
        attach({{"a", dead("connection refused")}, {"b", dead("no such host")}}, {entry("a", 1), entry("b", 2)});
    CHECK(!attached.up);
    CHECK(attached.complaints == "  a: connection refused\n  b: no such host");
}

TEST_CASE("a lost entry is replaced by the spare, and a further one is dialled") {
    PaperMesh mesh({});
    PaperLinks links(mesh, {{"a", up_after(1ms, "web1")}, {"b", up_after(2ms, "web2")}, {"c", up_after(1ms, "web3")}});
    EntryLink link({entry("a", 1), entry("b", 2), entry("c", 3)}, links);
    link.start();
    const auto far = mesh.now.mono + 60s;
    CHECK(link.wait(far).changed);
    CHECK(!link.wait(far).changed);  // the spare
    CHECK(link.has_alternative());
    links.lose(1, 1ms, "connection reset");
    CHECK(link.wait(far).changed);
    CHECK(link.name() == "web2 (b)");
    CHECK(links.dialled == Endpoints{"a", "b", "c"});
}

TEST_CASE("an entry given up stays linked, and is taken again when nobody else is left") {
    PaperMesh mesh({});
    PaperLinks links(mesh, {{"a", up_after(1ms, "web1")}, {"b", up_after(2ms, "web2")}});
    EntryLink link({entry("a", 1), entry("b", 2)}, links);
    link.start();
    const auto far = mesh.now.mono + 60s;
    link.wait(far);
    link.wait(far);
    link.give_up_entry("silent");
    CHECK(link.name() == "web2 (b)");
    links.deliver(1, 1ms, proto::Ack{});
    CHECK(link.wait(far).messages.size() == 1);
    links.lose(2, 1ms, "gone");
    CHECK(link.wait(far).changed);
    CHECK(link.name() == "web1 (a)");
    links.lose(1, 1ms, "gone");
    link.wait(far);
    CHECK(link.exhausted());
}

TEST_CASE("pings of the entry are answered, nonsense is dropped") {
    PaperMesh mesh({});
    PaperLinks links(mesh, {{"a", up_after(1ms, "web1")}});
    EntryLink link({entry("a", 1)}, links);
    link.start();
    const auto far = mesh.now.mono + 60s;
    link.wait(far);
    links.deliver(1, 1ms, proto::Ping{.token = 42, .roster_digest = 0});
    CHECK(link.wait(far).messages.empty());
    REQUIRE(links.sent.size() == 1);
    CHECK(std::get<proto::Pong>(links.sent[0].second).token == 42);
}

}  // namespace
}  // namespace mco::client
