#include <array>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/words.hpp"

namespace mco::client::applications {
namespace {

constexpr auto actions = std::to_array<std::string_view>({"ping", "connect"});
constexpr std::array own_options{
    Option{"yes,y", "", Section::application, "Ask nothing, even if every node is meant"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    const bool ping = words.size() == 2 && words[0] == "ping";
    if (!ping && !(words.size() == 3 && words[0] == "connect"))
        return proto::fail(proto::Errc::invalid, not_known(words, actions) + "takes 'ping HOST' or 'connect HOST PORT'");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    if (is_unfiltered(context.options) && !context.options.has("yes") &&
        !confirm(context, "Do you really want to perform network tests unfiltered?"))
        return ExitStatus::unusable;
    std::map<std::string, std::string> arguments{{"fqdn", words[1]}};
    if (!ping) arguments.emplace("port", words[2]);
    const auto lines = [&](const AgentCall& call) {
        std::string all;
        const auto longest = longest_name(call.gathered.replies);
        for (const auto& reply : call.gathered.replies) {
            const auto* value = reply.data.find(ping ? "rtt" : "connect_status");
            const bool ok = reply.status == proto::StatusCode::ok && value != nullptr;
            const auto text = !ok ? reply.message : ping && value->real() ? fmt::format("{:.3f} ms", *value->real())
                                                                          : value->to_text();
            all += named_line(reply, longest, text);
        }
        return all;
    };
    return call_and_show(context, **session,
                         {.agent = "nettest", .action = words[0], .arguments = std::move(arguments)},
                         {.lines = lines, .caption = "nettest#" + words[0]});
}

}  // namespace

const Command nettest{
    "nettest",
    "Network tests from the nodes",
    "[options] [filters] ping HOST\n"
    "[options] [filters] connect HOST PORT",
    "mco nettest ping db1.example.net -C webserver\n"
    "mco nettest connect db1.example.net 5432 -C webserver\n"
    "mco nettest ping gateway.example.net -I 'web[1-3]' -j",
    declare,
    run,
};

}  // namespace mco::client::applications
