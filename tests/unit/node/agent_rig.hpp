#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "node/agent.hpp"
#include "node/call.hpp"
#include "proto/ddl.hpp"
#include "proto/value.hpp"

namespace mco::test {

// One agent as the daemon calls it: inputs checked against its DDL, outputs it left out filled in from there.
class AgentRig {
 public:
    explicit AgentRig(node::Agent& agent);

    // Fails the test if the DDL has no such action, refuses the arguments, or does not declare an output that came back.
    node::ActionReply run(std::string_view action, proto::Value::Map arguments = {}, std::stop_token stop = {});
    // What the DDL says against the arguments; "" if nothing.
    std::string objection(std::string_view action, const proto::Value::Map& arguments) const;
    node::Call call(std::string_view action, proto::Value::Map arguments = {}) const;
    void set(const std::string& key, const std::string& value) { view_->agent_settings[key] = value; }
    const proto::AgentSchema& schema() const { return schema_; }

 private:
    node::Agent& agent_;
    proto::AgentSchema schema_;
    std::shared_ptr<node::NodeView> view_ = std::make_shared<node::NodeView>();
};

// The output, or a failed test.
const proto::Value& output(const node::ActionReply& reply, std::string_view name);

}  // namespace mco::test
