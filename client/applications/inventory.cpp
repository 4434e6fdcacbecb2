#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "client/account_json.hpp"
#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/applications/collectives.hpp"
#include "client/applications/inventory_report.hpp"
#include "client/results.hpp"
#include "client/session.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;
using proto::Value;

constexpr std::array reports{
    Option{"list-collectives,lc,collectives", "", Section::application, "How many nodes each collective has"},
    Option{"collective-graph,cg,map", "FILE", Section::application,
           "Write which node is in which collective to FILE, for Graphviz"},
    Option{"script", "FILE", Section::application, "A report of many nodes, as MCollective's inventory script FILE says"},
    Option{"format", "TEMPLATE", Section::application,
           "A line for each node: '{identity} {facts.os.family} {classes}'"},
};

void declare(OptionSet& options) {
    options.add(reports);
    options.add(json_option());
    options.add(required_options());
    options.add(common_options());
    options.add(filter_options());
}

std::string text_of(const Value& data, std::string_view key) {
    const auto* value = data.find(key);
    return value == nullptr ? std::string() : visible(value->to_text());
}

std::vector<std::string> texts_of(const Value& data, std::string_view key) {
    std::vector<std::string> texts;
    const auto* value = data.find(key);
    const auto* list = value == nullptr ? nullptr : value->list();
    if (list == nullptr) return texts;
    for (const auto& element : *list) texts.push_back(visible(element.to_text()));
    std::sort(texts.begin(), texts.end());
    return texts;
}

constexpr std::string_view data_suffix = "_data";  // of the name of a data plugin's DDL

std::vector<std::string> data_plugins(const Value& inventory) {
    auto names = texts_of(inventory, "data_plugins");
    for (auto& name : names) {
        if (name.ends_with(data_suffix)) name.resize(name.size() - data_suffix.size());
    }
    return names;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string line;
    for (const auto& text : texts) line += (line.empty() ? "" : ", ") + text;
    return line;
}

std::string start_time(const Value& data, std::string_view key) {
    const auto* value = data.find(key);
    const auto* seconds = value == nullptr ? nullptr : value->integer();
    constexpr std::int64_t year_9999 = 253'402'300'799;
    if (seconds == nullptr || *seconds < 0 || *seconds > year_9999) return text_of(data, key);
    return local_time(proto::WallTime(std::chrono::seconds(*seconds)));
}

// As many columns as given, each at least `least` wide.
std::string columns(const std::vector<std::string>& texts, std::string_view indent, std::size_t each,
                    std::size_t per_line) {
    std::string block;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i % per_line == 0) block += (i == 0 ? "" : "\n") + std::string(indent);
        block += left(texts[i], each) + (i % per_line + 1 == per_line ? "" : " ");
    }
    return block + "\n";
}

std::string statistics_block(const Value& inventory, const Value& stats) {
    std::string text = "   Server Statistics:\n";
    const auto row = [&](std::string_view label, const std::string& value) {
        text += right(label, 29) + ": " + value + "\n";
    };
    const auto seconds = [&](std::string_view key) {
        const auto* times = stats.find("times");
        const auto* value = times == nullptr ? nullptr : times->find(key);
        const auto* real = value == nullptr ? nullptr : value->real();
        if (real != nullptr) return fmt::format("{:.2f} seconds", *real);
        return (value == nullptr ? std::string("unknown") : visible(value->to_text())) + " seconds";
    };
    row("Version", text_of(stats, "version"));
    row("Start Time", start_time(stats, "starttime"));
    row("Config File", text_of(stats, "configfile"));
    row("Collectives", joined(texts_of(inventory, "collectives")));
    row("Main Collective", text_of(inventory, "main_collective"));
    row("Process ID", text_of(stats, "pid"));
    row("Total Messages", text_of(stats, "total"));
    row("Messages Passed Filters", text_of(stats, "passed"));
    row("Messages Filtered", text_of(stats, "filtered"));
    row("Expired Messages", text_of(stats, "ttlexpired"));
    row("Replies Sent", text_of(stats, "replies"));
    row("Total Processor Time", seconds("utime"));
    row("System Time", seconds("stime"));
    return text;
}

std::string facts_block(const Value& inventory) {
    const auto* facts = inventory.find("facts");
    const auto* map = facts == nullptr ? nullptr : facts->map();
    std::string text = "   Facts:\n";
    if (const auto problem = text_of(inventory, "facts_problem"); !problem.empty())
        text += "      Problem: " + problem + "\n";
    if (map == nullptr || map->empty()) return text + "      No facts known\n";
    for (const auto& [key, value] : *map) text += "      " + visible(key) + " => " + visible(value.to_text()) + "\n";
    return text;
}

std::string list_block(std::string_view title, const std::vector<std::string>& texts, std::string_view nothing) {
    const std::string head = "   " + std::string(title) + ":\n";
    return texts.empty() ? head + "      " + std::string(nothing) + "\n" : head + columns(texts, "      ", 15, 3);
}

std::string classes_block(const std::vector<std::string>& classes) {
    const std::string head = "   Configuration Management Classes:\n";
    if (classes.empty()) return head + "      No classes applied\n";
    std::size_t longest = 30;
    for (const auto& name : classes) longest = std::max(longest, width(name));
    return head + columns(classes, "    ", longest, std::max<std::size_t>(90 / longest, 1));
}

std::string page(const std::string& node, const Value& inventory, const Value& stats) {
    return fmt::format("Inventory for {}:\n\n{}\n{}\n{}\n{}\n{}\n", node, statistics_block(inventory, stats),
                       list_block("Agents", texts_of(inventory, "agents"), "No agents installed"),
                       list_block("Data Plugins", data_plugins(inventory), "No data plugins installed"),
                       classes_block(texts_of(inventory, "classes")), facts_block(inventory));
}

struct Answer {
    Gathered gathered;
    Account account;
};

Result<Answer> ask(Session& session, const Target& target, const proto::AgentSchema& schema,
                   const std::string& action_name) {
    const auto* action = schema.find_action(action_name);
    if (action == nullptr)
        return fail(Errc::not_found, fmt::format("the DDL of agent rpcutil has no action {}", action_name));
    const auto call = session.prepare(target, schema, *action, {});
    if (!call) return tl::unexpected(call.error());
    auto gathered = session.call(target, *call, {});
    if (!gathered) return tl::unexpected(gathered.error());
    auto account = settle(*gathered, target);
    return Answer{std::move(*gathered), std::move(account)};
}

Result<ExitStatus> report_node(Context& context, Session& session, const std::string& node) {
    const auto schema = session.schema("rpcutil");
    if (!schema) return tl::unexpected(schema.error());
    const auto target = session.target_node(node, "rpcutil");
    if (!target) return tl::unexpected(target.error());

    std::vector<Reply> replies;
    std::vector<std::string> objects;
    const auto form = json_form(context.terminal);
    for (const std::string action : {"inventory", "daemon_stats"}) {
        const auto answer = ask(session, *target, *schema, action);
        if (!answer) return tl::unexpected(answer.error());
        if (context.verbose())
            context.err() << "via " << visible(answer->gathered.entry) << ", "
                          << ledger_lines(answer->account, Show::always);
        if (answer->gathered.replies.empty()) {
            if (context.options.has("json"))
                context.out() << json_results("rpcutil", action, {}, answer->account, form, Show::if_not_whole);
            context.err() << "Did not receive any results from node " << visible(node) << '\n'
                          << absent_block(answer->account, context.terminal)
                          << ledger_lines(answer->account, Show::if_not_whole);
            return ExitStatus::unusable;
        }
        replies.push_back(answer->gathered.replies.front());
        objects.push_back(json_object("rpcutil", action, replies.back(), form));
    }
    auto status = ExitStatus::ok;
    for (const auto& reply : replies) {
        if (reply.status == proto::StatusCode::ok) continue;
        context.err() << visible(reply.node) << ": " << on_one_line(reply.message) << '\n';
        status = ExitStatus::failed;
    }
    if (context.options.has("json")) {
        context.out() << join_json(objects, form);
    } else if (status == ExitStatus::ok) {
        context.out() << page(visible(replies[0].node), replies[0].data, replies[1].data);
    }
    return status;
}

Result<ExitStatus> run(Context& context) {
    const auto& options = context.options;
    const auto& words = options.words();
    const auto graph = options.value("collective-graph");
    const auto script = options.value("script"), line = options.value("format");
    const std::array chosen{options.has("list-collectives"), graph.has_value(), script.has_value(), line.has_value()};
    if (words.size() + static_cast<std::size_t>(std::count(chosen.begin(), chosen.end(), true)) != 1)
        return fail(Errc::invalid,
                    "needs one of: the name of a node, --list-collectives, --collective-graph, --script and --format\n"
                    "Like this: mco inventory web1.example.net");
    auto report = Result<InventoryReport>(InventoryReport());
    if (script) report = read_script(*script);
    if (line) report = read_template(*line);
    if (!report) return tl::unexpected(report.error());
    if (*report && options.has("json"))
        return fail(Errc::invalid, "--json does not go with --script and --format\nLike this: mco rpc rpcutil inventory -j");
    if (!words.empty() && !is_unfiltered(options))
        return fail(Errc::invalid, "filters do not go with the name of a node; they go with --script and --format");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    if (*report) return report_inventory(context, **session, *report);
    if (words.empty()) return report_collectives(context, **session, graph);
    return report_node(context, **session, words[0]);
}

}  // namespace

const Command inventory{
    "inventory",
    "General reporting tool for nodes, collectives and subcollectives",
    "[options] NODE\n"
    "[options] --list-collectives\n"
    "[options] --collective-graph FILE\n"
    "[options] [filters] --script FILE\n"
    "[options] [filters] --format TEMPLATE",
    "mco inventory web1.example.net\n"
    "mco inventory --list-collectives\n"
    "mco inventory --collective-graph collectives.dot\n"
    "mco inventory --script inventory.mc -F country=us\n"
    "mco inventory --format '{identity}: {facts.os.family} {classes}' -C /http/",
    declare,
    run,
};

}  // namespace mco::client::applications
