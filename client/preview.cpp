#include "client/preview.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "client/account_json.hpp"
#include "client/node_list.hpp"
#include "client/results.hpp"
#include "client/words.hpp"
#include "proto/text_file.hpp"
#include "proto/value.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Value;

// The account of a set that was looked for and not asked.
Account found(const Target& target) {
    Target others{.filter = {},
                  .matcher = *proto::Matcher::compile({}),
                  .collective = target.collective,
                  .undiscovered = target.undiscovered,
                  .trouble = target.trouble};
    Gathered nothing;
    nothing.ledger.closure = proto::Closure::closed;
    auto account = settle(nothing, others);
    if (target.search) account.ledger = target.search->ledger;  // the missing are counted there
    return account;
}

}  // namespace

proto::Result<Frozen> read_frozen(const std::filesystem::path& file) {
    const auto text = proto::read_text_file(file, node_list_size_max);
    if (!text) return tl::unexpected(text.error());
    const auto wrong = [&](std::string_view why) {
        return fail(Errc::invalid, fmt::format("{}: {}\nMake one with: mco ... --preview -j > FILE", file.string(), why));
    };
    const auto object = proto::parse_json(*text);
    if (!object) return wrong(object.error().detail);
    const auto* collective = object->find("collective");
    const auto* nodes = object->find("nodes");
    if (collective == nullptr || collective->text() == nullptr || nodes == nullptr || nodes->list() == nullptr)
        return wrong("it has no \"collective\" and \"nodes\"");
    auto names = names_of_json(proto::to_json(*nodes), file.string());
    if (!names) return tl::unexpected(names.error());
    return Frozen{*collective->text(), std::move(*names)};
}

ExitStatus show_preview(Context& context, const Session& session, const Target& target, const Call& call) {
    const auto& nodes = *target.nodes;
    const auto account = found(target);
    if (context.options.has("json")) {
        context.out() << account_json({{"agent", call.agent},
                                       {"action", call.action},
                                       {"collective", call.collective},
                                       {"nodes", Value::List(nodes.begin(), nodes.end())}},
                                      account, context.terminal.tty ? JsonForm::indented : JsonForm::one_line);
    } else {
        for (const auto& name : nodes) context.out() << visible(name) << '\n';
    }
    context.out() << std::flush;
    context.err() << (nodes.empty() ? "No node would be asked.\n"
                                    : fmt::format("{} would be asked to do {} {}. Nothing was done.\n",
                                                  counted(nodes.size(), "node", "nodes"), call.agent, call.action))
                  << absent_block(account, context.terminal) << ledger_lines(account, Show::if_not_whole);
    if (nodes.empty()) return ExitStatus::unusable;
    return account.whole() ? ExitStatus::ok : session.incomplete();
}

proto::Result<ExitStatus> show_rights(Context& context, Session& session, const Target& target, const Call& call) {
    auto gathered = session.call(target, call, {});
    if (!gathered) return tl::unexpected(gathered.error());
    sort_by_node(gathered->replies);
    const auto account = settle(*gathered, target);
    const auto& replies = gathered->replies;
    if (context.options.has("json")) {
        context.out() << json_array(call.agent, call.action, replies,
                                    context.terminal.tty ? JsonForm::indented : JsonForm::one_line);
    } else {
        for (const auto& reply : replies) {
            const bool allowed = reply.status == proto::StatusCode::ok;
            context.out() << left(visible(reply.node), 40)
                          << (allowed ? " allowed" : " refused: " + on_one_line(reply.message)) << '\n';
        }
    }
    context.out() << std::flush;
    const auto allowed = std::count_if(replies.begin(), replies.end(), [](const Reply& reply) {
        return reply.status == proto::StatusCode::ok;
    });
    context.err() << fmt::format("{} of {} would do {} {} for you. Nothing was done.\n", allowed,
                                 counted(replies.size(), "node", "nodes"), call.agent, call.action)
                  << absent_block(account, context.terminal)
                  << ledger_lines(account, Show::if_not_whole);  // a refusal is an answer here
    return session.status(account, target.choice);
}

}  // namespace mco::client
