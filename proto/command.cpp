#include "proto/command.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proto/expression.hpp"
#include "proto/number_text.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

constexpr std::size_t words_max = 256;
constexpr std::size_t expressions_max = 64;
constexpr std::size_t lines_max = 10'000;  // of one output; what comes after is left out

// One {{input}} in a word.
struct Slot {
    std::size_t from, to;  // with the braces
    std::string_view input;
};

std::optional<Slot> next_slot(std::string_view word, std::size_t from) {
    const auto open = word.find("{{", from);
    const auto close = open == std::string_view::npos ? open : word.find("}}", open + 2);
    if (close == std::string_view::npos) return std::nullopt;
    return Slot{open, close + 2, word.substr(open + 2, close - open - 2)};
}

bool runs_text(std::string_view program, std::string_view option) {
    constexpr auto shells = std::to_array<std::string_view>({"sh", "bash", "dash", "ksh", "zsh", "fish"});
    const auto name = program.substr(program.rfind('/') + 1);
    return std::find(shells.begin(), shells.end(), name) != shells.end() && option.starts_with('-') &&
           option.ends_with('c');
}

Result<void> check_words(const std::vector<std::string>& words, const ActionSchema& action) {
    if (!words.front().starts_with('/') || next_slot(words.front(), 0))
        return fail(Errc::invalid,
                    fmt::format("command[0]: \"{}\" must be the absolute path of a program", words.front()));
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].find('\0') != std::string::npos)
            return fail(Errc::invalid, fmt::format("command[{}]: no argument can hold a NUL", i));
        std::size_t from = 0;
        while (const auto slot = next_slot(words[i], from)) {
            if (action.find_input(slot->input) == nullptr)
                return fail(Errc::invalid, fmt::format("command[{}]: {{{{{}}}}} is no input of this action", i,
                                                       slot->input));
            if (runs_text(words[0], words[i - 1]))
                return fail(Errc::invalid,
                            fmt::format("command[{}]: what a caller says must not be part of a shell's program\n"
                                        "Pass it as an argument of its own: \"$1\" in the program, then \"--\" and "
                                        "{{{{{}}}}}.",
                                        i, slot->input));
            from = slot->to;
        }
    }
    return {};
}

// Where text and lines go.
Result<std::string> only_output(const ActionSchema& action) {
    std::string only;
    std::size_t others = 0;
    for (const auto& output : action.outputs) {
        if (output.name == "output") return output.name;
        if (output.name == "exitcode" || output.name == "stderr") continue;
        only = output.name;
        ++others;
    }
    if (others <= 1) return only;  // none: nobody asks what it prints
    return fail(Errc::invalid, "output_format: of several outputs one must be called \"output\" for text and lines");
}

Result<void> read_expressions(const Value::Map& table, const ActionSchema& action, CommandSchema& command) {
    if (table.size() > expressions_max)
        return fail(Errc::invalid, fmt::format("output_format: has more than {} expressions", expressions_max));
    for (const auto& [key, value] : table) {
        const auto wrong = [&, &name = key](std::string_view why) {
            return fail(Errc::invalid, fmt::format("output_format.{}: {}", name, why));
        };
        if (value.text() == nullptr) return wrong("must be an expression");
        const auto compiled = Extraction::compile(*value.text());
        if (!compiled) return wrong(compiled.error().detail);
        auto names = compiled->names();
        if (names.empty()) names.push_back(key);
        for (const auto& name : names) {
            if (action.find_output(name) == nullptr)
                return wrong(fmt::format("\"{}\" is no output of this action", name));
        }
        command.expressions.emplace_back(key, *value.text());
    }
    return {};
}

Value typed(const ActionSchema& action, const std::string& output, std::string text) {
    const auto* schema = action.find_output(output);
    const auto& type = schema->type;
    if (type == "integer" || type == "number") {
        if (const auto number = to_integer(text)) return *number;
    }
    if (type == "float" || type == "number") {
        if (const auto number = to_real(text)) return *number;
    }
    if (type == "boolean" && (text == "true" || text == "false")) return text == "true";
    return repair_utf8(text);
}

Value lines_of(std::string_view text) {
    Value::List lines;
    while (!text.empty() && lines.size() < lines_max) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.emplace_back(repair_utf8(line));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace

Result<CommandSchema> read_command(const Value& argv, const Value* format, const ActionSchema& action) {
    const auto* words = argv.list();
    if (words == nullptr || words->empty() || words->size() > words_max)
        return fail(Errc::invalid, fmt::format("command: must be a list of 1 to {} texts", words_max));
    CommandSchema command;
    for (const auto& word : *words) {
        if (word.text() == nullptr) return fail(Errc::invalid, "command: must be a list of texts");
        command.argv.push_back(*word.text());
    }
    if (auto checked = check_words(command.argv, action); !checked) return tl::unexpected(checked.error());

    const std::string* name = format == nullptr ? nullptr : format->text();
    if (format != nullptr && format->map() != nullptr) {
        command.format = CommandSchema::Format::expressions;
        if (auto read = read_expressions(*format->map(), action, command); !read) return tl::unexpected(read.error());
        return command;
    }
    if (name != nullptr && *name == "json") {
        command.format = CommandSchema::Format::json;
        return command;
    }
    if (name != nullptr && *name == "lines") {
        command.format = CommandSchema::Format::lines;
    } else if (format != nullptr && (name == nullptr || *name != "text")) {
        return fail(Errc::invalid, "output_format: must be text, lines, json or a table of expressions");
    }
    auto output = only_output(action);
    if (!output) return tl::unexpected(output.error());
    command.output = std::move(*output);
    return command;
}

Result<std::vector<std::string>> command_words(const CommandSchema& command, const Value::Map& inputs) {
    std::vector<std::string> words;
    bool options_over = false;
    for (const auto& pattern : command.argv) {
        std::string word;
        std::size_t from = 0;
        bool complete = true;
        while (const auto slot = next_slot(pattern, from)) {
            const auto value = inputs.find(slot->input);
            complete = complete && value != inputs.end() && !value->second.is_null();
            word.append(pattern, from, slot->from - from);
            if (complete) word += value->second.to_text();
            if (complete && slot->from == 0 && word.starts_with('-') && !options_over)
                return fail(Errc::invalid,
                            fmt::format("{} begins with a dash, which {} would take for an option", slot->input,
                                        command.argv.front()));
            from = slot->to;
        }
        word.append(pattern, from);
        if (!complete) continue;
        if (word.find('\0') != std::string::npos)
            return fail(Errc::invalid, "a NUL octet cannot be part of a program's arguments");
        options_over = options_over || pattern == "--";
        words.push_back(std::move(word));
    }
    return words;
}

Result<Value::Map> read_command_output(const ActionSchema& action, std::string_view printed) {
    const auto& command = *action.command;
    Value::Map outputs;
    switch (command.format) {
        case CommandSchema::Format::text: {
            while (printed.ends_with('\n') || printed.ends_with('\r')) printed.remove_suffix(1);
            if (command.output.empty()) break;
            outputs.emplace(command.output, typed(action, command.output, std::string(printed)));
            break;
        }
        case CommandSchema::Format::lines:
            if (!command.output.empty()) outputs.emplace(command.output, lines_of(printed));
            break;
        case CommandSchema::Format::json: {
            auto value = parse_json(printed);
            if (!value) return fail(Errc::invalid, fmt::format("it did not print JSON: {}", value.error().detail));
            if (value->map() == nullptr) return fail(Errc::invalid, "the JSON it printed is no object");
            outputs = std::move(*value->map());
            break;
        }
        case CommandSchema::Format::expressions:
            for (const auto& [output, expression] : command.expressions) {
                const auto compiled = Extraction::compile(expression);  // was checked when the DDL was read
                if (!compiled) return tl::unexpected(compiled.error());
                auto found = compiled->find(printed);
                if (!found) continue;  // the output keeps its default
                for (auto& [name, text] : *found) {
                    const auto& to = name.empty() ? output : name;
                    outputs.insert_or_assign(to, typed(action, to, std::move(text)));
                }
            }
            break;
    }
    return outputs;
}

}  // namespace mco::proto
