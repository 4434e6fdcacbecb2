#include <vector>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/discovery.hpp"
#include "client/results.hpp"
#include "client/session.hpp"

namespace mco::client::applications {
namespace {

void declare(OptionSet& options) {
    options.add(json_option());
    options.add(required_options());
    options.add(common_options());
    options.add(sort_option());
    options.add(filter_options());
}

proto::Result<ExitStatus> run(Context& context) {
    if (!context.options.words().empty())
        return proto::fail(proto::Errc::invalid, "takes no words; nodes are chosen with -I, -C, -F, -A or -W");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const bool json = context.options.has("json");
    const bool at_once = !json && !context.options.has("sort");
    auto found = discover(**session, [&](const Reply& reply) {
        if (at_once && reply.status == proto::StatusCode::ok) context.out() << visible(reply.node) << '\n' << std::flush;
    });
    if (!found) return tl::unexpected(found.error());
    auto& replies = found->gathered.replies;
    if (context.options.has("sort")) sort_by_node(replies);
    if (!json) {  // whoever refuses to say whether the filter means him was not found
        for (const auto& reply : replies) {
            if (reply.status != proto::StatusCode::ok)
                context.err() << visible(reply.node) << ": " << visible(reply.message) << '\n';
        }
        std::erase_if(replies, [](const Reply& reply) { return reply.status != proto::StatusCode::ok; });
    }
    if (json) {
        context.out() << json_array("discovery", "ping", replies,
                                    context.terminal.tty ? JsonForm::indented : JsonForm::one_line);
    } else if (!at_once) {
        for (const auto& reply : replies) context.out() << visible(reply.node) << '\n';
    }
    context.out() << std::flush;
    if (context.verbose())
        context.err() << fmt::format("\nDiscovered {} nodes in {:.2f} seconds using the mesh discovery\n",
                                     replies.size(), milliseconds(found->gathered.took) / 1000.0);
    // Names only on standard output: it is read by programs.
    const auto absent = absent_block(found->account, context.terminal);
    context.err() << absent << ledger_lines(found->account, context.verbose() ? Show::always : Show::if_not_whole);
    if (replies.empty() && found->account.failures == 0) return ExitStatus::unusable;
    return (*session)->status(found->account, found->choice);
}

}  // namespace

const Command find{
    "find",
    "Find nodes that match filter criteria",
    "[options] [filters]",
    "mco find -F os.family=Debian\n"
    "mco find -W '/http/ country=uk'",
    declare,
    run,
};

}  // namespace mco::client::applications
