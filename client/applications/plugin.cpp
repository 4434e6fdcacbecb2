#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "client/agent_page.hpp"
#include "client/agent_skeleton.hpp"
#include "client/applications/applications.hpp"
#include "client/known_plugins.hpp"
#include "client/words.hpp"
#include "proto/ddl_validators.hpp"
#include "proto/schema_library.hpp"

namespace mco::client::applications {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::array generating{
    Option{"python", "", Section::application, "generate: a Python program; without it the actions are commands"},
    Option{"description", "TEXT", Section::application, "generate: what the agent is for"},
    Option{"author", "TEXT", Section::application, "generate: who makes it"},
    Option{"license", "TEXT", Section::application, "generate: such as MIT"},
    Option{"pluginversion", "VERSION", Section::application, "generate: its version, default 0.1.0"},
    Option{"url", "URL", Section::application, "generate: its home page"},
    Option{"timeout", "SECONDS", Section::application, "generate: how long an action may take, default 10"},
};

void declare(OptionSet& options) {
    options.add(generating);
    options.add(required_options());
}

// Needs no keys and no mesh, and no configuration if there is none: writing an agent comes before having a fleet.
Result<proto::SchemaLibrary> library(const Context& context) {
    std::vector<fs::path> libdirs;
    const auto file = choose_config(context.options.value("config"), context.world.environment);
    if (file) {
        const auto loaded = load_config(*file);
        if (!loaded) return tl::unexpected(loaded.error());
        libdirs = loaded->config.libdirs;
    } else if (context.options.has("config")) {
        return tl::unexpected(file.error());
    }
    libdirs.insert(libdirs.end(), context.world.libdirs.begin(), context.world.libdirs.end());
    return proto::SchemaLibrary(std::move(libdirs));
}

void list_kind(Context& context, std::string_view title, const std::vector<proto::SchemaLibrary::Listed>& plugins,
               std::vector<std::string>& broken) {
    context.out() << title << ":\n";
    for (const auto& one : plugins) {
        if (one.error.empty()) context.out() << fmt::format("  {} {}\n", left(visible(one.name), 25), visible(one.description));
        if (!one.error.empty()) broken.push_back(one.error);
    }
}

void list_known(Context& context, std::string_view title, std::string_view kind) {
    context.out() << "\n" << title << ":\n";
    for (const auto& plugin : known_plugins()) {
        if (plugin.kind == kind) context.out() << fmt::format("  {} {}\n", left(plugin.name, 25), plugin.description);
    }
}

Result<ExitStatus> list(Context& context) {
    const auto plugins = library(context);
    if (!plugins) return tl::unexpected(plugins.error());
    std::vector<std::string> broken;
    list_kind(context, "Agents", plugins->list(), broken);
    list_known(context, "Aggregate", "aggregate");
    list_kind(context, "\nData Queries", plugins->list_data(), broken);
    list_known(context, "Discovery Methods", "discovery");
    list_known(context, "Validator Plugins", "validator");
    if (!broken.empty()) context.out() << "\nThese could not be loaded:\n";
    for (const auto& problem : broken) context.out() << fmt::format("  {}\n", visible(problem));
    return ExitStatus::ok;
}

const KnownPlugin* find_known(std::string_view kind, std::string_view name) {
    const auto plugins = known_plugins();
    const auto found = std::find_if(plugins.begin(), plugins.end(), [&](const KnownPlugin& plugin) {
        return plugin.name == name && (kind.empty() || plugin.kind == kind);
    });
    return found == plugins.end() ? nullptr : &*found;
}

// "KIND/NAME", or a name: an agent's before a data source's, and both before what has no DDL.
Result<std::string> page_of(const proto::SchemaLibrary& plugins, std::string_view wanted) {
    const auto slash = wanted.find('/');
    const auto kind = slash == std::string_view::npos ? std::string_view() : wanted.substr(0, slash);
    const auto name = slash == std::string_view::npos ? wanted : wanted.substr(slash + 1);
    const auto* known = kind == "agent" || kind == "data" ? nullptr : find_known(kind, name);
    if (!kind.empty() && kind != "agent" && kind != "data") {
        if (known != nullptr) return known_page(*known);
        return fail(Errc::not_found, fmt::format("there is no plugin {}\nThere are agent/NAME, data/NAME, aggregate/NAME, "
                                                 "discovery/NAME and validator/NAME; mco plugin list names them.", wanted));
    }
    auto agent = kind == "data" ? fail(Errc::not_found, "") : plugins.load(name);
    if (agent) return agent_page(*agent);
    if (kind == "agent" || (kind.empty() && agent.error().code != Errc::not_found)) return tl::unexpected(agent.error());
    const auto source = plugins.load_data(name);
    if (source) return data_page(*source);
    if (known != nullptr && source.error().code == Errc::not_found) return known_page(*known);
    return tl::unexpected(kind.empty() && source.error().code == Errc::not_found ? agent.error() : source.error());
}

Result<ExitStatus> doc(Context& context, std::span<const std::string> words) {
    if (words.empty()) {
        context.out() << "Please specify a plugin. Available plugins are:\n\n";
        return list(context);
    }
    const auto plugins = library(context);
    if (!plugins) return tl::unexpected(plugins.error());
    const auto page = page_of(*plugins, words[0]);
    if (!page) return tl::unexpected(page.error());
    context.out() << *page;
    return ExitStatus::ok;
}

void warn_of_validators(Context& context, const std::string& file, const proto::AgentSchema& agent) {
    for (const auto& action : agent.actions) {
        for (const auto& input : action.inputs) {
            if (proto::is_validator_name(input.validation) && !proto::knows_validator(input.validation))
                context.err() << fmt::format("{}: nobody here knows the validation {} of {}.{}: it lets everything pass\n", visible(file),
                                             visible(input.validation), visible(action.name), visible(input.name));
        }
    }
}

Result<ExitStatus> validate(Context& context, std::span<const std::string> words) {
    if (words.empty()) return fail(Errc::invalid, "needs files\nLike this: mco plugin validate uptime.json");
    for (const auto& file : words) {
        const auto schema = proto::read_schema_file(file);
        if (!schema) return tl::unexpected(schema.error());
        if (const auto* agent = std::get_if<proto::AgentSchema>(&*schema)) {
            warn_of_validators(context, file, *agent);
            context.out() << fmt::format("{} is fine: agent {}, {}\n", visible(file), visible(agent->name),
                                         counted(agent->actions.size(), "action", "actions"));
        } else if (const auto* source = std::get_if<proto::DataSchema>(&*schema)) {
            context.out() << fmt::format("{} is fine: data source {}, {}\n", visible(file), visible(source->name),
                                         counted(source->outputs.size(), "output", "outputs"));
        }
    }
    return ExitStatus::ok;
}

// With the permissions a daemon wants to see, whatever the umask: nobody else may write.
Result<void> write_file(const fs::path& file, std::string_view text, mode_t mode) {
    std::ofstream stream(file);
    stream << text;
    stream.close();
    if (!stream || ::chmod(file.c_str(), mode) != 0)
        return fail(Errc::denied, fmt::format("{}: cannot be written: {}", file.string(), std::generic_category().message(errno)));
    return {};
}

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (comma > 0) parts.emplace_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

Result<AgentSkeleton> skeleton(const Context& context, std::span<const std::string> words) {
    if (words.size() < 2 || words.size() > 3 || words[0] != "agent" || (words.size() == 3 && !words[2].starts_with("actions=")))
        return fail(Errc::invalid, "needs 'agent' and a name\nLike this: mco plugin generate agent greeter actions=hello,bye");
    const auto seconds = context.options.number("timeout", 2, 86'400);
    if (!seconds) return tl::unexpected(seconds.error());
    const auto text = [&](std::string_view option, std::string_view fallback) {
        return context.options.value(option).value_or(std::string(fallback));
    };
    AgentSkeleton agent{.name = words[1],
                        .description = text("description", "What this agent is for, in a sentence"),
                        .author = text("author", "Its author <author@example.net>"),
                        .license = text("license", "MIT"),
                        .version = text("pluginversion", "0.1.0"),
                        .url = text("url", "https://example.net/"),
                        .timeout = std::chrono::seconds(seconds->value_or(10)),
                        .actions = words.size() == 3 ? split_commas(words[2].substr(8)) : std::vector<std::string>{"hello"}};
    return agent;
}

Result<ExitStatus> generate(Context& context, std::span<const std::string> words) {
    const auto agent = skeleton(context, words);
    if (!agent) return tl::unexpected(agent.error());
    const bool python = context.options.has("python");
    const auto ddl = python ? python_ddl(*agent) : command_ddl(*agent);
    if (const auto read = proto::parse_schema(ddl); !read) return tl::unexpected(read.error());  // a bad name, say
    const fs::path folder = agent->name;
    std::error_code error;
    if (!fs::create_directory(folder, error))
        return fail(Errc::denied, error ? fmt::format("{}: {}", folder.string(), error.message())
                                        : fmt::format("{} is there already\nMove it away, or choose another name.", folder.string()));
    ::chmod(folder.c_str(), 0755);
    const auto file = folder / (agent->name + ".json");
    if (auto written = write_file(file, ddl, 0644); !written) return tl::unexpected(written.error());
    if (python) {
        if (auto written = write_file(folder / agent->name, python_program(*agent), 0755); !written)
            return tl::unexpected(written.error());
    }
    context.out() << fmt::format(
        "{} is made: agent {}, {}.\nCopy the folder to LIBDIR/mcollective/agent/ on the nodes and on this machine, allow it in\n"
        "policies/{}.policy, and try: mco rpc {} {}\n",
        folder.string(), agent->name, counted(agent->actions.size(), "action", "actions"), agent->name, agent->name,
        agent->actions.front());
    return ExitStatus::ok;
}

Result<ExitStatus> run(Context& context) {
    const std::span words(context.options.words());
    const auto what = words.empty() ? std::string_view() : std::string_view(words[0]);
    const auto rest = words.subspan(words.empty() ? 0 : 1);
    if (what == "doc") return doc(context, rest);
    if (what == "list") return list(context);
    if (what == "validate") return validate(context, rest);
    if (what == "generate") return generate(context, rest);
    constexpr auto known = std::to_array<std::string_view>({"doc", "list", "validate", "generate"});
    return fail(Errc::invalid, not_known(words, known) + "needs doc, list, validate or generate\nLike this: mco plugin doc rpcutil");
}

}  // namespace

const Command plugin{
    "plugin",
    "Documents, checks and generates agents; documents data sources and other plugins",
    "doc [NAME | KIND/NAME]\nlist\nvalidate FILE...\n[options] generate agent NAME [actions=ACTION,ACTION]",
    "mco plugin doc rpcutil\n"
    "mco plugin doc data/fstat\n"
    "mco plugin generate agent greeter --python\n"
    "mco plugin validate greeter/greeter.json",
    declare,
    run,
};

}  // namespace mco::client::applications
