#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::proto {

enum class InputType : std::uint8_t { string, list, boolean, integer, float_number, number, hash, array };
enum class DisplayMode : std::uint8_t { ok, failed, always };

struct InputSchema {
    std::string name, prompt, description;
    InputType type = InputType::string;
    bool optional = false;
    std::optional<Value> default_value;
    // Strings: RE2 text, unanchored, ^ and $ only at the ends of the text; or shellsafe | ipv4address | ipv6address |
    // ipaddress (addresses with or without a prefix length). Empty: anything.
    std::string validation;
    std::size_t length_max = 0;           // strings: characters; 0 = unlimited
    std::vector<std::string> allowed;     // lists
    bool secret = false;                  // shown and recorded nowhere ("secret": true)
};

struct OutputSchema {
    std::string name, description, display_as;
    std::optional<Value> default_value;
    std::string type;                     // as written, lower case; "" if not said
};

// How an action without code is done: a program, never a shell, and how its output is read (proto/command.hpp).
struct CommandSchema {
    enum class Format : std::uint8_t { text, json, lines, expressions };
    std::vector<std::string> argv;        // {{input}} stands for an input's value
    Format format = Format::text;
    std::string output;                   // text and lines: which output gets it
    std::vector<std::pair<std::string, std::string>> expressions;  // output and where it is found
};

struct AggregateSchema {
    std::string function;                 // summary, average, sum, ...
    std::string output;
    std::string format;                   // printf-like, may be empty
    std::map<std::string, std::string, std::less<>> labels;  // boolean_summary: what to call "true" and "false"
};

struct ActionSchema {
    std::string name, description;
    DisplayMode display = DisplayMode::failed;
    std::vector<InputSchema> inputs;      // sorted by name, as outputs are
    std::vector<OutputSchema> outputs;
    std::vector<AggregateSchema> aggregates;
    std::optional<CommandSchema> command = {};

    const InputSchema* find_input(std::string_view input) const;
    const OutputSchema* find_output(std::string_view output) const;
};

// The interface of one agent (its DDL): the client checks a request with it before sending, the node again before acting.
struct AgentSchema {
    std::string name, description, author, license, version, url, provider;
    std::chrono::seconds timeout{10};
    std::vector<ActionSchema> actions;
    bool persistent = false;              // external agents: started once and kept ("mode": "persistent")

    const ActionSchema* find_action(std::string_view action) const;
};

// The interface of a data source: what it is asked and what it answers.
struct DataSchema {
    std::string name, description, author, license, version, url, provider;
    std::chrono::seconds timeout{10};
    std::optional<InputSchema> query;     // none: it takes no question
    std::vector<OutputSchema> outputs;    // sorted by name

    const OutputSchema* find_output(std::string_view output) const;
};

// Reads a JSON DDL (at most limits::schema_size_max). Errors name the key's path: "actions[2].input.fact: ...".
// What the schema of external agents requires is required, unknown keys are ignored, as other readers do. A validation that is one
// word and none of the names above is a validator we do not know: it is kept and lets everything pass.
Result<AgentSchema> parse_schema(std::string_view json);
Result<DataSchema> parse_data_schema(std::string_view json);  // metadata, query, output

// The same from values that were read already, as from a Ruby DDL.
Result<AgentSchema> schema_of(const Value& file);
Result<DataSchema> data_schema_of(const Value& file);

// Checks inputs against the action: required ones, types, lengths, expressions, lists. Inputs the schema does not know
// pass. 1 is no float and 1.0 no integer. The error is `invalid` and reads "Cannot validate input <name>: ...".
Result<void> validate_inputs(const ActionSchema& action, const Value::Map& inputs);

// A question to a data source, as text; "" is none. The error is `invalid`.
Result<void> validate_query(const DataSchema& source, const std::string& query);

// The command line's side: turns key=value texts into the types of the schema (booleans true/t/yes/y/1 and
// false/f/no/n/0; signed numbers with exponent, 1e3 being an integer, too, and 5 a float; hash and array as JSON), fills in
// defaults of required inputs that are absent, and validates. Words the schema does not know stay text.
Result<Value::Map> read_inputs(const ActionSchema& action, const std::map<std::string, std::string>& words);

// What may be recorded of inputs: those the action declares, secret ones as "[secret]".
Value::Map recordable(const ActionSchema& action, const Value::Map& inputs);

// The node's side: outputs that the agent left out get their default (null if none is declared).
void fill_outputs(const ActionSchema& action, Value::Map& outputs);

}  // namespace mco::proto
