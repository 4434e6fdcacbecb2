#include "client/applications/collectives.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "client/account_json.hpp"
#include "client/results.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

using Members = std::map<std::string, std::vector<std::string>>;  // collective -> nodes, all foreign text

Members members_of(const std::vector<Reply>& replies) {
    Members members;
    for (const auto& reply : replies) {
        const auto* value = reply.data.find("collectives");
        const auto* list = value == nullptr ? nullptr : value->list();
        if (reply.status != proto::StatusCode::ok || list == nullptr) continue;
        for (const auto& collective : *list) members[collective.to_text()].push_back(reply.node);
    }
    for (auto& [collective, nodes] : members) std::sort(nodes.begin(), nodes.end());
    return members;
}

// Smallest collective first, as in MCollective.
std::string table(const Members& members, std::size_t nodes) {
    struct Row {
        std::size_t count;
        std::string name;
        auto operator<=>(const Row&) const = default;
    };
    std::vector<Row> rows;
    for (const auto& [name, those] : members) rows.push_back({those.size(), visible(name)});
    std::sort(rows.begin(), rows.end());
    std::string text = "   " + left("Collective", 30) + " Nodes\n   " + left("==========", 30) + " =====\n";
    for (const auto& row : rows) text += fmt::format("   {} {}\n", left(row.name, 30), row.count);
    return text + fmt::format("\n   {} {}\n\n", right("Total nodes:", 30), nodes);
}

std::string graph_of(const Members& members) {
    std::string text = "graph {\n";
    for (const auto& [collective, nodes] : members) {
        text += fmt::format("   subgraph {} {{\n", dot_quoted(collective));
        for (const auto& node : nodes)
            text += fmt::format("      {} -- {}\n", dot_quoted(node), dot_quoted(collective));
        text += "   }\n";
    }
    return text + "}\n";
}

Result<void> write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text << std::flush;
    if (!file) return fail(Errc::invalid, fmt::format("{}: cannot be written", path));
    return {};
}

}  // namespace

Result<ExitStatus> report_collectives(Context& context, Session& session, const std::optional<std::string>& graph) {
    const auto schema = session.schema("rpcutil");
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action("collective_info");
    if (action == nullptr) return fail(Errc::not_found, "the DDL of agent rpcutil has no action collective_info");
    const auto target = session.target("rpcutil");
    if (!target) return tl::unexpected(target.error());
    const auto call = session.prepare(*target, *schema, *action, {});
    if (!call) return tl::unexpected(call.error());
    const bool json = context.options.has("json");
    auto& notes = json ? context.err() : context.out();
    if (graph) notes << "Retrieving collective info....\n" << std::flush;
    const auto gathered = session.call(*target, *call, {});
    if (!gathered) return tl::unexpected(gathered.error());
    const auto account = settle(*gathered, *target);
    const auto members = members_of(gathered->replies);
    const auto show = context.verbose() ? Show::always : Show::if_not_whole;
    if (json)
        context.out() << json_results("rpcutil", "collective_info", gathered->replies, account,
                                      json_form(context.terminal), show);
    const auto good = std::count_if(gathered->replies.begin(), gathered->replies.end(),
                                    [](const Reply& reply) { return reply.status == proto::StatusCode::ok; });
    if (graph) {
        if (auto written = write_file(*graph, graph_of(members)); !written) return tl::unexpected(written.error());
        notes << fmt::format("Graph of {} nodes has been written to \"{}\"\n", good, visible(*graph));
    } else if (!json) {
        context.out() << table(members, static_cast<std::size_t>(good));
    }
    for (const auto& reply : gathered->replies) {
        if (reply.status != proto::StatusCode::ok)
            context.err() << visible(reply.node) << ": " << on_one_line(reply.message) << '\n';
    }
    notes << absent_block(account, context.terminal)
          << ledger_lines(account, show);
    return session.status(account, target->choice);
}

}  // namespace mco::client::applications
