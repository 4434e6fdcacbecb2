#include <array>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"

namespace mco::client::applications {
namespace {

constexpr std::array own_options{
    Option{"yes,y", "", Section::application, "Ask nothing, even if every node is meant"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

proto::Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    const bool ping = words.size() == 2 && words[0] == "ping";
    if (!ping && !(words.size() == 3 && words[0] == "connect"))
        return proto::fail(proto::Errc::invalid, "takes 'ping HOST' or 'connect HOST PORT'");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    if (is_unfiltered(context.options) && !context.options.has("yes") &&
        !confirm(context, "Do you really want to perform network tests unfiltered?"))
        return ExitStatus::unusable;
    std::map<std::string, std::string> arguments{{"fqdn", words[1]}};
    if (!ping) arguments.emplace("port", words[2]);
    const auto call = call_agent(context, **session, "nettest", words[0], std::move(arguments));
    if (!call) return tl::unexpected(call.error());
    const auto& replies = call->gathered.replies;
    if (wants_json(context)) print_json(context, "nettest", *call);
    for (const auto& reply : replies) {
        if (wants_json(context)) break;
        const auto* value = reply.data.find(ping ? "rtt" : "connect_status");
        const bool ok = reply.status == proto::StatusCode::ok && value != nullptr;
        const auto text = !ok ? reply.message : ping && value->real() ? fmt::format("{:.3f} ms", *value->real())
                                                                      : value->to_text();
        context.out() << named_line(reply, longest_name(replies), text);
    }
    return finish(context, **session, *call, "nettest#" + words[0]);
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
