#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/ddl.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::proto {

// "command" and "output_format" of an action whose inputs and outputs were read before. `format` may be nullptr: text.
//
//   "command": ["/usr/bin/systemctl", "is-active", "--", "{{unit}}"]
//       The program by its absolute path. {{input}} is replaced by an input's value, as a whole argument or a part of one.
//   "output_format": "text" | "lines"
//       What is printed goes to the output "output", or to the only one there is: as text, or as a list of lines.
//   "output_format": "json"
//       What is printed is an object; its members are the outputs.
//   "output_format": {"load1": "average: ([0-9.]+)", "rest": "(?P<load5>[0-9.]+), (?P<load15>[0-9.]+)$"}
//       Each named group gives the output of its name; an expression without names gives the output it stands beside.
//
// The outputs "exitcode" and "stderr", if declared, get what their names say, whatever the format.
// Errors say which key is wrong and why.
Result<CommandSchema> read_command(const Value& argv, const Value* format, const ActionSchema& action);

// The words to start the program with. An optional input that was left out takes the arguments it stands in with it.
// `invalid`: a value would be read as an option, or cannot be an argument at all.
Result<std::vector<std::string>> command_words(const CommandSchema& command, const Value::Map& inputs);

// What a program printed, as outputs. `invalid`: it is not what the format says.
Result<Value::Map> read_command_output(const ActionSchema& action, std::string_view printed);

}  // namespace mco::proto
