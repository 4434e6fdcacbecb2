#include "client/applications/agent_call.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <utility>

#include <fmt/format.h>

#include "client/aggregates.hpp"
#include "client/progress.hpp"
#include "client/words.hpp"
#include "proto/config_file.hpp"

namespace mco::client::applications {

using proto::Errc;
using proto::fail;
using proto::Result;

Result<NameAction> read_name_action(const std::vector<std::string>& words, std::span<const std::string_view> with_name,
                                    std::span<const std::string_view> without_name) {
    const auto is_one_of = [](std::span<const std::string_view> actions, const std::string& word) {
        return std::find(actions.begin(), actions.end(), word) != actions.end();
    };
    if (words.size() == 1 && is_one_of(without_name, words[0])) return NameAction{.name = {}, .action = words[0]};
    if (words.size() == 2) {
        if (is_one_of(with_name, words[0])) return NameAction{.name = words[1], .action = words[0]};
        if (is_one_of(with_name, words[1])) return NameAction{.name = words[0], .action = words[1]};
    }
    std::vector<std::string> known(with_name.begin(), with_name.end());
    const std::vector<std::string> alone(without_name.begin(), without_name.end());
    std::string text;
    if (words.size() == 2) text = fmt::format("neither '{}' nor '{}' is an action; ", words[0], words[1]);
    text += fmt::format("needs a name and one of {}", enumerate(known));
    if (!alone.empty()) text += fmt::format(", or one of {} alone", enumerate(alone));
    return fail(Errc::invalid, std::move(text));
}

bool is_unfiltered(const Options& options) {
    const auto filters = filter_options();
    const auto given = [&](const Option& option) { return options.has(option.names.substr(0, option.names.find(','))); };
    return std::none_of(filters.begin(), filters.end(), given) && !options.has("nodes") && !options.has("disc-method") &&
           !options.has("frozen");
}

bool confirm(Context& context, std::string_view question) {
    if (context.options.has("preview") || context.options.has("can-i")) return true;  // nothing will be done
    context.out() << question << " (y/n): " << std::flush;
    std::string answer;
    if (context.world.in == nullptr || !std::getline(*context.world.in, answer)) {
        context.out() << '\n';
        return false;
    }
    std::transform(answer.begin(), answer.end(), answer.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return answer == "y" || answer == "yes";
}

Result<Question> prepare_question(Session& session, Wanted wanted) {
    const auto schema = session.schema(wanted.agent);
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action(wanted.action);
    if (action == nullptr) {
        std::vector<std::string> known;
        for (const auto& one : schema->actions) known.push_back(one.name);
        const auto near = proto::nearest(wanted.action, std::vector<std::string_view>(known.begin(), known.end()));
        return fail(Errc::not_found, fmt::format("agent {} has no action '{}'{}; it has {}", wanted.agent, wanted.action,
                                                 near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), enumerate(known)));
    }
    auto inputs = proto::read_inputs(*action, wanted.arguments);
    if (!inputs) return tl::unexpected(inputs.error());
    auto target = wanted.target ? Result<Target>(std::move(*wanted.target)) : session.target(wanted.agent);
    if (!target) return tl::unexpected(target.error());
    auto call = session.prepare(*target, *schema, *action, std::move(*inputs));
    if (!call) return tl::unexpected(call.error());
    return Question{.agent = std::move(wanted.agent), .action = *action, .target = std::move(*target), .call = std::move(*call)};
}

Result<ExitStatus> ask_and_show(Context& context, Session& session, const Question& question, const Showing& showing,
                                Remember remember) {
    ReplyPrinter printer(context, question.agent, question.action, showing);
    auto gathered = session.call(question.target, question.call, printer.watcher());
    if (!gathered) return tl::unexpected(gathered.error());
    const auto account = settle(*gathered, question.target);
    if (remember == Remember::yes) session.remember(*gathered, account);
    const bool nobody = means_nobody(account, question.target.choice);
    if (nobody) context.err() << nobody_lines(account, question.target);
    printer.finish(*gathered, account, nobody ? ReplyPrinter::Meant::nobody : ReplyPrinter::Meant::some);
    return session.status(account, question.target.choice);
}

Result<AgentCall> call_agent(Context& context, Session& session, Wanted wanted) {
    auto question = prepare_question(session, std::move(wanted));
    if (!question) return tl::unexpected(question.error());
    Progress progress(context.out(), context.terminal,
                      context.options.has("no-progress") ? Progress::Wanted::no : Progress::Wanted::yes);
    std::uint32_t replies = 0, matched = 0;
    Gather::Watcher watcher;
    watcher.reply = [&](const Reply&) {
        ++replies;
        progress.show(replies, std::max(matched, replies));
    };
    watcher.progress = [&](const proto::Ledger& ledger) {
        matched = ledger.matched();
        progress.show(replies, std::max(matched, replies));
    };
    auto gathered = session.call(question->target, question->call, std::move(watcher));
    if (!gathered) return tl::unexpected(gathered.error());
    progress.finish();
    sort_by_node(gathered->replies);
    auto account = settle(*gathered, question->target);
    return AgentCall{.action = std::move(question->action),
                     .target = std::move(question->target),
                     .gathered = std::move(*gathered),
                     .account = std::move(account)};
}

namespace {

constexpr auto layouts_of_rpc = std::to_array<std::string_view>({"json", "jsonl", "table", "fold", "display"});

}  // namespace

Result<ExitStatus> call_and_show(Context& context, Session& session, Wanted wanted, const OwnLayout& own) {
    const bool as_rpc = std::any_of(layouts_of_rpc.begin(), layouts_of_rpc.end(),
                                    [&](std::string_view option) { return context.options.has(option); });
    if (as_rpc) {
        const auto showing = read_showing(context.options);
        if (!showing) return tl::unexpected(showing.error());
        const auto question = prepare_question(session, std::move(wanted));
        if (!question) return tl::unexpected(question.error());
        return ask_and_show(context, session, *question, *showing);
    }
    const auto call = call_agent(context, session, std::move(wanted));
    if (!call) return tl::unexpected(call.error());
    if (!call->nobody()) context.out() << own.lines(*call);
    return finish(context, session, *call, own.caption, own.summaries);
}

Result<void> own_layout_only(const Options& options, std::string_view what) {
    for (const auto option : layouts_of_rpc) {
        if (options.has(option))
            return fail(Errc::invalid, fmt::format("{} calls nodes again and again; --{} is for the replies of one call", what, option));
    }
    return {};
}

ExitStatus finish(Context& context, Session& session, const AgentCall& call, const std::string& caption,
                  Summaries summaries) {
    const auto& account = call.account;
    session.remember(call.gathered, account);
    if (call.nobody()) {
        context.err() << nobody_lines(account, call.target);
    } else {
        const auto blocks = summaries == Summaries::all
                                ? aggregate_blocks(call.action, call.gathered.replies, context.terminal)
                                : std::string();
        if (!blocks.empty()) context.out() << '\n' << blocks;
        const Finish what{.caption = caption, .total = context.world.now().mono - context.started.mono};
        context.out() << '\n'
                      << (context.verbose() ? statistics(call.gathered, account, what, context.terminal)
                                            : finished_line(call.gathered, account, context.terminal))
                      << '\n';
    }
    context.out() << absent_block(account, context.terminal)
                  << ledger_lines(account, context.verbose() ? Show::always : Show::if_not_whole);
    return session.status(account, call.target.choice);
}

std::size_t longest_name(std::span<const Reply> replies) {
    std::size_t longest = 0;
    for (const auto& reply : replies) longest = std::max(longest, width(visible(reply.node)));
    return longest;
}

std::string named_line(const Reply& reply, std::size_t longest, std::string_view text) {
    return right(visible(reply.node), longest + 3) + ": " + on_one_line(text) + "\n";
}

std::string text_of(const Reply& reply, std::string_view output) {
    const auto* value = reply.data.find(output);
    return value == nullptr || value->is_null() ? std::string() : value->to_text();
}

void declare_agent_options(OptionSet& options, std::span<const Option> own) {
    options.add(own);
    declare_layouts(options);
    options.add(progress_option());
    options.add(subset_options());
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

}  // namespace mco::client::applications
