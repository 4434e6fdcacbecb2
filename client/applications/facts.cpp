#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/node_set.hpp"
#include "client/table.hpp"

namespace mco::client::applications {
namespace {

constexpr std::array table_option{
    Option{"table", "", Section::rpc, "The values as a table, with their nodes"},
};

void declare(OptionSet& options) {
    options.add(json_option());
    options.add(json_lines_option());
    options.add(table_option);
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

using NodesByValue = std::map<std::string, std::vector<std::string>>;  // both visible

NodesByValue nodes_by_value(const std::vector<Reply>& replies) {
    NodesByValue nodes_of;
    for (const auto& reply : replies) {
        const auto* value = reply.data.find("value");
        if (reply.status == proto::StatusCode::ok && value != nullptr && !value->is_null())
            nodes_of[visible(value->to_text())].push_back(visible(reply.node));
    }
    return nodes_of;
}

std::string fact_table(const NodesByValue& nodes_of) {
    Table table{.heading = {"Value", "Nodes", "Names"}, .rows = {}};
    for (const auto& [value, nodes] : nodes_of)
        table.rows.push_back({value, std::to_string(nodes.size()), fold_nodes(nodes)});
    return table_text(table);
}

// "        us                                       found 2 times", by value; with -v the nodes of each.
std::string fact_report(const std::string& fact, NodesByValue nodes_of, bool verbose) {
    std::size_t longest = 40;
    for (const auto& [value, nodes] : nodes_of) longest = std::max(longest, width(value));
    if (nodes_of.empty()) return fmt::format("No values found for fact {}\n", visible(fact));
    std::string text = fmt::format("Report for fact: {}\n\n", visible(fact));
    for (auto& [value, nodes] : nodes_of) {
        text += fmt::format("        {} found {} times\n", left(value, longest), nodes.size());
        if (!verbose) continue;
        std::sort(nodes.begin(), nodes.end());
        text += "\n";
        for (const auto& node : nodes) text += "            " + node + "\n";
        text += "\n";
    }
    return text;
}

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    if (words.size() != 1)
        return proto::fail(proto::Errc::invalid, "needs the name of one fact\nLike this: mco facts country");
    const auto showing = read_showing(context.options);
    if (!showing) return tl::unexpected(showing.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto question =
        prepare_question(**session, {.agent = "rpcutil", .action = "get_fact", .arguments = {{"fact", words[0]}}});
    if (!question) return tl::unexpected(question.error());
    if (context.options.has("json") || context.options.has("jsonl"))
        return ask_and_show(context, **session, *question, *showing, Remember::no);
    const auto& target = question->target;
    const auto gathered = (*session)->call(target, question->call, {});
    if (!gathered) return tl::unexpected(gathered.error());
    const auto account = settle(*gathered, target);
    if (means_nobody(account, target.choice)) {
        context.err() << nobody_lines(account, target);
        return ExitStatus::unusable;
    }
    const auto show = context.verbose() ? Show::always : Show::if_not_whole;
    auto nodes_of = nodes_by_value(gathered->replies);
    context.out() << (context.options.has("table") ? fact_table(nodes_of)
                                                   : fact_report(words[0], std::move(nodes_of), context.verbose()))
                  << '\n';
    for (const auto& reply : gathered->replies) {
        if (reply.status != proto::StatusCode::ok)
            context.err() << visible(reply.node) << ": " << on_one_line(reply.message) << '\n';
    }
    if (context.verbose()) {
        const Finish finish{.caption = "rpcutil#get_fact", .total = context.world.now().mono - context.started.mono};
        context.out() << statistics(*gathered, account, finish, context.terminal) << '\n';
    } else {
        context.out() << finished_line(*gathered, account, context.terminal) << '\n';
    }
    context.out() << absent_block(account, context.terminal) << ledger_lines(account, show);
    return (*session)->status(account, target.choice);
}

}  // namespace

const Command facts{
    "facts",
    "Reports on usage for a specific fact",
    "[options] [filters] FACT",
    "mco facts country\n"
    "mco facts os.family -v -C /http/\n"
    "mco facts kernelversion --table\n"
    "mco facts kernelversion -j | jq -r '.[] | [.sender, .data.value] | @tsv'",
    declare,
    run,
};

}  // namespace mco::client::applications
