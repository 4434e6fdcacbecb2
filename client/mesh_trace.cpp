#include "client/mesh_trace.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "client/account_json.hpp"
#include "client/foreign.hpp"

namespace mco::client {
namespace {

using proto::Value;

// A request crosses six at most (docs/mesh.md). Nodes that lie may name each other without end.
constexpr std::size_t hops_max = 8;

struct Said {
    const Reply* reply = nullptr;
    std::string role, group;
};
// The last part of the way to somebody. `from` empty: the client.
struct Edge {
    std::string from, way;
    std::optional<double> rtt_ms;
};
// What others say of who said nothing itself.
struct Heard {
    std::string group;
    bool proxy = false, gateway = false;
    std::optional<Edge> edge;
    bool disputed = false;  // several asked it; which of them came first nobody knows
};

class Ways {
 public:
    explicit Ways(const Gathered& gathered) : gathered_(gathered) {
        for (const auto& reply : gathered.replies) {
            if (reply.status == proto::StatusCode::ok)
                said_[reply.node] = {&reply, foreign::text(reply.data, "role"), foreign::text(reply.data, "group")};
        }
        for (const auto& [name, one] : said_) {
            if (const auto* from = one.reply->data.find("from")) hear(*from, one);
            for (const auto& asked : foreign::list(one.reply->data, "asked")) {
                auto* heard = hear(asked, one);
                if (heard == nullptr) continue;
                heard->disputed = heard->disputed || (heard->edge && heard->edge->from != name);
                heard->edge = Edge{name, "link", foreign::real(asked, "rtt_ms")};
            }
        }
    }

    Trace::Path path(const std::string& node) const {
        const auto& said = said_.at(node);
        Trace::Path path{.node = node, .hops = {}, .took_ms = foreign::real(said.reply->data, "took_ms")};
        path.total_ms = milliseconds(said.reply->took);
        std::set<std::string> passed;
        std::string at = node;
        for (;;) {
            // Not more than can be true, and nobody twice.
            auto edge = passed.size() < hops_max && passed.insert(at).second ? way_to(at) : std::nullopt;
            path.hops.push_back(hop_to(at, edge));
            if (!edge) break;
            if (edge->from.empty()) return reversed(std::move(path));
            at = std::move(edge->from);
        }
        path.hops.emplace_back();
        const auto& entry = gathered_.entry_node;
        if (!entry.empty() && !passed.contains(entry)) path.hops.push_back(hop_to(entry, from_client(entry)));
        return reversed(std::move(path));
    }
    const std::map<std::string, Said>& said() const { return said_; }

 private:
    static Trace::Path reversed(Trace::Path path) {
        std::reverse(path.hops.begin(), path.hops.end());
        return path;
    }

    Heard* hear(const Value& peer, const Said& by) {
        const auto name = foreign::text(peer, "name");
        if (name.empty() || said_.contains(name)) return nullptr;
        auto& heard = heard_[name];
        if (heard.group.empty()) heard.group = foreign::text(peer, "group");
        heard.proxy = heard.proxy || foreign::flag(peer, "proxy");
        heard.gateway = heard.gateway || (!heard.group.empty() && !by.group.empty() && heard.group != by.group);
        return &heard;
    }

    Edge from_client(const std::string& name) const {
        Edge edge{.from = {}, .way = "client", .rtt_ms = {}};
        if (name == gathered_.entry_node && gathered_.entry_round_trip)
            edge.rtt_ms = milliseconds(*gathered_.entry_round_trip);
        return edge;
    }

    std::optional<Edge> way_to(const std::string& name) const {
        if (const auto found = said_.find(name); found != said_.end()) {
            const auto& data = found->second.reply->data;
            auto way = foreign::text(data, "way");
            if (way == "client") return from_client(name);
            const auto* from = data.find("from");
            auto parent = from == nullptr ? std::string() : foreign::text(*from, "name");
            if (parent.empty()) return std::nullopt;
            return Edge{std::move(parent), std::move(way), foreign::real(*from, "rtt_ms")};
        }
        if (name == gathered_.entry_node) return from_client(name);
        const auto heard = heard_.find(name);
        return heard == heard_.end() || heard->second.disputed ? std::nullopt : heard->second.edge;
    }

    Trace::Hop hop_to(const std::string& name, const std::optional<Edge>& edge) const {
        Trace::Hop hop{.to = name, .role = {}, .group = {}, .way = {}, .rtt_ms = {}};
        if (edge) {
            hop.way = edge->way;
            hop.rtt_ms = edge->rtt_ms;
        }
        if (const auto said = said_.find(name); said != said_.end()) {
            hop.role = said->second.role;
            hop.group = said->second.group;
        } else if (const auto heard = heard_.find(name); heard != heard_.end()) {
            hop.group = heard->second.group;
            // Only relays pass requests on, and only gateways to another group.
            hop.role = heard->second.proxy ? "proxy" : heard->second.gateway ? "gateway" : "relay";
        }
        return hop;
    }

    const Gathered& gathered_;
    std::map<std::string, Said> said_;
    std::map<std::string, Heard> heard_;
};

Value number(std::optional<double> number) { return number ? Value(*number) : Value(); }

Value known(const std::string& name) {
    if (name.empty()) return {};
    return name;
}

Value value_of(const Trace::Path& path) {
    Value::List hops;
    for (const auto& hop : path.hops)
        hops.emplace_back(Value::Map{{"to", known(hop.to)},
                                     {"role", hop.role},
                                     {"group", hop.group},
                                     {"way", hop.way},
                                     {"rtt_ms", number(hop.rtt_ms)}});
    return Value::Map{{"node", path.node},
                      {"hops", std::move(hops)},
                      {"took_ms", number(path.took_ms)},
                      {"total_ms", path.total_ms}};
}

}  // namespace

Trace trace_request(const Gathered& gathered) {
    const Ways ways(gathered);
    Trace trace{.entry = gathered.entry_node, .paths = {}};
    for (const auto& [name, said] : ways.said()) trace.paths.push_back(ways.path(name));
    return trace;
}

std::string trace_json(const Trace& trace, const Gathered& gathered, const Account& account, JsonForm form) {
    Value::List paths;
    for (const auto& path : trace.paths) paths.push_back(value_of(path));
    Value::Map whole{{"entry", trace.entry}, {"paths", std::move(paths)}, {"refused", refusals(gathered)}};
    return account_json(std::move(whole), account, form);
}

}  // namespace mco::client
