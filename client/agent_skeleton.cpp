#include "client/agent_skeleton.hpp"

#include <fmt/format.h>

#include "proto/value.hpp"

namespace mco::client {
namespace {

using proto::Value;

enum class Kind { command, program };

std::string ddl(const AgentSkeleton& agent, Kind kind) {
    Value::List actions;
    for (const auto& name : agent.actions) {
        Value::Map action{
            {"action", name},
            {"description", fmt::format("What {} does, in a sentence", name)},
            {"display", "always"},
            {"input", Value::Map{{"message", Value::Map{{"prompt", "Message"},
                                                        {"description", "A text that comes back"},
                                                        {"type", "string"},
                                                        {"optional", true},
                                                        {"default", "hello"},
                                                        {"validation", "\\A[^-].*\\z"},
                                                        {"maxlength", 100}}}}},
            {"output", Value::Map{{"output", Value::Map{{"description", "What it had to say"},
                                                        {"display_as", "Output"},
                                                        {"type", "string"},
                                                        {"default", ""}}}}}};
        if (kind == Kind::command) {
            action.emplace("command", Value::List{"/bin/echo", fmt::format("{} {}:", agent.name, name), "{{message}}"});
            action.emplace("output_format", "text");
        }
        actions.emplace_back(std::move(action));
    }
    return proto::to_pretty_json(Value::Map{{"metadata", Value::Map{{"name", agent.name},
                                                                    {"description", agent.description},
                                                                    {"author", agent.author},
                                                                    {"license", agent.license},
                                                                    {"version", agent.version},
                                                                    {"url", agent.url},
                                                                    {"timeout", std::int64_t{agent.timeout.count()}},
                                                                    {"provider", "external"}}},
                                            {"actions", std::move(actions)}}) +
           "\n";
}

}  // namespace

std::string command_ddl(const AgentSkeleton& agent) { return ddl(agent, Kind::command); }
std::string python_ddl(const AgentSkeleton& agent) { return ddl(agent, Kind::program); }

std::string python_program(const AgentSkeleton& agent) {
    std::string actions, table;
    for (const auto& name : agent.actions) {
        actions += fmt::format(R"(def {0}_action(data):
    return {{"output": "{1} {0}: " + data.get("message", "hello")}}


)",
                               name, agent.name);
        table += fmt::format("    \"{0}\": {0}_action,\n", name);
    }
    return fmt::format(R"(#!/usr/bin/env python3
"""Agent {}: called once for each request, with files for the request and the reply."""

import json
import os


{}ACTIONS = {{
{}}}


def answer(request):
    if request["protocol"].endswith("activation_request"):
        return {{"activate": True}}  # say False where this machine lacks what the agent needs
    action = ACTIONS.get(request["action"])
    if action is None:
        return {{"statuscode": 2, "statusmsg": "unknown action " + request["action"]}}
    try:
        return {{"statuscode": 0, "statusmsg": "OK", "data": action(request["data"])}}
    except Exception as error:
        return {{"statuscode": 1, "statusmsg": str(error)}}


with open(os.environ["CHORIA_EXTERNAL_REQUEST"]) as file:
    request = json.load(file)
with open(os.environ["CHORIA_EXTERNAL_REPLY"], "w") as file:
    json.dump(answer(request), file)
)",
                       agent.name, actions, table);
}

}  // namespace mco::client
