#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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
    std::string validation;               // strings: RE2 text, or shellsafe | ipv4address | ipv6address | ipaddress
    std::size_t length_max = 0;           // strings: characters; 0 = unlimited
    std::vector<std::string> allowed;     // lists
};

struct OutputSchema {
    std::string name, description, display_as;
    std::optional<Value> default_value;
};

struct AggregateSchema {
    std::string function;                 // summary, average, sum, ...
    std::string output;
    std::string format;                   // printf-like, may be empty
};

struct ActionSchema {
    std::string name, description;
    DisplayMode display = DisplayMode::failed;
    std::vector<InputSchema> inputs;      // in the order of the file's names
    std::vector<OutputSchema> outputs;
    std::vector<AggregateSchema> aggregates;

    const InputSchema* find_input(std::string_view input) const;
    const OutputSchema* find_output(std::string_view output) const;
};

// The interface of one agent (its DDL): the client checks a request with it before sending, the node again before acting.
struct AgentSchema {
    std::string name, description, author, license, version, url, provider;
    std::chrono::seconds timeout{10};
    std::vector<ActionSchema> actions;

    const ActionSchema* find_action(std::string_view action) const;
};

// Reads a JSON DDL (at most limits::schema_size_max). Errors name the key's path: "actions[2].input.fact: ...".
// An unknown validation name is kept and matches everything; unknown keys are ignored, as other readers do.
Result<AgentSchema> parse_schema(std::string_view json);

// Checks inputs against the action: types, lengths, expressions, lists, required ones. Inputs the schema does not know
// pass. The error is `invalid` and reads "Cannot validate input <name>: ...".
Result<void> validate_inputs(const ActionSchema& action, const Value::Map& inputs);

// The command line's side: turns key=value texts into the types of the schema (booleans true/t/yes/y/1 and
// false/f/no/n/0; signed numbers with exponent; hash and array as JSON), fills in defaults of required inputs that are
// absent, and validates.
Result<Value::Map> read_inputs(const ActionSchema& action, const std::map<std::string, std::string>& words);

// The node's side: outputs that the agent left out get their default (null if none is declared).
void fill_outputs(const ActionSchema& action, Value::Map& outputs);

}  // namespace mco::proto
