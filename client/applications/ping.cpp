#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/applications/node_lines.hpp"
#include "client/discovery.hpp"
#include "client/results.hpp"
#include "client/session.hpp"

namespace mco::client::applications {
namespace {

constexpr std::array graph{
    Option{"graph,g", "", Section::application, "Append a sparkline of the replies, one tick for 50 ms"},
};

void declare(OptionSet& options) {
    options.add(graph);
    declare_node_lines(options);
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

std::string line(const Reply& reply) {
    return fmt::format("{} time={:.2f} ms\n", left(visible(reply.node), 40), milliseconds(reply.took));
}

// How many replies came in each 50 ms, from the first to the last.
std::string reply_graph(const std::vector<Reply>& replies) {
    constexpr std::size_t columns_max = 200;
    std::map<std::int64_t, std::size_t> buckets;
    for (const auto& reply : replies) ++buckets[reply.took.count() / 50'000];
    if (buckets.empty()) return {};
    const auto first = buckets.begin()->first;
    const auto last = std::min<std::int64_t>(buckets.rbegin()->first, first + static_cast<std::int64_t>(columns_max));
    std::vector<std::size_t> counts;
    for (auto bucket = first; bucket <= last; ++bucket) {
        const auto found = buckets.find(bucket);
        counts.push_back(found == buckets.end() ? 0 : found->second);
    }
    return sparkline(counts);
}

enum class Graph { shown, hidden };
std::string ping_statistics(const std::vector<Reply>& replies, Graph graph_wanted) {
    std::string text = "\n\n---- ping statistics ----\n";
    if (replies.empty()) return text + "No responses received\n";
    const auto [least, most] = std::minmax_element(replies.begin(), replies.end(),
                                                   [](const Reply& a, const Reply& b) { return a.took < b.took; });
    double sum = 0;
    for (const auto& reply : replies) sum += milliseconds(reply.took);
    text += fmt::format("{} replies max: {:.2f} min: {:.2f} avg: {:.2f} ", replies.size(), milliseconds(most->took),
                        milliseconds(least->took), sum / static_cast<double>(replies.size()));
    return text + (graph_wanted == Graph::shown ? reply_graph(replies) : std::string()) + "\n";
}

std::string broken_facts(const std::vector<Reply>& replies) {
    std::string text;
    for (const auto& reply : replies) {
        const auto name = visible(reply.node);
        if (!text_of(reply, "facts_broken").empty())
            text += fmt::format("{}: a file of its facts cannot be read, so they may be old; see mco inventory {}\n", name, name);
    }
    return text;
}

proto::Result<ExitStatus> run(Context& context) {
    if (!context.options.words().empty())
        return proto::fail(proto::Errc::invalid, "takes no words; nodes are chosen with -I, -C, -F, -A or -W");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    auto lines = NodeLines::make(context, line);
    if (!lines) return tl::unexpected(lines.error());
    const auto target = (*session)->target();
    if (!target) return tl::unexpected(target.error());
    auto found = discover(**session, *target, [&](const Reply& reply) { lines->print_as_it_comes(reply); });
    if (!found) return tl::unexpected(found.error());
    lines->finish(*found);
    const bool graph_wanted = context.options.has("graph") || (*session)->config().ping_graph;
    if (!lines->for_programs())
        context.out() << ping_statistics(found->gathered.replies, graph_wanted ? Graph::shown : Graph::hidden);
    auto& notes = lines->for_programs() ? context.err() : context.out();
    if (context.verbose()) notes << broken_facts(found->gathered.replies);
    const auto tail = absent_block(found->account, context.terminal) +
                      ledger_lines(found->account, context.verbose() ? Show::always : Show::if_not_whole);
    if (!tail.empty()) notes << '\n' << tail;
    return (*session)->status(found->account, Choice::by_name);
}

}  // namespace

const Command ping{
    "ping",
    "Ping all nodes",
    "[options] [filters]",
    "mco ping\n"
    "mco ping -C /http/ --graph\n"
    "mco ping -F country=uk -I 'web[1-3]'",
    declare,
    run,
};

}  // namespace mco::client::applications
