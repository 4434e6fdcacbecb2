#include "client/completer.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "client/command.hpp"
#include "client/options.hpp"

namespace mco::client {
namespace {

using Candidates = std::vector<Candidate>;

// Words that stand for themselves: of options, and behind commands that have no DDL to ask.
struct Choices {
    std::string_view name, words;
};
constexpr std::array option_choices{
    Choices{"color", "always never auto"},
    Choices{"display", "ok failed all none"},
    Choices{"disc-method", "mesh none flatfile stdin inventory external puppetdb"},
    Choices{"limit-method", "first random"},
};
constexpr std::array command_words{
    Choices{"completion", "bash zsh fish"},
    Choices{"mesh", "trace counters"},
    Choices{"plugin", "doc list generate validate"},
    Choices{"puppet", "count disable enable resource runall runonce status summary"},
    Choices{"process", "list"},
    Choices{"shell", "run start watch list kill"},
    Choices{"filemgr", "touch remove status"},
    Choices{"nettest", "ping connect"},
};

void add_words(Candidates& into, std::string_view words) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        into.push_back({std::string(words.substr(0, end)), {}});
        words.remove_prefix(std::min(end + 1, words.size()));
    }
}

template <std::size_t n>
bool add_choices(Candidates& into, const std::array<Choices, n>& table, std::string_view name) {
    for (const auto& choices : table) {
        if (choices.name == name) add_words(into, choices.words);
        if (choices.name == name) return true;
    }
    return false;
}

template <typename Names>
void add_names(Candidates& into, const Names& names, std::string_view behind = {}) {
    for (const auto& name : names) into.push_back({std::string(name) + std::string(behind), {}});
}

void add_actions(Candidates& into, const Knowledge& knowledge, const std::string& agent) {
    const auto schema = knowledge.schema(agent);
    if (!schema) return;
    for (const auto& action : schema->actions) into.push_back({action.name, visible(action.description)});
}

std::string_view first_name(const Option& option) { return option.names.substr(0, option.names.find(',')); }

// What was typed so far: words that are no options, and the values of --agent, --action and --target.
struct Typed {
    std::vector<std::string> words;
    std::string agent, action, collective;
    const Option* open = nullptr;  // an option that waits for its value
};
Typed read_typed(const OptionSet& set, std::span<const std::string> before) {
    Typed typed;
    for (const auto& word : before) {
        if (typed.open != nullptr) {
            if (first_name(*typed.open) == "agent") typed.agent = word;
            if (first_name(*typed.open) == "action") typed.action = word;
            if (first_name(*typed.open) == "target") typed.collective = word;
            typed.open = nullptr;
        } else if (word.size() > 1 && word[0] == '-') {
            const auto* option = set.find(word);
            if (option != nullptr && !option->value.empty()) typed.open = option;
        } else {
            typed.words.push_back(word);
        }
    }
    return typed;
}

void add_values(Candidates& into, const Option& option, const Knowledge& knowledge, const Typed& typed) {
    const auto name = first_name(option);
    if (add_choices(into, option_choices, name)) return;
    if (name == "with-identity") add_names(into, knowledge.names(typed.collective).nodes);
    if (name == "with-fact" || name == "with" || name == "select") add_names(into, knowledge.names(typed.collective).facts, "=");
    if (name == "target") add_names(into, knowledge.collectives);
    if (name == "with-agent" || name == "agent") into.insert(into.end(), knowledge.agents.begin(), knowledge.agents.end());
    if (name == "action") add_actions(into, knowledge, typed.agent);
}

// An input's values behind "NAME=".
void add_input_values(Candidates& into, const proto::InputSchema& input, const Knowledge& knowledge, const Typed& typed) {
    const auto add = [&](std::string_view value) {
        into.push_back({input.name + "=" + std::string(value), {}});
    };
    for (const auto& value : input.allowed) add(value);
    if (input.type == proto::InputType::boolean) {
        add("true");
        add("false");
    }
    if (input.name == "fact") {
        const auto names = knowledge.names(typed.collective);
        for (const auto& fact : names.facts) add(fact);
    }
    if (input.name == "agent") {
        for (const auto& agent : knowledge.agents) add(agent.word);
    }
}

void add_rpc_words(Candidates& into, const Typed& typed, const std::string& current, const Knowledge& knowledge) {
    auto words = typed.words;
    const auto take = [&](const std::string& given) {
        if (!given.empty()) return given;
        if (words.empty()) return std::string();
        const auto word = words.front();
        words.erase(words.begin());
        return word;
    };
    const auto agent = take(typed.agent);
    if (agent.empty()) {
        into = knowledge.agents;
        return;
    }
    const auto action_name = take(typed.action);
    if (action_name.empty()) return add_actions(into, knowledge, agent);
    const auto schema = knowledge.schema(agent);
    const auto* action = schema ? schema->find_action(action_name) : nullptr;
    if (action == nullptr) return;
    for (const auto& input : action->inputs) {
        const std::string start = input.name + "=";
        const bool given = std::any_of(words.begin(), words.end(), [&](const auto& word) { return word.starts_with(start); });
        if (current.starts_with(start)) {
            add_input_values(into, input, knowledge, typed);
        } else if (!given) {
            into.push_back({start, visible(input.description)});
        }
    }
}

void add_command_words(Candidates& into, const Command& command, const Typed& typed, const std::string& current,
                       const Knowledge& knowledge) {
    const auto name = command.name;
    if (name == "rpc") return add_rpc_words(into, typed, current, knowledge);
    if (name == "plugin" && typed.words.size() == 1) {
        into = knowledge.agents;
        return;
    }
    if (name == "nrpe" || typed.words.size() > 1) return;
    if (name == "package" || name == "service") {  // in either order, so the name may be there
        add_actions(into, knowledge, std::string(name));
    } else if (!typed.words.empty()) {
        return;
    } else if (name == "help") {
        for (const auto* each : commands()) into.push_back({std::string(each->name), std::string(each->summary)});
    } else if (name == "inventory") {
        add_names(into, knowledge.names(typed.collective).nodes);
    } else if (name == "facts") {
        add_names(into, knowledge.names(typed.collective).facts);
    } else {
        add_choices(into, command_words, name);
    }
}

void add_option_names(Candidates& into, const OptionSet& set) {
    for (const auto& option : set.all()) {
        for (auto& form : spellings_of(option)) {
            if (form.size() > 2) into.push_back({std::move(form), std::string(option.help)});
        }
    }
}

// "--color=al": the values of the option, each behind what was typed. Whether it was such a word.
bool add_glued_values(Candidates& into, const OptionSet& set, const std::string& current, const Typed& typed,
                      const Knowledge& knowledge) {
    const auto equals = current.find('=');
    if (!current.starts_with("--") || equals == std::string::npos) return false;
    const auto* option = set.find(current.substr(0, equals));
    if (option == nullptr || option->value.empty()) return true;
    add_values(into, *option, knowledge, typed);
    for (auto& candidate : into) candidate.word.insert(0, current.substr(0, equals + 1));
    return true;
}

Candidates candidates_for(const std::vector<std::string>& words, const Knowledge& knowledge) {
    Candidates candidates;
    const auto& current = words.back();
    if (words.size() == 2) {
        for (const auto* command : commands())
            candidates.push_back({std::string(command->name), std::string(command->summary)});
        return candidates;
    }
    const auto* command = find_command(words[1]);
    if (command == nullptr) return candidates;
    OptionSet set;
    command->declare(set);
    const auto typed = read_typed(set, std::span(words).subspan(2, words.size() - 3));
    if (typed.open != nullptr) {
        add_values(candidates, *typed.open, knowledge, typed);
    } else if (!add_glued_values(candidates, set, current, typed, knowledge)) {
        if (current.starts_with('-'))
            add_option_names(candidates, set);
        else
            add_command_words(candidates, *command, typed, current, knowledge);
    }
    return candidates;
}

}  // namespace

std::vector<std::string> split_typed_line(std::string_view line) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote == 0 && (c == ' ' || c == '\t')) {
            if (word) words.push_back(std::move(*word));
            word.reset();
            continue;
        }
        if (!word) word.emplace();
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (quote != '\'' && c == '\\' && i + 1 < line.size()) {
            *word += line[++i];
        } else {
            *word += c;
        }
    }
    words.push_back(word.value_or(std::string()));
    return words;
}

Candidates complete(const std::vector<std::string>& words, const Knowledge& knowledge) {
    if (words.size() < 2) return {};
    auto candidates = candidates_for(words, knowledge);
    std::erase_if(candidates, [&](const Candidate& one) { return !one.word.starts_with(words.back()); });
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.word < b.word; });
    return candidates;
}

}  // namespace mco::client
