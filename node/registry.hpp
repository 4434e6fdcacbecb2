#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node/agent.hpp"
#include "proto/ddl.hpp"
#include "proto/error.hpp"

namespace mco::node {

// Which agents answer on this node. `activate_agents = no` leaves those that are named; a single one can be switched by
// name, and some agents are off unless they are named. The agent "discovery" is always active: a node that answers nobody's
// ping could not be found to be mended.
struct Activation {
    bool all = true;
    std::map<std::string, bool, std::less<>> single;
    bool allows(std::string_view agent, Agent::Initially initially = Agent::Initially::active) const;
};

// The agents this program knows, each with its DDL if it is active. An agent whose DDL is missing or broken is not loaded,
// as on MCollective's nodes: without it no argument could be checked. One thread; agents must outlive it.
class Registry {
 public:
    explicit Registry(std::vector<Agent*> agents) : agents_(std::move(agents)) {}

    struct Entry {
        Agent* agent = nullptr;
        std::shared_ptr<const proto::AgentSchema> schema;  // calls in flight keep the one they were checked with
    };
    // Reads the DDLs anew. An active agent whose DDL went bad keeps the one it had. Returns one sentence per problem.
    std::vector<std::string> load(const std::vector<std::filesystem::path>& libdirs, const Activation& activation);

    const Entry* find(std::string_view agent) const;  // active ones only; nullptr: this node has no such agent
    std::vector<std::string> names() const;           // active ones, sorted
    std::vector<std::shared_ptr<const proto::AgentSchema>> schemas() const;

 private:
    std::vector<Agent*> agents_;
    std::map<std::string, Entry, std::less<>> active_;
};

}  // namespace mco::node
