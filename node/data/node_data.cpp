// What a node knows of itself without looking anywhere: agents, collectives, facts.

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "node/data/sources.hpp"
#include "proto/filter.hpp"

namespace mco::node::data {

using proto::Value;

Outputs agent(const Call& call, const std::string& name) {
    for (const auto& schema : call.node->schemas) {
        if (schema->name != name) continue;
        return Value::Map{
            {"author", schema->author},   {"description", schema->description},
            {"license", schema->license}, {"timeout", Value(static_cast<std::int64_t>(schema->timeout.count()))},
            {"url", schema->url},         {"version", schema->version}};
    }
    return proto::fail(proto::Errc::not_found, fmt::format("No agent called {} found", name));
}

Outputs collective(const Call& call, const std::string& name) {
    const auto& joined = call.node->traits.collectives;
    return Value::Map{{"member", std::find(joined.begin(), joined.end(), name) != joined.end()}};
}

Outputs fact(const Call& call, const std::string& name) {
    const Value* found = proto::find_fact(call.node->traits.facts, name);
    if (found == nullptr) return Value::Map{{"exists", false}, {"value", false}, {"value_encoding", false}};
    const bool nested = found->list() != nullptr || found->map() != nullptr;
    return Value::Map{
        {"exists", true}, {"value", found->to_text()}, {"value_encoding", nested ? "application/json" : "text/plain"}};
}

}  // namespace mco::node::data
