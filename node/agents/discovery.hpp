#pragma once

#include "node/agent.hpp"

namespace mco::node {

// Answers "who is there": the one action every authenticated caller may ask for.
class Discovery final : public Agent {
 public:
    std::string_view name() const override { return "discovery"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }
    bool at_once(std::string_view) const override { return true; }
};

}  // namespace mco::node
