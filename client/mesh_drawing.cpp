#include "client/mesh_drawing.hpp"

#include <chrono>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "client/account_json.hpp"

namespace mco::client {
namespace {

using proto::Value;
using Known = MeshMap::Known;

std::string_view word(Known known) {
    switch (known) {
        case Known::answered:
            return "answered";
        case Known::refused:
            return "refused";
        case Known::missing:
            return "missing";
        case Known::by_peers:
            return "by_peers";
    }
    return "unknown";
}

Value number(std::optional<std::int64_t> number) { return number ? Value(*number) : Value(); }

Value value_of(const MeshMap::Link& link) {
    return Value::Map{{"peer", link.peer},         {"side", link.side},
                      {"standing", link.standing}, {"rtt_ms", link.rtt_ms ? Value(*link.rtt_ms) : Value()},
                      {"up_s", link.up_s},         {"silent_s", link.silent_s},
                      {"flaps", link.flaps},       {"flapping", link.flapping()}};
}

Value value_of(const std::string& name, const MeshMap::Node& node) {
    Value::List links;
    for (const auto& link : node.links) links.push_back(value_of(link));
    return Value::Map{{"name", name},
                      {"known", word(node.known)},
                      {"why", node.why},
                      {"role", node.role},
                      {"gateway", node.gateway},
                      {"proxy", node.proxy},
                      {"version", node.version},
                      {"started", number(node.started)},
                      {"members", number(node.members)},
                      {"primary", node.primary},
                      {"standby", node.standby},
                      {"links", std::move(links)},
                      {"links_left_out", node.links_left_out}};
}

// Names by which nothing foreign becomes part of the syntax.
class Ids {
 public:
    explicit Ids(const MeshMap& map) {
        for (const auto& [name, node] : map.nodes) ids_.emplace(name, fmt::format("n{}", ids_.size()));
    }
    const std::string& of(const std::string& name) const { return ids_.at(name); }

 private:
    std::map<std::string, std::string> ids_;
};

std::string dot_node(const MeshMap::Node& node, const std::string& name) {
    std::string text = "label=" + dot_quoted(name);
    text += node.proxy     ? ", shape=diamond"
            : node.gateway ? ", shape=box, peripheries=2"
            : node.relay() ? ", shape=box"
                           : ", shape=ellipse";
    switch (node.known) {
        case Known::answered:
            break;
        case Known::refused:
        case Known::missing:
            text += ", color=red, fontcolor=red, tooltip=" + dot_quoted(node.why);
            break;
        case Known::by_peers:
            text += ", style=dashed";
            break;
    }
    return text;
}

std::string dot_link(const MeshMap::Link& link) {
    std::string text = "label=\"";
    if (link.rtt_ms) text += fmt::format("{:.2f} ms", *link.rtt_ms);
    if (link.flaps > 0) text += fmt::format(" lost {}x", link.flaps);
    text += "\"";
    if (link.standing == "standby") text += ", style=dashed";
    if (link.flapping()) text += ", color=red";
    return text;
}

}  // namespace

std::string mesh_json(const MeshMap& map, const Account& account, JsonForm form) {
    std::map<std::string, Value::List> nodes;
    for (const auto& [name, node] : map.nodes) nodes[node.group].push_back(value_of(name, node));
    Value::List groups;
    for (const auto& [name, group] : map.groups) {
        auto& those = nodes[name];
        if (name.empty() && those.empty()) continue;
        groups.emplace_back(Value::Map{
            {"group", name}, {"members", group.members}, {"why", group.missing}, {"nodes", std::move(those)}});
    }
    Value::Map whole{{"groups", std::move(groups)}, {"version", map.version}};
    return account_json(std::move(whole), account, form);
}

std::string mesh_dot(const MeshMap& map) {
    const Ids ids(map);
    std::map<std::string, std::string> clusters;
    for (const auto& [name, node] : map.nodes)
        clusters[node.group] += fmt::format("    {} [{}];\n", ids.of(name), dot_node(node, name));
    std::string text = "graph mesh {\n  overlap=false;\n";
    std::size_t number = 0;
    for (const auto& [name, group] : map.groups) {
        if (!group.missing.empty())
            clusters[name] += fmt::format("    g{} [label={}, shape=plaintext, fontcolor=red];\n", number,
                                          dot_quoted(fmt::format("{} nodes: {}", group.members, group.missing)));
        if (!clusters.contains(name)) continue;
        text += fmt::format("  subgraph cluster_{} {{\n    label={};\n{}  }}\n", number++, dot_quoted(name),
                            clusters.at(name));
    }
    std::set<std::pair<std::string, std::string>> drawn;
    for (const auto& [name, node] : map.nodes) {
        for (const auto& link : node.links) {
            if (!drawn.insert(std::minmax(name, link.peer)).second) continue;
            text += fmt::format("  {} -- {} [{}];\n", ids.of(name), ids.of(link.peer), dot_link(link));
        }
    }
    return text + "}\n";
}

}  // namespace mco::client
