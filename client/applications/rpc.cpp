#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::array application_options{
    Option{"agent,a", "AGENT", Section::application, "The agent, if it is not the first word"},
    Option{"action", "ACTION", Section::application, "The action, if it is not a word"},
    Option{"argument,arg", "KEY=VALUE", Section::application, "An argument; the same as a word KEY=VALUE"},
    Option{"no-results,nr", "", Section::application, "Print the request's id and do not wait for results"},
};
void declare(OptionSet& options) {
    options.add(application_options);
    options.add(progress_option());
    declare_layouts(options);
    options.add(subset_options());
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

struct Words {
    std::string agent, action;
    std::map<std::string, std::string> arguments;
};

Result<Words> read_words(const Options& options) {
    Words words;
    std::vector<std::string> rest(options.words().begin(), options.words().end());
    const auto take = [&](std::string_view option, std::string& into) {
        if (const auto value = options.value(option)) {
            into = *value;
        } else if (!rest.empty()) {
            into = rest.front();
            rest.erase(rest.begin());
        }
        return !into.empty();
    };
    if (!take("agent", words.agent) || !take("action", words.action))
        return fail(Errc::invalid, "needs an agent and an action\nLike this: mco rpc rpcutil get_fact fact=country");
    const auto given = options.values("argument");
    rest.insert(rest.begin(), given.begin(), given.end());
    for (const auto& word : rest) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(Errc::invalid, fmt::format("could not parse argument '{}'; arguments are KEY=VALUE", word));
        words.arguments[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return words;
}

Result<ExitStatus> run(Context& context) {
    auto words = read_words(context.options);
    if (!words) return tl::unexpected(words.error());
    const auto showing = read_showing(context.options);
    if (!showing) return tl::unexpected(showing.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    auto question = prepare_question(**session, {.agent = std::move(words->agent),
                                                 .action = std::move(words->action),
                                                 .arguments = std::move(words->arguments)});
    if (!question) return tl::unexpected(question.error());
    if (!context.options.has("no-results")) return ask_and_show(context, **session, *question, *showing);
    question->call.wants_reply = false;
    const auto gathered = (*session)->call(question->target, question->call, {});
    if (!gathered) return tl::unexpected(gathered.error());
    if (!gathered->trouble.empty()) return fail(Errc::unreachable, gathered->trouble.front());
    context.out() << "Request sent with id: " << gathered->request.hex() << '\n';
    return ExitStatus::ok;
}

}  // namespace

const Command rpc{
    "rpc",
    "Generic RPC agent client application",
    "[options] [filters] AGENT ACTION [KEY=VALUE ...]\n"
    "[options] [filters] -a AGENT --action ACTION [--arg KEY=VALUE ...]",
    "mco rpc rpcutil ping\n"
    "mco rpc rpcutil get_fact fact=country -C /http/ --table\n"
    "mco rpc service restart service=nginx -F role=web --display failed\n"
    "mco rpc package status package=openssl --display all --fold\n"
    "mco rpc rpcutil inventory -I web1 -j | jq '.[0].data.facts'\n"
    "mco rpc rpcutil ping --jsonl | jq -r 'select(.ledger) | .missing[].name'",
    declare,
    run,
    true,
};

}  // namespace mco::client::applications
