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

// The agents of this node, each with its DDL if it is active: built-in ones, and external ones that somebody else loads. An agent whose DDL is missing or broken is not loaded,
// as on MCollective's nodes: without it no argument could be checked. One thread; agents must outlive it.
class Registry {
 public:
    explicit Registry(std::vector<Agent*> agents) : agents_(std::move(agents)) {}

    // Calls in flight keep the agent and the DDL they were checked with.
    struct Entry {
        std::shared_ptr<Agent> agent;  // of a built-in one: without ownership
        std::shared_ptr<const proto::AgentSchema> schema;
    };
    // Reads the DDLs anew. An active agent whose DDL went bad keeps the one it had. Returns one sentence per problem.
    std::vector<std::string> load(const std::vector<std::filesystem::path>& libdirs, const Activation& activation);

    // Takes the place of all external agents there were. Names of built-in ones are not taken.
    void set_external(std::vector<Entry> agents);

    const Entry* find(std::string_view agent) const;  // active ones only; nullptr: this node has no such agent
    std::vector<std::string> names() const;           // active ones, sorted
    std::vector<std::string> built_in() const;        // whether active or not
    std::vector<std::shared_ptr<const proto::AgentSchema>> schemas() const;

 private:
    std::vector<Agent*> agents_;
    std::map<std::string, Entry, std::less<>> active_;    // built-in ones
    std::map<std::string, Entry, std::less<>> external_;  // whoever loaded them decided that they are active
    template <typename Visit>
    void each(Visit visit) const;  // sorted by name
};

}  // namespace mco::node
