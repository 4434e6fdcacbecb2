// mco registration: what MCollective's nodes sent by themselves, asked for by the one who wants it. One request a round, whatever the
// size of the fleet: answers are merged on their way, and nobody has to keep what a collector that is away does not fetch.

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/registrations.hpp"
#include "client/session.hpp"
#include "client/terminal.hpp"
#include "client/words.hpp"
#include "security/rfc3339.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;
using proto::Value;

constexpr std::array own{
    Option{"to", "FOLDER", Section::application, "Keep the last record of each node in FOLDER/NODE.json"},
    Option{"append", "FILE", Section::application, "Write each record as a line of JSON behind the others in FILE"},
    Option{"every", "SECONDS", Section::application, "Go on, so often (otherwise registerinterval; 0 is once)"},
};

void declare(OptionSet& options) {
    options.add(own);
    options.add(json_option());
    options.add(subset_options());
    options.add(common_options());
    options.add(required_options());
    options.add(filter_options());
}

bool everybody(const Options& options) {
    return is_unfiltered(options) && !options.has("one") && !options.has("limit-nodes") && !options.has("target");
}

void tell(Context& context, const LifeEvent& event) {
    if (!event.news && !context.verbose()) return;
    if (context.options.has("json")) {
        Value::Map line{{"event", name(event.life)}, {"node", event.node}, {"time", security::to_rfc3339(event.time)}};
        if (!event.detail.empty()) line.emplace("detail", event.detail);
        context.out() << visible_json(proto::to_json(line)) << '\n';
    } else {
        context.out() << fmt::format("{} {} {}{}\n", security::to_rfc3339(event.time), name(event.life), visible(event.node),
                                     event.detail.empty() ? "" : ": " + visible(event.detail));
    }
    context.out().flush();  // somebody follows it
}

// `meta`: what filters can ask for, in the form that --dm inventory reads; `agentlist`: the agents only.
Registrations::Record record_of(const Reply& reply, bool meta) {
    const auto member = [&](std::string_view key) {
        const auto* value = reply.data.find(key);
        return value == nullptr ? Value() : *value;
    };
    Registrations::Record record{.node = reply.node, .version = member("version").to_text(), .body = {{"name", reply.node}}};
    if (const auto started = member("starttime"); started.integer() != nullptr) record.started = *started.integer();
    record.body.emplace("agents", member("agents"));
    if (meta) {
        for (const auto* key : {"classes", "collectives", "facts"}) record.body.emplace(key, member(key));
    }
    return record;
}

struct Round {
    Account account;
    ExitStatus status = ExitStatus::ok;
    std::size_t records = 0;
    bool interrupted = false;
};
Result<Round> one_round(Context& context, Session& session, Registrations& all) {
    const bool meta = session.config().registration_meta;
    const auto schema = session.schema("rpcutil");
    if (!schema) return tl::unexpected(schema.error());
    const auto* action = schema->find_action(meta ? "inventory" : "daemon_stats");
    if (action == nullptr) return fail(Errc::not_found, "the DDL of agent rpcutil lacks the actions inventory and daemon_stats");
    const auto target = session.target("rpcutil");
    if (!target) return tl::unexpected(target.error());
    const auto call = session.prepare(*target, *schema, *action, {});
    if (!call) return tl::unexpected(call.error());
    const auto gathered = session.call(*target, *call, {});
    if (!gathered) return tl::unexpected(gathered.error());

    Round round{.account = settle(*gathered, *target), .interrupted = gathered->interrupted};
    std::vector<std::string> present;
    for (const auto& reply : gathered->replies) {
        if (reply.status != proto::StatusCode::ok) {
            present.push_back(reply.node);
            context.err() << fmt::format("{}: {}\n", visible(reply.node), on_one_line(reply.message));
            continue;
        }
        const auto event = all.heard(record_of(reply, meta), context.world.now().wall);
        if (!event) return fail(Errc::denied, event.error().detail);
        tell(context, *event);
        ++round.records;
    }
    if (round.interrupted) return round;  // who is missing was not waited for
    const auto rest = all.close(round.account, present, everybody(context.options), context.world.now().wall);
    if (!rest) return fail(Errc::denied, rest.error().detail);
    for (const auto& event : *rest) tell(context, event);
    round.status = session.status(round.account, target->choice);
    return round;
}

// Each round attaches anew: an entry that was lost meanwhile is no reason to end. Nobody in reach is one only where there is one round.
Result<ExitStatus> go_on(Context& context, Registrations& all, std::chrono::seconds every) {
    for (;;) {
        auto session = Session::open(context);
        if (!session) return tl::unexpected(session.error());
        const auto began = context.world.now().mono;
        const auto round = one_round(context, **session, all);
        if (context.settled) return *context.settled;
        if (!round && round.error().code != Errc::unreachable && round.error().code != Errc::overloaded) return tl::unexpected(round.error());
        if (!round) context.err() << fmt::format("mco: {}\nmco: the next round is in {} s\n", visible(round.error().detail), every.count());
        if (round && round->interrupted) return ExitStatus::ok;
        if (round && context.verbose()) context.err() << ledger_lines(round->account, Show::always);
        const auto took = context.world.now().mono - began;
        if (!(*session)->pause(every > took ? every - took : proto::Duration(0))) return ExitStatus::ok;
    }
}

Result<ExitStatus> run(Context& context) {
    const auto folder = context.options.value("to"), file = context.options.value("append");
    if (folder.has_value() == file.has_value() || !context.options.words().empty())
        return fail(Errc::invalid, "needs one of --to FOLDER and --append FILE\nLike this: mco registration --to /srv/fleet --every 300");
    const auto typed = context.options.number("every", 0, registerinterval_max);
    if (!typed) return tl::unexpected(typed.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    auto all = folder ? Registrations::in_folder(*folder) : Registrations::as_lines(*file);
    if (!all) return tl::unexpected(all.error());
    const auto every = *typed ? std::chrono::seconds(**typed) : (*session)->config().registerinterval;
    if (every.count() != 0) {
        session->reset();
        return go_on(context, *all, every);
    }
    const auto round = one_round(context, **session, *all);
    if (!round) return tl::unexpected(round.error());
    if (!context.options.has("json"))
        context.out() << fmt::format("{} in {}\n", counted(round->records, "record", "records"), visible(folder ? *folder : *file));
    context.err() << ledger_lines(round->account, Show::if_not_whole);
    return round->status;
}

}  // namespace

const Command registration{
    "registration",
    "Keeps a record of every node, and says who came and went",
    "[options] [filters] --to FOLDER\n[options] [filters] --append FILE",
    "mco registration --to /srv/fleet\n"
    "mco registration --to /srv/fleet --every 300 -j\n"
    "mco registration --append /var/log/fleet.jsonl -F country=uk --batch 500",
    declare,
    run,
};

}  // namespace mco::client::applications
