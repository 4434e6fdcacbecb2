#include "node/agents/mesh.hpp"

#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "node/mesh_view.hpp"

namespace mco::node {
namespace {

using mesh::Engine;
using proto::Value;

std::string_view word(Engine::Role role) {
    switch (role) {
        case Engine::Role::leaf:
            return "leaf";
        case Engine::Role::relay:
            return "relay";
    }
    return "unknown";
}

std::string_view word(mesh::Side side) {
    switch (side) {
        case mesh::Side::dialled:
            return "dialled";
        case mesh::Side::accepted:
            return "accepted";
    }
    return "unknown";
}

std::string_view word(proto::Standing standing) {
    switch (standing) {
        case proto::Standing::none:
            return "none";
        case proto::Standing::primary:
            return "primary";
        case proto::Standing::standby:
            return "standby";
    }
    return "unknown";
}

Value count(std::size_t number) { return static_cast<std::int64_t>(number); }
Value seconds(proto::Duration time) {
    return static_cast<std::int64_t>(std::chrono::floor<std::chrono::seconds>(time).count());
}

Value shown(const Engine::LinkView& link) {
    const auto us = link.round_trip.count();
    return Value::Map{{"name", link.name},
                      {"group", link.group},
                      {"role", word(link.role)},
                      {"proxy", !link.performs},
                      {"side", word(link.side)},
                      {"standing", word(link.standing)},
                      {"rtt_ms", us == 0 ? Value() : Value(static_cast<double>(us) / 1000)},  // null: not measured yet
                      {"up_s", seconds(link.up_for)},
                      {"silent_s", seconds(link.silent_for)},
                      {"flaps", link.flaps},
                      {"software", link.software}};
}

ActionReply links(const Call& call) {
    const auto& view = *call.mesh;
    Value::List groups, links;
    for (const auto& group : view.other_groups)
        groups.emplace_back(Value::Map{{"name", group.group}, {"members", group.members}, {"linked", group.linked}});
    for (const auto& link : view.links) {
        if (links.size() == Mesh::links_max) break;
        links.push_back(shown(link));
    }
    const auto left_out = view.links.size() - links.size();
    const auto started = std::chrono::floor<std::chrono::seconds>(call.node->started.time_since_epoch()).count();
    return {.data = {{"role", word(view.role)},
                     {"gateway", view.gateway},
                     {"group", view.group},
                     {"version", MCO_VERSION},
                     {"started", static_cast<std::int64_t>(started)},
                     {"members", count(view.members)},
                     {"other_groups", std::move(groups)},
                     {"links", std::move(links)},
                     {"links_left_out", count(left_out)}}};
}

}  // namespace

ActionReply Mesh::run(const Call& call, std::stop_token) {
    if (call.action != "links")
        return {.status = proto::StatusCode::unknown_action,
                .message = fmt::format("Unknown action '{}' for agent 'mesh'", call.action),
                .data = {}};
    if (call.mesh == nullptr)
        return {.status = proto::StatusCode::aborted, .message = "This node has no mesh to look at.", .data = {}};
    return links(call);
}

}  // namespace mco::node
