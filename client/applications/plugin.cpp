#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/agent_page.hpp"
#include "client/agent_skeleton.hpp"
#include "client/applications/applications.hpp"
#include "client/words.hpp"
#include "proto/limits.hpp"
#include "proto/schema_library.hpp"
#include "proto/text_file.hpp"

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

Result<ExitStatus> list(Context& context) {
    const auto agents = library(context);
    if (!agents) return tl::unexpected(agents.error());
    std::vector<std::string> broken;
    context.out() << "Agents:\n";
    for (const auto& listed : agents->list()) {
        const auto schema = agents->load(listed.name);
        if (schema) {
            context.out() << fmt::format("  {} {}\n", left(visible(listed.name), 25), visible(schema->description));
        } else {
            broken.push_back(schema.error().detail);
        }
    }
    if (!broken.empty()) context.out() << "\nThese could not be loaded:\n";
    for (const auto& problem : broken) context.out() << fmt::format("  {}\n", visible(problem));
    return ExitStatus::ok;
}

Result<ExitStatus> doc(Context& context, std::span<const std::string> words) {
    if (words.empty()) {
        context.out() << "Please specify a plugin. Available plugins are:\n\n";
        return list(context);
    }
    const auto agents = library(context);
    if (!agents) return tl::unexpected(agents.error());
    const auto schema = agents->load(words[0].starts_with("agent/") ? words[0].substr(6) : words[0]);
    if (!schema) return tl::unexpected(schema.error());
    context.out() << agent_page(*schema);
    return ExitStatus::ok;
}

Result<ExitStatus> validate(Context& context, std::span<const std::string> words) {
    if (words.empty()) return fail(Errc::invalid, "needs files\nLike this: mco plugin validate uptime.json");
    for (const auto& file : words) {
        const auto text = proto::read_text_file(file, proto::limits::schema_size_max);
        if (!text) return tl::unexpected(text.error());
        const auto schema = proto::parse_schema(*text);
        if (!schema) return fail(Errc::invalid, fmt::format("{}: {}", file, schema.error().detail));
        if (fs::path(file).stem() != schema->name)
            return fail(Errc::invalid, fmt::format("{}: metadata.name is \"{}\", so the file must be called {}.json", file,
                                                   schema->name, schema->name));
        context.out() << fmt::format("{} is fine: agent {}, {}\n", visible(file), visible(schema->name),
                                     counted(schema->actions.size(), "action", "actions"));
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
    return fail(Errc::invalid, "needs doc, list, validate or generate\nLike this: mco plugin doc rpcutil");
}

}  // namespace

const Command plugin{
    "plugin",
    "Documents, checks and generates agents",
    "doc [NAME]\nlist\nvalidate FILE...\n[options] generate agent NAME [actions=ACTION,ACTION]",
    "mco plugin doc rpcutil\n"
    "mco plugin generate agent greeter --python\n"
    "mco plugin validate greeter/greeter.json",
    declare,
    run,
};

}  // namespace mco::client::applications
