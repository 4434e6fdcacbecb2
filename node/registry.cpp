#include "node/registry.hpp"

#include <utility>

#include "proto/schema_library.hpp"

namespace mco::node {

bool Activation::allows(std::string_view agent, Agent::Initially initially) const {
    if (agent == "discovery") return true;
    const auto found = single.find(agent);
    return found == single.end() ? all && initially == Agent::Initially::active : found->second;
}

std::vector<std::string> Registry::load(const std::vector<std::filesystem::path>& libdirs,
                                        const Activation& activation) {
    const proto::SchemaLibrary library(libdirs);
    std::vector<std::string> problems;
    for (Agent* agent : agents_) {
        const std::string name(agent->name());
        if (!activation.allows(name, agent->initially())) {
            active_.erase(name);
            continue;
        }
        auto schema = library.load(name);
        if (schema) {
            active_[name] = {agent, std::make_shared<const proto::AgentSchema>(std::move(*schema))};
        } else {
            problems.push_back(std::move(schema.error().detail));
        }
    }
    return problems;
}

const Registry::Entry* Registry::find(std::string_view agent) const {
    const auto found = active_.find(agent);
    return found == active_.end() ? nullptr : &found->second;
}

std::vector<std::string> Registry::names() const {
    std::vector<std::string> names;
    for (const auto& [name, entry] : active_) names.push_back(name);
    return names;
}

std::vector<std::shared_ptr<const proto::AgentSchema>> Registry::schemas() const {
    std::vector<std::shared_ptr<const proto::AgentSchema>> schemas;
    for (const auto& [name, entry] : active_) schemas.push_back(entry.schema);
    return schemas;
}

}  // namespace mco::node
