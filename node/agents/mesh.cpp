#include "node/agents/mesh.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

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

Value started(const Call& call) {
    return static_cast<std::int64_t>(
        std::chrono::floor<std::chrono::seconds>(call.node->started.time_since_epoch()).count());
}

// null: not measured yet
Value rtt_ms(const Engine::LinkView& link) {
    const auto us = link.round_trip.count();
    return us == 0 ? Value() : Value(static_cast<double>(us) / 1000);
}

Value shown(const Engine::LinkView& link) {
    return Value::Map{{"name", link.name},
                      {"group", link.group},
                      {"role", word(link.role)},
                      {"proxy", !link.performs},
                      {"side", word(link.side)},
                      {"standing", word(link.standing)},
                      {"rtt_ms", rtt_ms(link)},
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
    return {.data = {{"role", word(view.role)},
                     {"gateway", view.gateway},
                     {"group", view.group},
                     {"version", MCO_VERSION},
                     {"started", started(call)},
                     {"members", count(view.members)},
                     {"other_groups", std::move(groups)},
                     {"links", std::move(links)},
                     {"links_left_out", count(left_out)}}};
}

// nullptr: there is no link to it; a publication may outlive that.
const Engine::LinkView* link_to(const MeshView& view, const proto::PeerId& peer) {
    const auto found = std::find_if(view.links.begin(), view.links.end(),
                                    [&](const Engine::LinkView& link) { return link.peer == peer; });
    return found == view.links.end() ? nullptr : &*found;
}

// Without a link its id has to do for a name.
Value::Map hop(const MeshView& view, const proto::PeerId& peer) {
    const auto* link = link_to(view, peer);
    if (link == nullptr) return {{"name", peer.hex()}, {"group", ""}, {"proxy", false}, {"rtt_ms", Value()}};
    return {{"name", link->name}, {"group", link->group}, {"proxy", !link->performs}, {"rtt_ms", rtt_ms(*link)}};
}

// null: a client brought it.
Value origin(const MeshView& view, const Engine::RequestView& request) {
    if (request.caller) return {};
    return hop(view, request.from);
}

ActionReply trace(const Call& call, proto::Instant now) {
    const auto& view = *call.mesh;
    if (!view.request)
        return {.status = proto::StatusCode::aborted,
                .message = "The mesh does not know any more how this request came here.",
                .data = {}};
    const auto& request = *view.request;
    Value::List asked;
    for (const auto& peer : request.asked) asked.emplace_back(hop(view, peer));
    const auto took = std::chrono::duration<double, std::milli>(now - call.began);
    return {.data = {{"from", origin(view, request)},
                     {"way", request.caller ? "client" : request.published ? "fanout" : "link"},
                     {"role", view.gateway ? "gateway" : word(view.role)},
                     {"group", view.group},
                     {"took_ms", took.count()},
                     {"asked", std::move(asked)}}};
}

// Of this node's admission and execution; "mesh." and "socket." are named where they are counted.
std::array<std::pair<std::string_view, std::uint64_t>, 15> named(const Counters& counters) {
    return {{{"request.total", counters.total},
             {"request.validated", counters.validated},
             {"request.unvalidated", counters.unvalidated},
             {"request.passed", counters.passed},
             {"request.filtered", counters.filtered},
             {"request.expired", counters.ttlexpired},
             {"request.replayed", counters.replayed},
             {"request.denied", counters.denied},
             {"request.invalid", counters.invalid},
             {"request.overloaded", counters.overloaded},
             {"request.timed_out", counters.timed_out},
             {"request.replies", counters.replies},
             {"request.audit_failed", counters.audit_failures},
             {"request.journal_failed", counters.journal_failures},
             {"request.data_failed", counters.data_failures}}};
}

ActionReply counters(const Call& call) {
    Value::Map counts;
    for (const auto& count : call.mesh->counters) counts.emplace(count.name, static_cast<std::int64_t>(count.value));
    for (const auto& [name, value] : named(call.counters)) counts.emplace(name, static_cast<std::int64_t>(value));
    return {.data = {{"started", started(call)}, {"counters", std::move(counts)}}};
}

}  // namespace

ActionReply Mesh::run(const Call& call, std::stop_token) {
    const bool known = call.action == "links" || call.action == "trace" || call.action == "counters";
    if (!known)
        return {.status = proto::StatusCode::unknown_action,
                .message = fmt::format("Unknown action '{}' for agent 'mesh'", call.action),
                .data = {}};
    if (call.mesh == nullptr)
        return {.status = proto::StatusCode::aborted, .message = "This node has no mesh to look at.", .data = {}};
    if (call.action == "trace") return trace(call, clock_());
    return call.action == "links" ? links(call) : counters(call);
}

}  // namespace mco::node
