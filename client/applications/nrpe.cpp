#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"

namespace mco::client::applications {
namespace {

constexpr std::array<std::string_view, 4> states{"OK", "WARNING", "CRITICAL", "UNKNOWN"};

void declare(OptionSet& options) { declare_agent_options(options); }

// What a node said of the check; one that could not even run it knows nothing.
std::size_t state_of(const Reply& reply) {
    const auto* value = reply.data.find("exitcode");
    const auto* code = value == nullptr ? nullptr : value->integer();
    return code == nullptr || *code < 0 || *code > 3 ? 3 : static_cast<std::size_t>(*code);
}

std::string lines_of(const Reply& reply) {
    const auto* output = reply.data.find("output");
    const auto text = output == nullptr || output->to_text().empty() ? reply.message : output->to_text();
    return fmt::format("{} status={}\n    {}\n\n", left(visible(reply.node), 40), states[state_of(reply)],
                       visible(text));
}

std::string summary(const std::vector<Reply>& replies, const Terminal& terminal) {
    std::array<std::pair<std::string_view, std::size_t>, 4> counts;
    for (std::size_t i = 0; i < states.size(); ++i) counts[i] = {states[i], 0};
    for (const auto& reply : replies) ++counts[state_of(reply)].second;
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text = painted(terminal, Paint::bold, "Summary of Exit Code:") + "\n\n";
    for (const auto& [state, count] : counts) text += fmt::format("{} : {}\n", right(state, 10), count);
    return text + "\n";
}

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    if (words.size() != 1)
        return proto::fail(proto::Errc::invalid, "needs the name of one check\nLike this: mco nrpe check_load");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        for (const auto& reply : call.gathered.replies) {
            if (context.verbose() || state_of(reply) != 0) text += lines_of(reply);
        }
        return text + "\n" + summary(call.gathered.replies, context.terminal);
    };
    const auto status = call_and_show(
        context, **session, {.agent = "nrpe", .action = "runcommand", .arguments = {{"command", words[0]}}},
        {.lines = lines, .caption = "nrpe#runcommand", .summaries = Summaries::none});
    // A check that fails is a result, and not a failure of ours.
    return status && *status == ExitStatus::failed ? ExitStatus::ok : status;
}

}  // namespace

const Command nrpe{
    "nrpe",
    "Client to the Nagios Remote Plugin Execution system",
    "[options] [filters] CHECK",
    "mco nrpe check_load\n"
    "mco nrpe check_disk -v -C webserver\n"
    "mco nrpe check_swap -F country=uk -j | jq -r '.[] | select(.data.exitcode == 2) | .sender'",
    declare,
    run,
};

}  // namespace mco::client::applications
