#include <memory>

#include <doctest/doctest.h>

#include "node/agents/mesh.hpp"
#include "node/mesh_view.hpp"
#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "proto/schema_library.hpp"
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

ActionReply run(MeshView view) {
    auto node = std::make_shared<NodeView>();
    node->started = at(0s).wall;
    Call call;
    call.agent = "mesh";
    call.action = "links";
    call.node = node;
    call.mesh = std::make_shared<const MeshView>(std::move(view));
    return Mesh().run(call, {});
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
    test::Libdir libdir;
    const auto schema = proto::SchemaLibrary({libdir.path()}).load("mesh");
    REQUIRE(schema.has_value());
    REQUIRE(schema->actions.size() == 1);
    CHECK(schema->actions[0].outputs.size() == reply.data.size());
    for (const auto& output : schema->actions[0].outputs) CHECK_MESSAGE(reply.data.contains(output.name), output.name);
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
    CHECK(Mesh().run(call, {}).status == proto::StatusCode::aborted);
    call.action = "cut";
    CHECK(Mesh().run(call, {}).status == proto::StatusCode::unknown_action);
}

}  // namespace
}  // namespace mco::node
