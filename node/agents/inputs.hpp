#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "node/agent.hpp"

// What the agents have in common: reading a call, and saying no. Any thread.
namespace mco::node {

// Inputs that admission has checked against the DDL; "" or nothing if the caller left an optional one out.
std::string text_input(const Call& call, std::string_view name);
std::optional<bool> flag_input(const Call& call, std::string_view name);
std::optional<std::int64_t> integer_input(const Call& call, std::string_view name);
std::optional<double> number_input(const Call& call, std::string_view name);  // integers, too

ActionReply aborted(std::string message);
ActionReply unknown_action(const Call& call);  // declared in a DDL, but not done here

}  // namespace mco::node
