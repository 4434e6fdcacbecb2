#include <algorithm>

#include <fmt/format.h>

#include "client/account_json.hpp"
#include "client/applications/applications.hpp"
#include "client/applications/node_lines.hpp"
#include "client/discovery.hpp"
#include "client/results.hpp"
#include "client/session.hpp"
#include "proto/value.hpp"

namespace mco::client::applications {
namespace {

void declare(OptionSet& options) {
    declare_node_lines(options);
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

// What another discovery method found: the mesh is not asked whether it agrees.
ExitStatus echo(Context& context, const Target& target) {
    auto names = *target.nodes;
    if (context.options.has("sort")) std::sort(names.begin(), names.end());
    if (context.options.has("json")) {
        proto::Value::List list;
        for (const auto& name : names) list.emplace_back(proto::Value::Map{{"sender", name}});
        context.out() << visible_json(context.terminal.tty ? proto::to_pretty_json(list) : proto::to_json(list)) << '\n';
    } else if (context.options.has("jsonl")) {
        for (const auto& name : names)
            context.out() << visible_json(proto::to_json(proto::Value::Map{{"sender", name}})) << '\n';
        Account nobody_asked;
        nobody_asked.ledger.closure = proto::Closure::closed;
        context.out() << account_json({{"method", name(target.method)}}, nobody_asked, JsonForm::one_line);
    } else {
        for (const auto& name : names) context.out() << visible(name) << '\n';
    }
    if (context.verbose())
        context.err() << fmt::format("\nDiscovered {} nodes using the {} discovery\n", names.size(), name(target.method));
    return ExitStatus::ok;
}

proto::Result<ExitStatus> run(Context& context) {
    if (!context.options.words().empty())
        return proto::fail(proto::Errc::invalid, "takes no words; nodes are chosen with -I, -C, -F, -A or -W");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    auto lines = NodeLines::make(context, [](const Reply& reply) { return visible(reply.node) + "\n"; });
    if (!lines) return tl::unexpected(lines.error());
    const auto target = (*session)->target();
    if (!target) return tl::unexpected(target.error());
    if (target->method != Method::mesh) return echo(context, *target);
    auto found = discover(**session, *target, [&](const Reply& reply) { lines->print_as_it_comes(reply); });
    if (!found) return tl::unexpected(found.error());
    lines->finish(*found);
    const auto& replies = found->gathered.replies;
    if (context.verbose())
        context.err() << fmt::format("\nDiscovered {} nodes in {:.2f} seconds using the mesh discovery\n",
                                     replies.size(), milliseconds(found->gathered.took) / 1000.0);
    // Names only on standard output: it is read by programs.
    const auto absent = absent_block(found->account, context.terminal);
    context.err() << absent << ledger_lines(found->account, context.verbose() ? Show::always : Show::if_not_whole);
    if (replies.empty() && found->account.failures == 0) return ExitStatus::unusable;
    return (*session)->status(found->account, target->choice);
}

}  // namespace

const Command find{
    "find",
    "Find nodes that match filter criteria",
    "[options] [filters]",
    "mco find -F os.family=Debian\n"
    "mco find -W '/http/ country=uk' --sort\n"
    "mco find -S 'httpd and not country=uk' -v\n"
    "mco find -C httpd -j | jq -r '.[] | select(.missing) | .missing[].name'",
    declare,
    run,
    true,
};

}  // namespace mco::client::applications
