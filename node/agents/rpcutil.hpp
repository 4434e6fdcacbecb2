#pragma once

#include "node/agent.hpp"

namespace mco::node {

// What a node knows of itself: MCollective's nine actions with their outputs. Reads only.
class Rpcutil final : public Agent {
 public:
    std::string_view name() const override { return "rpcutil"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }
    bool at_once(std::string_view action) const override { return action == "ping" || action == "get_fact"; }
};

}  // namespace mco::node
