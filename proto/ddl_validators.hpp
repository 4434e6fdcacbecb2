#pragma once

#include <optional>
#include <string>
#include <string_view>

// The validations of text that are known by name. Any thread.
namespace mco::proto {

// One word of letters, digits and _: the name of a validator, ours or somebody else's, and no expression.
bool is_validator_name(std::string_view validation);
bool knows_validator(std::string_view name);

// What is wrong with the text in the eyes of this validation (a name or an expression); nothing if it may pass.
std::optional<std::string> object_to(std::string_view text, std::string_view validation);

}  // namespace mco::proto
