#include "node/registry.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/schema_library.hpp"

namespace mco::node {

bool Activation::allows(std::string_view agent, Agent::Initially initially) const {
    if (agent == "discovery") return true;
    const auto found = single.find(agent);
    return found == single.end() ? all && initially == Agent::Initially::active : found->second;
}

namespace {

// The name of a built-in agent cannot be taken: a DDL of an external one so named is passed over.
proto::Result<proto::AgentSchema> load_built_in(std::vector<std::filesystem::path> libdirs, const std::string& name,
                                                std::vector<std::string>& problems) {
    for (;;) {
        auto schema = proto::SchemaLibrary(libdirs).load(name);
        if (!schema || schema->provider != "external") return schema;
        // The first libdir that has it is the one to blame.
        while (!libdirs.empty() && !proto::SchemaLibrary({libdirs.front()}).load(name)) libdirs.erase(libdirs.begin());
        problems.push_back(fmt::format("{}: an external agent cannot be called \"{}\", as a built-in one is\n"
                                       "Rename it; the built-in one is used.",
                                       libdirs.front().string(), name));
        libdirs.erase(libdirs.begin());
    }
}

}  // namespace

std::vector<std::string> Registry::load(const std::vector<std::filesystem::path>& libdirs,
                                        const Activation& activation) {
    std::vector<std::string> problems;
    for (Agent* agent : agents_) {
        const std::string name(agent->name());
        if (!activation.allows(name, agent->initially())) {
            active_.erase(name);
            continue;
        }
        auto schema = load_built_in(libdirs, name, problems);
        if (schema) {
            active_[name] = {std::shared_ptr<Agent>(std::shared_ptr<void>(), agent),
                             std::make_shared<const proto::AgentSchema>(std::move(*schema))};
        } else {
            problems.push_back(std::move(schema.error().detail));
        }
    }
    return problems;
}

void Registry::set_external(std::vector<Entry> agents) {
    external_.clear();
    const auto taken = built_in();
    for (auto& entry : agents) {
        std::string name(entry.agent->name());
        if (std::find(taken.begin(), taken.end(), name) == taken.end())
            external_.insert_or_assign(std::move(name), std::move(entry));
    }
}

const Registry::Entry* Registry::find(std::string_view agent) const {
    for (const auto* agents : {&active_, &external_}) {
        if (const auto found = agents->find(agent); found != agents->end()) return &found->second;
    }
    return nullptr;
}

template <typename Visit>
void Registry::each(Visit visit) const {
    std::map<std::string_view, const Entry*> all;
    for (const auto* agents : {&active_, &external_}) {
        for (const auto& [name, entry] : *agents) all.emplace(name, &entry);
    }
    for (const auto& [name, entry] : all) visit(name, *entry);
}

std::vector<std::string> Registry::names() const {
    std::vector<std::string> names;
    each([&](std::string_view name, const Entry&) { names.emplace_back(name); });
    return names;
}

std::vector<std::string> Registry::built_in() const {
    std::vector<std::string> names;
    for (const Agent* agent : agents_) names.emplace_back(agent->name());
    return names;
}

std::vector<std::shared_ptr<const proto::AgentSchema>> Registry::schemas() const {
    std::vector<std::shared_ptr<const proto::AgentSchema>> schemas;
    each([&](std::string_view, const Entry& entry) { schemas.push_back(entry.schema); });
    return schemas;
}

}  // namespace mco::node
