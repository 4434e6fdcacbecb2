#pragma once

#include <span>
#include <string>
#include <string_view>

#include "node/call.hpp"

namespace mco::node {

// One row per setting of a built-in agent: reading the configuration, the agent and docs/builtin-agents.md agree because of it.
struct AgentSetting {
    std::string_view key;  // "plugin.filemgr.touch_file"; with '*' at its end: whatever follows
    std::string_view fallback;
    std::string_view description;
    std::string (*object_to)(std::string_view value);  // what is wrong with a value, "" if nothing
};
std::span<const AgentSetting> agent_settings();
const AgentSetting* find_agent_setting(std::string_view key);  // nullptr: no built-in agent has it

// The configured value or its fallback; "" for keys that are neither.
std::string agent_setting(const Call& call, std::string_view key);
bool agent_switch(const Call& call, std::string_view key);  // of yes and no

}  // namespace mco::node
