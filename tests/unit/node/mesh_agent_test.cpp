#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "node/agents/mesh.hpp"
#include "node/mesh_view.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "proto/schema_library.hpp"
#include "proto/text_file.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using mesh::Engine;
using proto::Value;
using test::at;

Engine::LinkView link(std::string name) {
    Engine::LinkView link;
    link.name = std::move(name);
    link.group = "dc1";
    link.software = "mcod 0.1.0";
    link.role = Engine::Role::relay;
    link.side = mesh::Side::dialled;
    link.standing = proto::Standing::primary;
    link.round_trip = 310us;
    link.up_for = 90s;
    link.silent_for = 1500ms;
    link.flaps = 2;
    return link;
}

proto::Instant clock_of_test() { return at(5s).mono + 1500us; }

ActionReply run(MeshView view, std::string action = "links", Counters counters = {}) {
    auto node = std::make_shared<NodeView>();
    node->started = at(0s).wall;
    Call call;
    call.agent = "mesh";
    call.action = std::move(action);
    call.began = at(5s).mono;
    call.counters = counters;
    call.node = node;
    call.mesh = std::make_shared<const MeshView>(std::move(view));
    return Mesh(clock_of_test).run(call, {});
}

void check_outputs(std::string_view action, const ActionReply& reply) {
    test::Libdir libdir;
    const auto schema = proto::SchemaLibrary({libdir.path()}).load("mesh");
    REQUIRE(schema.has_value());
    const auto* declared = schema->find_action(action);
    REQUIRE(declared != nullptr);
    CHECK(declared->outputs.size() == reply.data.size());
    for (const auto& output : declared->outputs) CHECK_MESSAGE(reply.data.contains(output.name), output.name);
}

TEST_CASE("the agent mesh tells role, group and every link, with all the outputs of its DDL") {
    auto young = link("edge1");
    young.performs = false;
    young.round_trip = 0us;
    const auto reply = run({.role = Engine::Role::leaf,
                            .gateway = false,
                            .group = "dc1",
                            .members = 2,
                            .other_groups = {{"dc2", 400, false}},
                            .links = {link("rel1"), young}});
    REQUIRE(reply.status == proto::StatusCode::ok);
    CHECK(reply.data.at("role") == Value("leaf"));
    CHECK(reply.data.at("members") == Value(2));
    CHECK(reply.data.at("links_left_out") == Value(0));
    CHECK(reply.data.at("other_groups") ==
          Value(Value::List{Value::Map{{"name", "dc2"}, {"members", 400}, {"linked", false}}}));
    const auto& links = *reply.data.at("links").list();
    REQUIRE(links.size() == 2);
    CHECK(links[0] == Value(Value::Map{{"name", "rel1"},
                                       {"group", "dc1"},
                                       {"role", "relay"},
                                       {"proxy", false},
                                       {"side", "dialled"},
                                       {"standing", "primary"},
                                       {"rtt_ms", 0.31},
                                       {"up_s", 90},
                                       {"silent_s", 1},
                                       {"flaps", 2},
                                       {"software", "mcod 0.1.0"}}));
    CHECK(*links[1].find("proxy") == Value(true));
    CHECK(links[1].find("rtt_ms")->is_null());
    check_outputs("links", reply);
}

TEST_CASE("a trace tells who passed the request on, over which link, and whom this node asked in turn") {
    auto relay = link("rel1"), proxy = link("edge9");
    relay.peer.octets[0] = 1;
    proxy.peer.octets[0] = 9;
    proxy.group = "dc2";
    proxy.performs = false;
    proxy.round_trip = 0us;
    const MeshView view{.role = Engine::Role::relay,
                        .gateway = true,
                        .group = "dc1",
                        .links = {proxy, relay},
                        .request = Engine::RequestView{.from = relay.peer, .published = true, .asked = {proxy.peer}}};
    auto reply = run(view, "trace");
    REQUIRE(reply.status == proto::StatusCode::ok);
    CHECK(reply.data.at("from") ==
          Value(Value::Map{{"name", "rel1"}, {"group", "dc1"}, {"proxy", false}, {"rtt_ms", 0.31}}));
    CHECK(reply.data.at("way") == Value("fanout"));
    CHECK(reply.data.at("role") == Value("gateway"));
    CHECK(reply.data.at("group") == Value("dc1"));
    CHECK(reply.data.at("took_ms") == Value(1.5));
    CHECK(reply.data.at("asked") ==
          Value(Value::List{Value::Map{{"name", "edge9"}, {"group", "dc2"}, {"proxy", true}, {"rtt_ms", Value()}}}));
    check_outputs("trace", reply);

    auto by_link = view;
    by_link.request->published = false;
    by_link.links.clear();  // they ended since
    reply = run(by_link, "trace");
    CHECK(reply.data.at("way") == Value("link"));
    CHECK(*reply.data.at("from").find("name") == Value(relay.peer.hex()));

    auto entry = view;
    entry.request = Engine::RequestView{.caller = true};
    reply = run(entry, "trace");
    CHECK(reply.data.at("way") == Value("client"));
    CHECK(reply.data.at("from").is_null());

    auto forgotten = view;
    forgotten.request.reset();
    CHECK(run(forgotten, "trace").status == proto::StatusCode::aborted);
}

TEST_CASE("counters of sockets, mesh and admission come under their names, those at 0 too") {
    mesh::io::Host::Counters host;
    host.forged = 3;
    host.notices[static_cast<std::size_t>(mesh::NoticeKind::resent)] = 4;
    const auto reply = run({.counters = mesh::io::named(host)}, "counters", {.replayed = 5});
    REQUIRE(reply.status == proto::StatusCode::ok);
    const auto& counters = reply.data.at("counters");
    CHECK(*counters.find("socket.forged") == Value(3));
    CHECK(*counters.find("mesh.resent") == Value(4));
    CHECK(*counters.find("request.replayed") == Value(5));
    CHECK(*counters.find("socket.send_full") == Value(0));
    CHECK(counters.map()->size() == mesh::io::named(host).size() + sizeof(Counters) / sizeof(std::uint64_t));
    check_outputs("counters", reply);
}

TEST_CASE("every counter has a name of its own, which the document explains") {
    const auto text = proto::read_text_file(MCO_SOURCE_DIR "/docs/mesh.md", 1'000'000);
    REQUIRE(text.has_value());
    const auto reply = run({.counters = mesh::io::named({})}, "counters");
    for (const auto& [name, count] : *reply.data.at("counters").map())
        CHECK_MESSAGE(text->find("`" + name + "`") != std::string::npos, name);
}

TEST_CASE("the links of the largest relay fit in a reply, and what does not is counted") {
    MeshView view;
    for (std::size_t i = 0; i < Mesh::links_max + 10; ++i) {
        auto one = link(std::string(proto::limits::name_size_max, 'n'));
        one.group = one.software = std::string(proto::limits::name_size_max, 'g');
        one.up_for = one.silent_for = 24h * 365;
        view.links.push_back(std::move(one));
    }
    const auto reply = run(std::move(view));
    CHECK(reply.data.at("links").list()->size() == Mesh::links_max);
    CHECK(reply.data.at("links_left_out") == Value(10));
    const auto packed = proto::pack(Value(reply.data));
    CHECK(packed.size() < proto::limits::reply_size_max - 4096);
    CHECK(proto::unpack<Value>(packed).has_value());
}

TEST_CASE("the agent mesh fails without a mesh, and knows no other action") {
    Call call;
    call.action = "links";
    CHECK(Mesh(clock_of_test).run(call, {}).status == proto::StatusCode::aborted);
    call.action = "cut";
    CHECK(Mesh(clock_of_test).run(call, {}).status == proto::StatusCode::unknown_action);
}

}  // namespace
}  // namespace mco::node
