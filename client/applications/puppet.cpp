#include "client/applications/puppet.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/words.hpp"
#include "proto/config_file.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::array own_options{
    Option{"force", "", Section::application, "Run at once, without waiting a random time"},
    Option{"server", "HOST[:PORT]", Section::application, "Ask this Puppet server"},
    Option{"tags,tag", "TAGS", Section::application, "Only resources with these tags, ','-separated"},
    Option{"noop", "", Section::application, "Only tell what would be changed"},
    Option{"no-noop", "", Section::application, "Change it even where the configuration says noop"},
    Option{"environment", "NAME", Section::application, "Run in this environment"},
    Option{"splay", "", Section::application, "Wait a random time first"},
    Option{"no-splay", "", Section::application, "Do not"},
    Option{"splaylimit", "SECONDS", Section::application, "The longest random time"},
    Option{"use_cached_catalog", "", Section::application, "Use the catalog of the last run"},
    Option{"no-use_cached_catalog", "", Section::application, "Do not"},
    Option{"ignoreschedules", "", Section::application, "Without regard to schedules"},
    Option{"rerun", "SECONDS", Section::application, "With runall: for ever, beginning this often at most"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

const proto::Value* output(const Reply& reply, std::string_view name) { return reply.data.find(name); }

bool is_set(const Reply& reply, std::string_view name) {
    const auto* value = output(reply, name);
    return value != nullptr && value->flag() != nullptr && *value->flag();
}

std::string count_block(const std::vector<Reply>& replies) {
    std::size_t nodes = 0, enabled = 0, applying = 0, daemons = 0, idling = 0, stopped = 0;
    for (const auto& reply : replies) {
        if (reply.status != proto::StatusCode::ok) continue;
        ++nodes;
        enabled += is_set(reply, "enabled");
        applying += is_set(reply, "applying");
        stopped += !is_set(reply, "applying");
        daemons += is_set(reply, "daemon_present");
        idling += is_set(reply, "idling");
    }
    return fmt::format(
        "Total Puppet nodes: {}\n\n"
        "          Nodes currently enabled: {}\n"
        "         Nodes currently disabled: {}\n\n"
        "Nodes currently doing puppet runs: {}\n"
        "          Nodes currently stopped: {}\n\n"
        "       Nodes with daemons started: {}\n"
        "    Nodes without daemons started: {}\n"
        "       Daemons started but idling: {}\n\n",
        nodes, enabled, nodes - enabled, applying, stopped, daemons, nodes - daemons, idling);
}

// Nodes by value: twenty columns from the least to the greatest.
std::string bars(const std::vector<double>& values, double least, double most) {
    constexpr std::array ticks{"▁", "▂", "▃", "▄", "▅", "▆", "▇"};
    constexpr std::size_t columns = 20;
    std::array<std::size_t, columns> counts{};
    for (const auto value : values) {
        const double place = most > least ? (value - least) / (most - least) * (columns - 1) : 0;
        ++counts[static_cast<std::size_t>(place)];
    }
    const auto highest = *std::max_element(counts.begin(), counts.end());
    std::string text;
    for (const auto count : counts) text += ticks[highest == 0 ? 0 : count * (ticks.size() - 1) / highest];
    return text;
}

std::string summary_block(const std::vector<Reply>& replies) {
    struct Row {
        std::string_view label, name;
    };
    constexpr std::array rows{Row{"Total resources", "total_resources"},
                              Row{"Out Of Sync resources", "out_of_sync_resources"},
                              Row{"Failed resources", "failed_resources"},
                              Row{"Changed resources", "changed_resources"},
                              Row{"Corrected resources", "corrected_resources"},
                              Row{"Config Retrieval time (seconds)", "config_retrieval_time"},
                              Row{"Total run-time (seconds)", "total_time"},
                              Row{"Time since last run (seconds)", "since_lastrun"}};
    const auto good = std::count_if(replies.begin(), replies.end(),
                                    [](const Reply& reply) { return reply.status == proto::StatusCode::ok; });
    std::string text = fmt::format("Summary statistics for {} nodes:\n\n", good);
    for (const auto& row : rows) {
        std::vector<double> values;
        for (const auto& reply : replies) {
            const auto* value = output(reply, row.name);
            if (reply.status != proto::StatusCode::ok || value == nullptr) continue;
            const auto* whole = value->integer();
            const auto* real = value->real();
            if (whole == nullptr && real == nullptr) continue;
            const double number = whole != nullptr ? static_cast<double>(*whole) : *real;
            if (number >= 0) values.push_back(number);  // -1: this Puppet does not note it
        }
        if (values.empty()) {
            text += fmt::format("{}: no figures\n", right(row.label, 34));
            continue;
        }
        double sum = 0;
        for (const auto value : values) sum += value;
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        text += fmt::format("{}: {}  min: {:<6.1f} avg: {:<6.1f} max: {:<6.1f}\n", right(row.label, 34),
                            bars(values, *least, *most), *least, sum / static_cast<double>(values.size()), *most);
    }
    return text + "\n";
}

// What a node's line says; nothing if there is nothing to say.
std::optional<std::string> line_of(const Reply& reply, std::string_view action) {
    if (reply.status != proto::StatusCode::ok) return reply.message;
    const auto* value = action == "status"     ? output(reply, "message")
                        : action == "resource" ? output(reply, "result")
                                               : nullptr;
    return value == nullptr ? std::nullopt : std::optional(value->to_text());
}

Result<ExitStatus> run_action(Context& context, Session& session, const std::string& command, const std::string& action,
                              std::map<std::string, std::string> arguments) {
    const bool block = command == "count" || command == "summary";
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        const auto& replies = call.gathered.replies;
        for (const auto& reply : replies) {
            const auto line = line_of(reply, action);
            const bool shown = !block || reply.status != proto::StatusCode::ok;
            if (line && shown) text += named_line(reply, longest_name(replies), *line);
        }
        if (block) text += command == "count" ? count_block(replies) : summary_block(replies);
        return text;
    };
    return call_and_show(context, session, {.agent = "puppet", .action = action, .arguments = std::move(arguments)},
                         {.lines = lines,
                          .caption = "puppet#" + action,
                          .summaries = block ? Summaries::none : Summaries::all});
}

Result<std::map<std::string, std::string>> read_resource(const std::vector<std::string>& words) {
    if (words.size() < 3) return fail(Errc::invalid, "resource needs a type and a name\nLike this: mco puppet resource host db1 ip=192.0.2.7");
    std::map<std::string, std::string> arguments{{"type", words[1]}, {"name", words[2]}};
    for (std::size_t i = 3; i < words.size(); ++i) {
        const auto equals = words[i].find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(Errc::invalid, fmt::format("'{}' is not PROPERTY=VALUE", words[i]));
        const auto property = words[i].substr(0, equals);
        if (property == "type" || property == "name")
            return fail(Errc::invalid, fmt::format("{} is the resource's own word and no property", property));
        arguments.insert_or_assign(property, words[i].substr(equals + 1));
    }
    return arguments;
}

Result<ExitStatus> run(Context& context) {
    const auto& words = context.options.words();
    const std::string command = words.empty() ? "" : words[0];
    const auto arguments = read_run_options(context.options);
    if (!arguments) return tl::unexpected(arguments.error());
    const auto with = [&](auto go) -> Result<ExitStatus> {
        auto session = Session::open(context);
        if (!session) return tl::unexpected(session.error());
        return go(**session);
    };
    const auto plain = [&](const std::string& action, std::map<std::string, std::string> inputs) {
        return with([&](Session& session) {
            return run_action(context, session, command, action, std::move(inputs));
        });
    };
    if (command == "resource") {
        auto resource = read_resource(words);
        if (!resource) return tl::unexpected(resource.error());
        return plain("resource", std::move(*resource));
    }
    // MCollective's puppetd took a number with runonce, too: its users meant it.
    if (command == "runall" || (command == "runonce" && words.size() == 2)) {
        const auto most = proto::parse_integer(words.size() == 2 ? words[1] : "", {1, 1'000'000});
        if (!most) return fail(Errc::invalid, fmt::format("{0} needs how many nodes may run at once\nLike this: mco puppet {0} 5", command));
        if (auto good = own_layout_only(context.options, command + " N"); !good) return tl::unexpected(good.error());
        return with([&](Session& session) {
            return run_all(context, session, static_cast<std::size_t>(*most), *arguments);
        });
    }
    if (command == "disable" && words.size() <= 2)
        return plain("disable", words.size() == 2 ? std::map<std::string, std::string>{{"message", words[1]}}
                                                  : std::map<std::string, std::string>{});
    if (words.size() == 1) {
        if (command == "count" || command == "status") return plain("status", {});
        if (command == "summary") return plain("last_run_summary", {});
        if (command == "enable") return plain("enable", {});
        if (command == "runonce") return plain("runonce", *arguments);
    }
    constexpr auto known = std::to_array<std::string_view>(
        {"count", "disable", "enable", "resource", "runall", "runonce", "status", "summary"});
    return fail(Errc::invalid, not_known(words, known) +
                                   "takes one of count, enable, disable [MESSAGE], resource TYPE NAME PROPERTY=VALUE ..., "
                                   "runall N, runonce [N], status and summary");
}

}  // namespace

Result<std::map<std::string, std::string>> read_run_options(const Options& options) {
    std::map<std::string, std::string> arguments;
    if (options.has("force")) arguments["force"] = "true";
    for (const std::string name : {"noop", "splay", "use_cached_catalog"}) {
        if (options.has(name) && options.has("no-" + name))
            return fail(Errc::invalid, fmt::format("--{} and --no-{} exclude each other", name, name));
        if (options.has(name)) arguments[name] = "true";
        if (options.has("no-" + name)) arguments[name] = "false";
    }
    if (options.has("ignoreschedules")) arguments["ignoreschedules"] = "true";
    for (const auto* name : {"server", "environment", "splaylimit"}) {
        if (const auto value = options.value(name)) arguments[name] = *value;
    }
    std::string tags;
    for (const auto& some : options.values("tags")) tags += (tags.empty() ? "" : ",") + some;
    if (!tags.empty()) arguments["tags"] = tags;
    if (options.has("force") && (options.has("splay") || options.has("splaylimit")))
        return fail(Errc::invalid, "--force runs at once; it cannot be combined with --splay or --splaylimit");
    return arguments;
}

const Command puppet{
    "puppet",
    "Run Puppet agent, get its status, and enable/disable it",
    "[options] [filters] count | enable | status | summary | runonce [CONCURRENCY]\n"
    "[options] [filters] disable [MESSAGE]\n"
    "[options] [filters] resource TYPE NAME PROPERTY=VALUE ...\n"
    "[options] [filters] runall CONCURRENCY [--rerun SECONDS]",
    "mco puppet status\n"
    "mco puppet runonce --noop --tags web -C webserver\n"
    "mco puppet runall 5 -F country=uk",
    declare,
    run,
};

}  // namespace mco::client::applications
