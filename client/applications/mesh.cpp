#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/mesh_counters.hpp"
#include "client/mesh_drawing.hpp"
#include "client/mesh_trace.hpp"
#include "client/session.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;

constexpr std::array forms{
    Option{"dot", "", Section::application, "A graph of nodes and links, for Graphviz"},
};

void declare(OptionSet& options) {
    options.add(forms);
    options.add(json_option());
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

// What is asked of every node: an action of the agent mesh.
proto::Result<std::string> read_action(const Options& options) {
    const auto& words = options.words();
    if (words.empty()) return "links";
    if (words.size() > 1 || (words[0] != "trace" && words[0] != "counters"))
        return fail(Errc::invalid, fmt::format("takes 'trace', 'counters' or no word, not '{}'\n"
                                               "Nodes are chosen with -I, -C, -F, -A or -W.",
                                               words.size() > 1 ? words[1] : words[0]));
    if (options.has("dot")) return fail(Errc::invalid, fmt::format("--dot does not go with '{}'", words[0]));
    return words[0];
}

struct Answers {
    Gathered gathered;
    Account account;
};

std::string as_json(std::string_view action, const Answers& answers, JsonForm form) {
    const auto& [gathered, account] = answers;
    if (action == "trace") return trace_json(trace_request(gathered), gathered, account, form);
    if (action == "counters") return counters_json(add_counters(gathered), gathered, account, form);
    return mesh_json(map_mesh(gathered, account), account, form);
}

// "": nobody said anything.
std::string as_text(std::string_view action, const Answers& answers, const Terminal& terminal) {
    const auto& [gathered, account] = answers;
    if (action == "links") {
        const auto map = map_mesh(gathered, account);
        return map.nodes.empty() ? std::string() : mesh_tree(map, terminal, gathered.sent.wall);
    }
    std::string refused;
    for (const auto& reply : gathered.replies) {
        if (reply.status != proto::StatusCode::ok)
            refused += fmt::format("{}: {}\n", visible(reply.node), on_one_line(reply.message));
    }
    if (account.replies == 0) return {};
    if (action == "trace") return trace_text(trace_request(gathered)) + refused;
    return counters_table(add_counters(gathered)) + refused;
}

proto::Result<ExitStatus> run(Context& context) {
    const auto action_name = read_action(context.options);
    if (!action_name) return tl::unexpected(action_name.error());
    const bool json = context.options.has("json");
    const bool dot = context.options.has("dot");
    if (json && dot) return fail(Errc::invalid, "--json and --dot exclude each other");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto schema = (*session)->schema("mesh");
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action(*action_name);
    if (action == nullptr)
        return fail(Errc::not_found, fmt::format("the DDL of agent mesh has no action {}", *action_name));
    const auto target = (*session)->target("mesh");
    if (!target) return tl::unexpected(target.error());
    const auto call = (*session)->prepare(*target, *schema, *action, {});
    if (!call) return tl::unexpected(call.error());
    auto gathered = (*session)->call(*target, *call, {});
    if (!gathered) return tl::unexpected(gathered.error());

    auto account = settle(*gathered, *target);
    const Answers answers{std::move(*gathered), std::move(account)};
    const auto tail = absent_block(answers.account, context.terminal) +
                      ledger_lines(answers.account, context.verbose() ? Show::always : Show::if_not_whole);
    if (means_nobody(answers.account, target->choice)) context.err() << nobody_lines(answers.account, *target);
    if (json || dot) {
        const auto form = context.terminal.tty ? JsonForm::indented : JsonForm::one_line;
        context.out() << (dot ? mesh_dot(map_mesh(answers.gathered, answers.account))
                              : as_json(*action_name, answers, form));
        context.err() << tail;
    } else {
        const auto text = as_text(*action_name, answers, context.terminal);
        if (!text.empty())
            context.out() << text << '\n'
                          << finished_line(answers.gathered, answers.account, context.terminal) << '\n';
        context.out() << tail;
    }
    return (*session)->status(answers.account, target->choice);
}

}  // namespace

const Command mesh{
    "mesh",
    "Show who is linked with whom and how well, the way of a request, and what was counted",
    "[options] [filters]\n"
    "trace [options] [filters]\n"
    "counters [options] [filters]",
    "mco mesh\n"
    "mco mesh -I /^web/ -v\n"
    "mco mesh -j | jq '.groups[].nodes[] | select(.known != \"answered\") | .name'\n"
    "mco mesh --dot | dot -Tsvg > mesh.svg\n"
    "mco mesh trace\n"
    "mco mesh trace -I web7 -t 5\n"
    "mco mesh trace -j | jq -r '.paths[] | select(.total_ms > 50) | .node'\n"
    "mco mesh counters -F site=london\n"
    "mco mesh counters -j | jq '.counters[\"socket.send_full\"]'",
    declare,
    run,
};

}  // namespace mco::client::applications
