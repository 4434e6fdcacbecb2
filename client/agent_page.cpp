#include "client/agent_page.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/terminal.hpp"

namespace mco::client {
namespace {

std::string row(std::string_view label, std::string_view value) {
    return fmt::format("{}: {}\n", right(label, 25), visible(value));
}

std::string_view type_name(proto::InputType type) {
    switch (type) {
        case proto::InputType::string: return "string";
        case proto::InputType::list: return "list";
        case proto::InputType::boolean: return "boolean";
        case proto::InputType::integer: return "integer";
        case proto::InputType::float_number: return "float";
        case proto::InputType::number: return "number";
        case proto::InputType::hash: return "hash";
        case proto::InputType::array: return "array";
    }
    return "";
}

std::string input_block(const proto::InputSchema& input) {
    auto text = fmt::format("           {}:\n", visible(input.name));
    text += row("Description", input.description) + row("Prompt", input.prompt) + row("Type", type_name(input.type)) +
            row("Optional", input.optional ? "true" : "false");
    if (input.type == proto::InputType::string) {
        if (!input.validation.empty()) text += row("Validation", input.validation);
        text += row("Length", input.length_max == 0 ? "unlimited" : std::to_string(input.length_max));
    }
    if (input.type == proto::InputType::list) text += row("Valid Values", fmt::format("{}", fmt::join(input.allowed, ", ")));
    if (input.default_value) text += row("Default Value", input.default_value->to_text());
    return text + "\n";
}

std::string output_block(const proto::OutputSchema& output) {
    auto text = fmt::format("           {}:\n", visible(output.name));
    text += row("Description", output.description) + row("Display As", output.display_as);
    if (output.default_value) text += row("Default Value", output.default_value->to_text());
    return text + "\n";
}

std::string action_block(const proto::ActionSchema& action) {
    const auto title = fmt::format("{} action:", visible(action.name));
    auto text = fmt::format("   {}\n   {}\n       {}\n\n", title, std::string(width(title), '-'), visible(action.description));
    if (action.command) {
        std::vector<std::string> words;
        for (const auto& word : action.command->argv) words.push_back(visible(word));
        text += fmt::format("       COMMAND:\n          {}\n\n", fmt::join(words, " "));
    }
    text += "       INPUT:\n";
    if (action.inputs.empty()) text += "          This action does not have any inputs\n\n";
    for (const auto& input : action.inputs) text += input_block(input);
    if (!action.outputs.empty()) text += "       OUTPUT:\n";
    for (const auto& output : action.outputs) text += output_block(output);
    return text;
}

std::string about(std::string_view label, std::string_view value) {
    return fmt::format("{}: {}\n", right(label, 12), visible(value));
}

template <typename Schema>
std::string head(const Schema& schema) {
    const auto title = visible(schema.name);
    auto text = fmt::format("{}\n{}\n\n{}\n\n", title, std::string(width(title), '='), visible(schema.description));
    text += about("Author", schema.author) + about("Version", schema.version) + about("License", schema.license) +
            about("Timeout", std::to_string(schema.timeout.count())) + about("Home Page", schema.url);
    return schema.provider.empty() ? text : text + about("Provider", schema.provider);
}

}  // namespace

std::string agent_page(const proto::AgentSchema& agent) {
    auto text = head(agent);
    if (agent.persistent) text += about("Mode", "persistent");
    auto actions = agent.actions;
    std::sort(actions.begin(), actions.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    text += "\nACTIONS:\n========\n   ";
    for (std::size_t i = 0; i < actions.size(); ++i) text += (i == 0 ? "" : ", ") + visible(actions[i].name);
    text += "\n\n";
    for (const auto& action : actions) text += action_block(action);
    return text;
}

std::string data_page(const proto::DataSchema& source) {
    auto text = head(source) + "\nQUERY FUNCTION INPUT:\n\n";
    text += source.query ? input_block(*source.query) : "       This data source takes no question\n\n";
    text += "QUERY FUNCTION OUTPUT:\n\n";
    for (const auto& output : source.outputs) text += output_block(output);
    return text;
}

}  // namespace mco::client
