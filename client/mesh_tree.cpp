#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "client/mesh_drawing.hpp"
#include "client/tree.hpp"
#include "client/words.hpp"

namespace mco::client {
namespace {

using Known = MeshMap::Known;

// A peer says something every five seconds at the latest.
constexpr std::int64_t long_silence_s = 15;

class Drawing {
 public:
    Drawing(const MeshMap& map, const Terminal& terminal, proto::WallTime now)
        : map_(map), terminal_(terminal), now_(now) {}

    std::string text() const {
        std::string text;
        for (const auto& [name, group] : map_.groups) {
            if (!name.empty()) text += drawn(group_branch(name, group)) + "\n";
        }
        const auto nowhere = map_.groups.find("");
        if (nowhere != map_.groups.end() && nowhere->second.nodes > 0) text += drawn(group_branch("", nowhere->second)) + "\n";
        return text + versions();
    }

 private:
    std::string doubtful(const std::string& text) const { return painted(terminal_, Paint::yellow, text); }
    std::string bad(const std::string& text) const { return painted(terminal_, Paint::red, text); }

    Branch group_branch(const std::string& name, const MeshMap::Group& group) const {
        Branch branch{name.empty() ? "group not known" : visible(name), {}, {}};
        if (!group.missing.empty()) {
            branch.details = {counted(static_cast<std::uint64_t>(group.members), "node", "nodes"), bad(group.missing)};
        } else if (group.nodes + group.proxies.size() == 0) {
            branch.details = {fmt::format("about {}, none of which was asked",
                                          counted(static_cast<std::uint64_t>(group.members), "node", "nodes"))};
        } else {
            branch.details = {counted(group.nodes, "node", "nodes")};
        }
        std::int64_t members = 0;  // as its best-informed relay knows
        for (const auto* relays : {&group.gateways, &group.relays}) {
            for (const auto& relay : *relays) members = std::max(members, map_.nodes.at(relay).members.value_or(0));
        }
        for (const auto* relays : {&group.gateways, &group.relays, &group.proxies}) {
            for (const auto& relay : *relays) branch.children.push_back(relay_branch(relay, group, members));
        }
        if (!group.lonely.empty()) {
            auto* into = &branch.children;
            if (!name.empty()) {
                branch.children.push_back({"without a relay", {}, {}});
                into = &branch.children.back().children;
            }
            for (const auto& leaf : group.lonely) into->push_back(leaf_branch(leaf));
        }
        return branch;
    }

    Branch relay_branch(const std::string& name, const MeshMap::Group& group, std::int64_t members) const {
        const auto& node = map_.nodes.at(name);
        Branch branch{visible(name), {}, {}};
        std::string role = node.gateway ? "gateway" : "relay";
        if (node.proxy) role += ", proxy";
        branch.details.push_back(role);
        add_state(branch, name, node);
        if (node.known == Known::answered && node.members.value_or(0) < members)
            branch.details.push_back(
                doubtful(fmt::format("knows only {} of {} members", node.members.value_or(0), members)));
        add_relay_links(branch, name, node, group);
        const auto leaves = group.leaves.find(name);
        if (leaves != group.leaves.end()) {
            for (const auto& leaf : leaves->second) branch.children.push_back(leaf_branch(leaf));
        }
        return branch;
    }

    Branch leaf_branch(const std::string& name) const {
        const auto& node = map_.nodes.at(name);
        Branch branch{visible(name), {}, {}};
        if (node.proxy) branch.details.push_back("proxy");
        if (const auto* link = node.primary.empty() ? nullptr : map_.link(name, node.primary)) {
            add_link(branch, *link);
            branch.details.push_back(node.standby.empty() ? "no standby" : "standby " + visible(node.standby));
        }
        add_state(branch, name, node);
        const auto* spare = node.standby.empty() ? nullptr : map_.link(name, node.standby);
        if (spare != nullptr && is_odd(*spare)) {
            Branch odd{"! " + visible(node.standby), {"standby"}, {}};
            add_link(odd, *spare);
            branch.children.push_back(std::move(odd));
        }
        return branch;
    }

    static bool is_odd(const MeshMap::Link& link) { return link.flaps > 0 || link.silent_s > long_silence_s; }

    void add_state(Branch& branch, const std::string& name, const MeshMap::Node& node) const {
        using namespace std::chrono;
        switch (node.known) {
            case Known::answered:
                if (node.started) {
                    const auto age =
                        floor<seconds>(now_.time_since_epoch()) - seconds(std::max<std::int64_t>(*node.started, 0));
                    branch.details.push_back("up " + length_of(std::max(age, seconds(0))));
                }
                break;
            case Known::refused:
                branch.details.push_back(bad("refused: " + visible(node.why)));
                break;
            case Known::missing:
                branch.details.push_back(bad("no answer"));  // the block below the tree tells why
                break;
            case Known::by_peers:
                if (!node.proxy) branch.details.push_back("was not asked, or has no agent mesh");
                if (node.relay()) add_peers_view(branch, name);
                break;
        }
        if (!node.version.empty() && node.version != map_.version)
            branch.details.push_back(doubtful("version " + visible(node.version)));
    }

    // Who does not answer itself: what the first of its neighbours sees.
    void add_peers_view(Branch& branch, const std::string& name) const {
        for (const auto& [other, node] : map_.nodes) {
            if (node.known != Known::answered) continue;
            const auto* link = map_.link(other, name);
            if (link == nullptr) continue;
            branch.details.push_back("as " + visible(other) + " sees it:");
            add_link(branch, *link);
            return;
        }
    }

    void add_link(Branch& branch, const MeshMap::Link& link) const {
        branch.details.push_back(link.rtt_ms ? fmt::format("{:.2f} ms", *link.rtt_ms) : "not measured yet");
        const auto seen = fmt::format("seen {} ago", length_of(std::chrono::seconds(link.silent_s)));
        branch.details.push_back(link.silent_s > long_silence_s ? doubtful(seen) : seen);
        if (const auto lost = losses(link); !lost.empty()) branch.details.push_back(lost);
    }

    std::string losses(const MeshMap::Link& link) const {
        if (link.flaps <= 0) return {};
        const auto text =
            fmt::format("lost {}, up for {}", counted(static_cast<std::uint64_t>(link.flaps), "time", "times"),
                        length_of(std::chrono::seconds(link.up_s)));
        return link.flapping() ? bad("flapping: " + text) : text;
    }

    // Among relays of one group everybody is linked with everybody, so only what differs is worth a line.
    void add_relay_links(Branch& branch, const std::string& name, const MeshMap::Node& node,
                         const MeshMap::Group& group) const {
        if (node.known != Known::answered) return;
        std::optional<double> least, most;  // of what was measured
        std::size_t relays = 0;
        for (const auto& link : node.links) {
            const auto& peer = map_.nodes.at(link.peer);
            if (peer.group != node.group) {
                Branch abroad{fmt::format("=> {} by {}", visible(peer.group), visible(link.peer)), {}, {}};
                add_link(abroad, link);
                branch.children.push_back(std::move(abroad));
                continue;
            }
            if (!peer.relay()) continue;
            ++relays;
            if (link.rtt_ms) {
                least = std::min(least.value_or(*link.rtt_ms), *link.rtt_ms);
                most = std::max(most.value_or(*link.rtt_ms), *link.rtt_ms);
            }
            const bool told_there = peer.known == Known::answered && link.peer < name;
            if (!told_there && is_odd(link)) {
                Branch odd{"! " + visible(link.peer), {}, {}};
                add_link(odd, link);
                branch.children.push_back(std::move(odd));
            }
        }
        std::string linked = "linked with " + counted(relays, "relay", "relays");
        if (least)
            linked +=
                *most > *least ? fmt::format(", {:.2f}-{:.2f} ms", *least, *most) : fmt::format(", {:.2f} ms", *most);
        if (relays > 0) branch.details.push_back(std::move(linked));
        for (const auto* others : {&group.gateways, &group.relays, &group.proxies}) {
            for (const auto& other : *others) {
                if (other == name || node.links_left_out > 0 || map_.link(name, other) != nullptr) continue;
                const auto& peer = map_.nodes.at(other);
                if (peer.known == Known::missing || (peer.known == Known::answered && other < name)) continue;
                branch.children.push_back({"! " + visible(other), {doubtful("no link")}, {}});
            }
        }
    }

    std::string versions() const {
        std::map<std::string, std::size_t> counts;
        for (const auto& [name, node] : map_.nodes) {
            if (!node.version.empty()) ++counts[visible(node.version)];
        }
        std::vector<std::string> parts;
        for (const auto& [version, count] : counts)
            parts.push_back(fmt::format("{} on {}", version, counted(count, "node", "nodes")));
        if (parts.empty()) return {};
        const auto line = "Versions: " + enumerate(parts);
        return (parts.size() > 1 ? doubtful(line) : line) + "\n";
    }

    const MeshMap& map_;
    const Terminal& terminal_;
    proto::WallTime now_;
};

}  // namespace

std::string mesh_tree(const MeshMap& map, const Terminal& terminal, proto::WallTime now) {
    return Drawing(map, terminal, now).text();
}

}  // namespace mco::client
