#include "client/applications/inventory_report.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "client/inventory_script.hpp"
#include "client/inventory_template.hpp"
#include "client/results.hpp"
#include "proto/text_file.hpp"

namespace mco::client::applications {

using proto::Errc;
using proto::fail;
using proto::Result;

Result<InventoryReport> read_script(const std::string& file) {
    const auto text = proto::read_text_file(file, InventoryScript::size_max);
    if (!text) return tl::unexpected(text.error());
    auto script = InventoryScript::read(*text, file);
    if (!script) return tl::unexpected(script.error());
    const auto kept = std::make_shared<const InventoryScript>(std::move(*script));
    return [kept](std::span<const InventoryNode> nodes) { return kept->report(nodes); };
}

Result<InventoryReport> read_template(const std::string& text) {
    auto line = InventoryTemplate::read(text);
    if (!line) return tl::unexpected(line.error());
    const auto kept = std::make_shared<const InventoryTemplate>(std::move(*line));
    return [kept](std::span<const InventoryNode> nodes) {
        std::string lines;
        for (const auto& node : nodes) lines += kept->line(node);
        return Result<std::string>(std::move(lines));
    };
}

Result<ExitStatus> report_inventory(Context& context, Session& session, const InventoryReport& report) {
    const auto schema = session.schema("rpcutil");
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action("inventory");
    if (action == nullptr) return fail(Errc::not_found, "the DDL of agent rpcutil has no action inventory");
    const auto target = session.target("rpcutil");
    if (!target) return tl::unexpected(target.error());
    const auto call = session.prepare(*target, *schema, *action, {});
    if (!call) return tl::unexpected(call.error());
    auto gathered = session.call(*target, *call, {});
    if (!gathered) return tl::unexpected(gathered.error());
    const auto account = settle(*gathered, *target);

    sort_by_node(gathered->replies);
    const std::string time = local_time(context.started.wall);
    std::vector<InventoryNode> nodes;
    for (auto& reply : gathered->replies) {
        if (reply.status == proto::StatusCode::ok)
            nodes.push_back({.identity = reply.node, .data = std::move(reply.data), .time = time});
        else
            context.err() << visible(reply.node) << ": " << on_one_line(reply.message) << '\n';
    }
    const auto text = report(nodes);
    if (!text) return tl::unexpected(text.error());
    context.out() << *text << std::flush;
    if (means_nobody(account, target->choice)) context.err() << nobody_lines(account, *target);
    context.err() << absent_block(account, context.terminal)
                  << ledger_lines(account, context.verbose() ? Show::always : Show::if_not_whole);
    return session.status(account, target->choice);
}

}  // namespace mco::client::applications
