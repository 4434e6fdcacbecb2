#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace mco::client {

// A new external agent that runs as it is: its DDL and, unless its actions are commands, a Python program.
struct AgentSkeleton {
    std::string name;
    std::string description, author, license, version, url;
    std::chrono::seconds timeout{10};
    std::vector<std::string> actions;
};
std::string command_ddl(const AgentSkeleton& agent);  // every action prints a greeting, by echo
std::string python_ddl(const AgentSkeleton& agent);
std::string python_program(const AgentSkeleton& agent);

}  // namespace mco::client
