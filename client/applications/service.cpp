#include <array>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"

namespace mco::client::applications {
namespace {

constexpr auto actions = std::to_array<std::string_view>({"start", "stop", "restart", "status"});
constexpr std::array own_options{
    Option{"yes,y", "", Section::application, "Ask nothing, even if every node is meant"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

// After a change only those are of interest that are not as they should be.
bool is_worth_a_line(std::string_view action, std::string_view status) {
    if (action == "status") return true;
    return status != (action == "stop" ? "stopped" : "running");
}

proto::Result<ExitStatus> run(Context& context) {
    const auto words = read_name_action(context.options.words(), actions, {});
    if (!words) return tl::unexpected(words.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    if (words->action != "status" && is_unfiltered(context.options) && !context.options.has("yes") &&
        !confirm(context, "Do you really want to operate on services unfiltered?"))
        return ExitStatus::unusable;
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        const auto longest = longest_name(call.gathered.replies);
        for (const auto& reply : call.gathered.replies) {
            const auto status = text_of(reply, "status");
            if (reply.status != proto::StatusCode::ok) {
                text += named_line(reply, longest, reply.message);
            } else if (is_worth_a_line(words->action, status)) {
                text += named_line(reply, longest, status);
            }
        }
        return text;
    };
    return call_and_show(context, **session,
                         {.agent = "service", .action = words->action, .arguments = {{"service", words->name}}},
                         {.lines = lines, .caption = words->action + " Service results"});
}

}  // namespace

const Command service{
    "service",
    "Manages system services",
    "[options] [filters] SERVICE start | stop | restart | status",
    "mco service nginx status\n"
    "mco service nginx restart -C webserver\n"
    "mco service ssh stop -y -I web1",
    declare,
    run,
};

}  // namespace mco::client::applications
