#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "client/aggregates.hpp"
#include "client/applications/applications.hpp"
#include "client/progress.hpp"
#include "client/results.hpp"
#include "client/session.hpp"
#include "client/words.hpp"

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
constexpr std::array rpc_options{
    Option{"display", "MODE", Section::rpc, "Which results to show: ok, failed or all; the DDL says which without it"},
};

void declare(OptionSet& options) {
    options.add(application_options);
    options.add(progress_option());
    options.add(json_option());
    options.add(rpc_options);
    options.add(subset_options());
    options.add(required_options());
    options.add(common_options());
    options.add(sort_option());
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

Result<proto::DisplayMode> read_display(const Options& options, proto::DisplayMode by_ddl) {
    const auto mode = options.value("display");
    if (!mode) return by_ddl;
    if (*mode == "ok") return proto::DisplayMode::ok;
    if (*mode == "failed") return proto::DisplayMode::failed;
    if (*mode == "all") return proto::DisplayMode::always;
    return fail(Errc::invalid, fmt::format("--display takes ok, failed or all, not '{}'", *mode));
}

Result<const proto::ActionSchema*> choose_action(const proto::AgentSchema& schema, const std::string& name) {
    if (const auto* action = schema.find_action(name)) return action;
    std::vector<std::string> known;
    for (const auto& action : schema.actions) known.push_back(action.name);
    return fail(Errc::not_found,
                fmt::format("agent {} has no action '{}'; it has {}", schema.name, name, enumerate(known)));
}

// Results as they come, the progress bar below them.
class Printer {
 public:
    Printer(Context& context, const proto::ActionSchema& action, proto::DisplayMode mode)
        : context_(context),
          action_(action),
          mode_(mode),
          at_once_(!context.options.has("json") && !context.options.has("sort")),
          progress_(context.out(), context.terminal,
                    context.options.has("json") || context.options.has("no-progress") ? Progress::Wanted::no
                                                                                      : Progress::Wanted::yes) {}

    Gather::Watcher watcher() {
        Gather::Watcher watcher;
        watcher.reply = [this](const Reply& reply) {
            ++replies_;
            if (at_once_) print(reply);
            progress();
        };
        watcher.progress = [this](const proto::Ledger& ledger) {
            matched_ = ledger.matched();
            progress();
        };
        return watcher;
    }

    void finish(std::vector<Reply>& replies) {
        progress_.finish();
        if (at_once_) return;
        if (context_.options.has("sort")) sort_by_node(replies);
        for (const auto& reply : replies) print(reply);
    }

 private:
    void print(const Reply& reply) {
        if (!context_.verbose() && !is_shown(reply, mode_)) return;
        progress_.clear();
        context_.out() << (context_.verbose() ? raw_block(reply) : node_block(reply, action_, context_.terminal))
                       << std::flush;
    }
    void progress() { progress_.show(replies_, std::max(matched_, replies_)); }

    Context& context_;
    const proto::ActionSchema& action_;
    proto::DisplayMode mode_;
    bool at_once_;
    Progress progress_;
    std::uint32_t replies_ = 0, matched_ = 0;
};

void report_json(Context& context, const Call& call, Gathered& gathered, const Account& account) {
    if (context.options.has("sort")) sort_by_node(gathered.replies);
    context.out() << json_array(call.agent, call.action, gathered.replies,
                                context.terminal.tty ? JsonForm::indented : JsonForm::one_line);
    context.err() << absent_block(account, context.terminal)
                  << ledger_lines(account, context.verbose() ? Show::always : Show::if_not_whole);
}

void report(Context& context, const Call& call, const proto::ActionSchema& action, const Gathered& gathered,
            const Account& account) {
    const auto aggregates = aggregate_blocks(action, gathered.replies, context.terminal);
    if (!aggregates.empty()) context.out() << '\n' << aggregates;
    if (context.verbose()) {
        const Finish finish{.caption = call.agent + "#" + call.action,
                            .total = context.world.now().mono - context.started.mono};
        context.out() << '\n' << statistics(gathered, account, finish, context.terminal) << '\n';
    } else {
        context.out() << '\n' << finished_line(gathered, account, context.terminal) << '\n';
    }
    context.out() << absent_block(account, context.terminal)
                  << ledger_lines(account, context.verbose() ? Show::always : Show::if_not_whole);
}

Result<ExitStatus> run(Context& context) {
    auto words = read_words(context.options);
    if (!words) return tl::unexpected(words.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto schema = (*session)->schema(words->agent);
    if (!schema) return tl::unexpected(schema.error());
    const auto action = choose_action(*schema, words->action);
    if (!action) return tl::unexpected(action.error());
    const auto mode = read_display(context.options, (*action)->display);
    if (!mode) return tl::unexpected(mode.error());
    auto inputs = proto::read_inputs(**action, words->arguments);
    if (!inputs) return tl::unexpected(inputs.error());
    const auto target = (*session)->target(words->agent);
    if (!target) return tl::unexpected(target.error());
    auto call = (*session)->prepare(*target, *schema, **action, std::move(*inputs));
    if (!call) return tl::unexpected(call.error());
    call->wants_reply = !context.options.has("no-results");

    Printer printer(context, **action, *mode);
    auto gathered = (*session)->call(*target, *call, call->wants_reply ? printer.watcher() : Gather::Watcher());
    if (!gathered) return tl::unexpected(gathered.error());
    if (!call->wants_reply) {
        if (!gathered->trouble.empty()) return fail(Errc::unreachable, gathered->trouble.front());
        context.out() << "Request sent with id: " << gathered->request.hex() << '\n';
        return ExitStatus::ok;
    }
    const auto account = settle(*gathered, *target);
    (*session)->remember(*gathered, account);
    const bool nobody =
        account.replies == 0 && account.failures == 0 && account.whole() && target->choice == Choice::by_filter;
    if (nobody) context.err() << "No request sent, we did not discover any nodes.\n";
    if (context.options.has("json")) {
        report_json(context, *call, *gathered, account);
    } else if (!nobody) {
        printer.finish(gathered->replies);
        report(context, *call, **action, *gathered, account);
    }
    return (*session)->status(account, target->choice);
}

}  // namespace

const Command rpc{
    "rpc",
    "Generic RPC agent client application",
    "[options] [filters] AGENT ACTION [KEY=VALUE ...]\n"
    "[options] [filters] -a AGENT --action ACTION [--arg KEY=VALUE ...]",
    "mco rpc rpcutil ping\n"
    "mco rpc rpcutil get_fact fact=country -C /http/\n"
    "mco rpc rpcutil inventory -I web1 -j",
    declare,
    run,
    true,
};

}  // namespace mco::client::applications
