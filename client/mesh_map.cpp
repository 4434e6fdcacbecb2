#include "client/mesh_map.hpp"

#include <algorithm>
#include <string_view>

#include "client/foreign.hpp"

namespace mco::client {
namespace {

using foreign::flag;
using foreign::integer;
using foreign::list;
using foreign::real;
using foreign::text;
using proto::Value;
using Known = MeshMap::Known;

// "0.1.0" of "mcod 0.1.0".
std::string version_of(const std::string& software) {
    const auto blank = software.rfind(' ');
    return blank == std::string::npos ? software : software.substr(blank + 1);
}

MeshMap::Link read_link(const Value& said) {
    MeshMap::Link link;
    link.peer = text(said, "name");
    link.side = text(said, "side");
    link.standing = text(said, "standing");
    link.rtt_ms = real(said, "rtt_ms");
    link.up_s = integer(said, "up_s").value_or(0);
    link.silent_s = integer(said, "silent_s").value_or(0);
    link.flaps = integer(said, "flaps").value_or(0);
    return link;
}

void read_answer(MeshMap& map, const Reply& reply) {
    auto& node = map.nodes[reply.node];
    node.known = Known::answered;
    node.group = text(reply.data, "group");
    node.role = text(reply.data, "role");
    node.version = text(reply.data, "version");
    node.gateway = flag(reply.data, "gateway");
    node.started = integer(reply.data, "started");
    if (const auto members = integer(reply.data, "members")) node.members = std::max<std::int64_t>(*members, 0);
    node.links_left_out = integer(reply.data, "links_left_out").value_or(0);
    for (const auto& said : list(reply.data, "links")) {
        auto link = read_link(said);
        if (link.peer.empty()) continue;
        if (link.standing == "primary" && !node.relay()) node.primary = link.peer;
        if (link.standing == "standby" && !node.relay()) node.standby = link.peer;
        node.links.push_back(std::move(link));
    }
    std::stable_sort(node.links.begin(), node.links.end(),
                     [](const auto& a, const auto& b) { return a.peer < b.peer; });
    for (const auto& said : list(reply.data, "other_groups")) {
        auto& group = map.groups[text(said, "name")];
        group.members = std::max(group.members, integer(said, "members").value_or(0));
    }
}

// What a node that answered says of a peer. It counts where the peer itself says nothing.
void read_peer(MeshMap& map, const Reply& reply, const Value& said) {
    const auto name = text(said, "name");
    if (name.empty()) return;
    auto& peer = map.nodes[name];
    if (peer.known == Known::answered) return;
    const auto fill = [](std::string& known, std::string word) {
        if (known.empty()) known = std::move(word);
    };
    fill(peer.group, text(said, "group"));
    fill(peer.role, text(said, "role"));
    fill(peer.version, version_of(text(said, "software")));
    peer.proxy = peer.proxy || flag(said, "proxy");
    const auto own_group = text(reply.data, "group");
    peer.gateway = peer.gateway || (!peer.group.empty() && peer.group != own_group);  // only they have such links
    const auto standing = text(said, "standing");
    if (peer.relay()) return;
    if (standing == "primary") fill(peer.primary, reply.node);
    if (standing == "standby") fill(peer.standby, reply.node);
}

std::string usual_version(const MeshMap& map) {
    std::map<std::string, std::size_t> counts;
    for (const auto& [name, node] : map.nodes) {
        if (!node.version.empty()) ++counts[node.version];
    }
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == counts.end() ? std::string() : most->first;
}

void place(MeshMap& map, const std::string& name, const MeshMap::Node& node) {
    auto& group = map.groups[node.group];
    if (!node.proxy) ++group.nodes;
    if (node.gateway) {
        group.gateways.push_back(name);
    } else if (node.proxy && node.relay()) {
        group.proxies.push_back(name);
    } else if (node.relay()) {
        group.relays.push_back(name);
    } else {
        const auto primary = map.nodes.find(node.primary);
        const bool homed = primary != map.nodes.end() && primary->second.group == node.group &&
                           primary->second.relay() && node.primary != name;
        (homed ? group.leaves[node.primary] : group.lonely).push_back(name);
    }
}

}  // namespace

const MeshMap::Link* MeshMap::link(const std::string& from, const std::string& to) const {
    const auto view = [&](const std::string& whose, const std::string& of) -> const Link* {
        const auto node = nodes.find(whose);
        if (node == nodes.end()) return nullptr;
        const auto& links = node->second.links;
        const auto found = std::lower_bound(links.begin(), links.end(), of,
                                            [](const Link& link, const std::string& peer) { return link.peer < peer; });
        return found == links.end() || found->peer != of ? nullptr : &*found;
    };
    const auto* own = view(from, to);
    return own != nullptr ? own : view(to, from);
}

MeshMap map_mesh(const Gathered& gathered, const Account& account) {
    MeshMap map;
    for (const auto& reply : gathered.replies) {
        if (reply.status == proto::StatusCode::ok) {
            read_answer(map, reply);
            continue;
        }
        auto& node = map.nodes[reply.node];
        node.known = Known::refused;
        node.why = reply.message;
    }
    for (const auto& absent : account.absent) {
        if (!absent.missing) continue;
        if (is_group(*absent.missing)) {
            auto& group = map.groups[absent.missing->name];
            group.missing = absent.why;
            group.members = absent.missing->nodes;
        } else {
            auto& node = map.nodes[absent.missing->name];
            node.known = Known::missing;
            node.why = absent.why;
        }
    }
    for (const auto& reply : gathered.replies) {
        if (reply.status != proto::StatusCode::ok) continue;
        for (const auto& said : list(reply.data, "links")) read_peer(map, reply, said);
    }
    map.version = usual_version(map);
    for (const auto& [name, node] : map.nodes) place(map, name, node);
    return map;
}

}  // namespace mco::client
