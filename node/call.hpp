#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/counters.hpp"
#include "proto/ddl.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"
#include "proto/traits.hpp"
#include "proto/value.hpp"

namespace mco::node {

struct MeshView;    // mesh_view.hpp
class DataSources;  // data.hpp

// What agents may know of the node they run on. Immutable and shared by all calls between two changes, so that workers
// read it without a lock.
struct NodeView {
    proto::Traits traits;
    std::string facts_problem;                                       // empty: the fact files are fine
    std::vector<std::shared_ptr<const proto::AgentSchema>> schemas;  // of the active agents, sorted by name
    std::shared_ptr<const DataSources> data;                         // null: none were loaded
    std::map<std::string, std::string, std::less<>> settings;        // configuration items that are no secret
    std::map<std::string, std::string, std::less<>> agent_settings;  // plugin.AGENT.KEY as configured; may be secret
    std::string config_file;
    std::string audit_file;                                          // empty: there is none
    proto::WallTime started{};
};


// One admitted request as an agent sees it.
struct Call {
    proto::RequestId request{};
    std::string collective;
    std::string agent;
    std::string action;
    proto::Value::Map arguments;
    std::string caller;                    // "cert=alice"
    std::chrono::milliseconds ttl{};       // how long the caller lets it travel
    proto::WallTime time{};                // when it was admitted, by this node's clock
    proto::Instant began{};                // the same, as durations are measured
    Counters counters;                     // as they stood then
    std::shared_ptr<const NodeView> node;  // never null
    std::shared_ptr<const MeshView> mesh;  // as it stood then; null unless the agent sees_mesh()
};

}  // namespace mco::node
