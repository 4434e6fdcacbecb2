#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/completer.hpp"
#include "client/completion_scripts.hpp"
#include "client/session.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::array selectors{
    Option{"list-agents", "", Section::application, "The agents that have a DDL on this machine"},
    Option{"list-actions", "", Section::application, "The actions of --agent"},
    Option{"list-inputs", "", Section::application, "The inputs of --agent and --action"},
    Option{"list-applications", "", Section::application, "The commands of mco"},
    Option{"complete", "LINE", Section::application, "What the last word of LINE may become, as the shells' scripts ask"},
    Option{"agent", "AGENT", Section::application, "Whose actions or inputs"},
    Option{"action", "ACTION", Section::application, "Whose inputs"},
};

constexpr std::ptrdiff_t selecting = 5;  // of these, the first ones

void declare(OptionSet& options) {
    options.add(selectors);
    options.add(required_options());
}

struct Item {
    std::string name, description;
};

Result<std::vector<Item>> agents(Context& context) {
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    std::vector<Item> items;
    for (const auto& name : (*session)->agents()) {
        const auto schema = (*session)->schema(name);
        if (schema) items.push_back({name, schema->description});
    }
    return items;
}

Result<proto::AgentSchema> schema(Context& context) {
    const auto agent = context.options.value("agent");
    if (!agent) return fail(Errc::invalid, "needs --agent AGENT for that");
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    return (*session)->schema(*agent);
}

Result<std::vector<Item>> actions(Context& context) {
    const auto agent = schema(context);
    if (!agent) return tl::unexpected(agent.error());
    std::vector<Item> items;
    for (const auto& action : agent->actions) items.push_back({action.name, action.description});
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.name < b.name; });
    return items;
}

Result<std::vector<Item>> inputs(Context& context) {
    const auto agent = schema(context);
    if (!agent) return tl::unexpected(agent.error());
    const auto name = context.options.value("action").value_or("");
    const auto* action = agent->find_action(name);
    if (action == nullptr)
        return fail(Errc::invalid, fmt::format("needs --action with an action of {}, not '{}'", agent->name, name));
    std::vector<Item> items;
    for (const auto& input : action->inputs) items.push_back({input.name, input.description});
    return items;
}

std::vector<Item> applications_here() {
    std::vector<Item> items;
    for (const auto* command : commands()) items.push_back({std::string(command->name), std::string(command->summary)});
    return items;
}

// Without a configuration there are no agents and collectives to offer, but the rest is: nothing is said of it in mid-typing.
Knowledge knowledge_of(Context& context, Session* session) {
    Knowledge knowledge;
    knowledge.names = [&context, session](const std::string& collective) {
        if (session == nullptr) return KnownNames();
        const auto& config = session->config();
        const auto file = name_cache_file(context.world.environment, config, collective.empty() ? config.main_collective : collective);
        return file ? read_names(*file) : KnownNames();
    };
    knowledge.schema = [session](const std::string& name) {
        return session == nullptr ? Result<proto::AgentSchema>(fail(Errc::not_found, "no configuration"))
                                  : session->schema(name);
    };
    if (session == nullptr) return knowledge;
    knowledge.collectives = session->config().collectives;
    for (const auto& name : session->agents()) knowledge.agents.push_back({name, {}});
    return knowledge;
}

Result<ExitStatus> complete_line(Context& context, const std::string& line) {
    const auto session = Session::open(context);
    const auto knowledge = knowledge_of(context, session ? session->get() : nullptr);
    for (const auto& candidate : complete(split_typed_line(line), knowledge)) {
        context.out() << candidate.word;
        if (!candidate.description.empty()) context.out() << '\t' << candidate.description;
        context.out() << '\n';
    }
    return ExitStatus::ok;
}

Result<ExitStatus> run(Context& context) {
    const auto& options = context.options;
    const auto& words = options.words();
    const auto chosen = std::count_if(selectors.begin(), selectors.begin() + selecting,
                                      [&](const Option& option) { return options.has(option.names); });
    if (chosen + static_cast<std::ptrdiff_t>(words.size()) != 1)
        return fail(Errc::invalid,
                    "needs the name of a shell (bash, zsh, fish), or one of --list-agents, --list-actions, --list-inputs and "
                    "--list-applications");
    if (!words.empty()) {
        const auto script = completion_script(words[0]);
        if (script.empty())
            return fail(Errc::invalid, fmt::format("there is a script for bash, zsh and fish, not for '{}'", words[0]));
        context.out() << script;
        return ExitStatus::ok;
    }
    if (const auto line = options.value("complete")) return complete_line(context, *line);
    const auto items = options.has("list-agents")    ? agents(context)
                       : options.has("list-actions") ? actions(context)
                       : options.has("list-inputs")  ? inputs(context)
                                                     : Result<std::vector<Item>>(applications_here());
    if (!items) return tl::unexpected(items.error());
    for (const auto& item : *items)
        context.out() << visible(item.name) << (context.verbose() ? ":" + visible(item.description) : std::string())
                      << '\n';
    return ExitStatus::ok;
}

}  // namespace

const Command completion{
    "completion",
    "Completion of command lines for bash, zsh and fish",
    "bash | zsh | fish\n"
    "--list-agents | --list-applications\n"
    "--list-actions --agent AGENT\n"
    "--list-inputs --agent AGENT --action ACTION",
    "mco completion bash | sudo tee /etc/bash_completion.d/mco\n"
    "mco completion --list-actions --agent rpcutil -v\n"
    "mco completion --complete 'mco rpc rpcutil get_fact fa'",
    declare,
    run,
};

}  // namespace mco::client::applications
