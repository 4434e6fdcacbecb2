#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
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
    Option{"agent", "AGENT", Section::application, "Whose actions or inputs"},
    Option{"action", "ACTION", Section::application, "Whose inputs"},
};

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

Result<ExitStatus> run(Context& context) {
    const auto& options = context.options;
    const auto chosen = std::count_if(selectors.begin(), selectors.begin() + 4,
                                      [&](const Option& option) { return options.has(option.names); });
    if (chosen != 1)
        return fail(Errc::invalid, "needs one of --list-agents, --list-actions, --list-inputs and --list-applications");
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
    "Helper for shell completion systems",
    "--list-agents | --list-applications\n"
    "--list-actions --agent AGENT\n"
    "--list-inputs --agent AGENT --action ACTION",
    "mco completion --list-actions --agent rpcutil -v",
    declare,
    run,
};

}  // namespace mco::client::applications
