#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/words.hpp"

namespace mco::client::applications {
namespace {

constexpr auto actions = std::to_array<std::string_view>({"touch", "remove", "status"});
constexpr std::array own_options{
    Option{"file,f", "FILE", Section::application, "The file, as an absolute path; mandatory"},
    Option{"details,d", "", Section::application, "Everything that is known of it"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

std::string lines_of(const AgentCall& call, bool details, const Terminal& terminal) {
    std::string text;
    for (const auto& reply : call.gathered.replies) {
        const auto* state = reply.data.find("output");
        const bool shows_state = call.action.name == "status" && state != nullptr && !state->is_null();
        if (details) {
            text += node_block(reply, call.action, terminal);
        } else if (shows_state || reply.status != proto::StatusCode::ok) {
            text += left(visible(reply.node), 40) + ": " + on_one_line(shows_state ? state->to_text() : reply.message) + "\n";
        }
    }
    return text;
}

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    const std::string action = words.empty() ? "touch" : words[0];
    if (words.size() > 1 || std::find(actions.begin(), actions.end(), action) == actions.end())
        return proto::fail(proto::Errc::invalid, not_known(words, actions) + "takes one of touch, remove and status");
    const auto file = context.options.value("file");
    if (!file) return proto::fail(proto::Errc::invalid, "option --file is mandatory\nLike this: mco filemgr -f /tmp/x status");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto lines = [&](const AgentCall& call) {
        return lines_of(call, context.options.has("details"), context.terminal);
    };
    return call_and_show(context, **session, {.agent = "filemgr", .action = action, .arguments = {{"file", *file}}},
                         {.lines = lines, .caption = "filemgr#" + action});
}

}  // namespace

const Command filemgr{
    "filemgr",
    "Generic File Manager Client",
    "[options] [filters] --file FILE [touch | remove | status]",
    "mco filemgr status --file /etc/resolv.conf\n"
    "mco filemgr --file /tmp/x touch -C webserver\n"
    "mco filemgr status --details --file /etc/hosts -I web1",
    declare,
    run,
};

}  // namespace mco::client::applications
