#include <array>

#include "client/applications/applications.hpp"
#include "client/mesh_drawing.hpp"
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

proto::Result<ExitStatus> run(Context& context) {
    if (!context.options.words().empty())
        return fail(Errc::invalid, "takes no words; nodes are chosen with -I, -C, -F, -A or -W");
    const bool json = context.options.has("json");
    const bool dot = context.options.has("dot");
    if (json && dot) return fail(Errc::invalid, "--json and --dot exclude each other");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto schema = (*session)->schema("mesh");
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action("links");
    if (action == nullptr) return fail(Errc::not_found, "the DDL of agent mesh has no action links");
    const auto target = (*session)->target("mesh");
    if (!target) return tl::unexpected(target.error());
    const auto call = (*session)->prepare(*target, *schema, *action, {});
    if (!call) return tl::unexpected(call.error());
    const auto gathered = (*session)->call(*call, {});
    if (!gathered) return tl::unexpected(gathered.error());

    const auto account = settle(*gathered, target->filter, target->matcher);
    const auto show = context.verbose() ? Show::always : Show::if_not_whole;
    if (account.replies == 0 && account.whole() && target->choice == Choice::by_filter)
        context.err() << "No request sent, we did not discover any nodes.\n";
    const auto map = map_mesh(*gathered, account);
    if (json || dot) {
        const auto form = context.terminal.tty ? JsonForm::indented : JsonForm::one_line;
        context.out() << (json ? mesh_json(map, account, form) : mesh_dot(map));
        context.err() << absent_block(account, context.terminal) << ledger_lines(account, show);
    } else if (!map.nodes.empty()) {
        context.out() << mesh_tree(map, context.terminal, gathered->sent.wall) << '\n'
                      << finished_line(*gathered, account, context.terminal) << '\n'
                      << absent_block(account, context.terminal) << ledger_lines(account, show);
    } else {
        context.out() << absent_block(account, context.terminal) << ledger_lines(account, show);
    }
    return (*session)->status(account, target->choice);
}

}  // namespace

const Command mesh{
    "mesh",
    "Show who is linked with whom, and how well",
    "[options] [filters]",
    "mco mesh\n"
    "mco mesh -I /^web/ -v\n"
    "mco mesh -j | jq '.groups[].nodes[] | select(.known != \"answered\") | .name'\n"
    "mco mesh --dot | dot -Tsvg > mesh.svg",
    declare,
    run,
};

}  // namespace mco::client::applications
