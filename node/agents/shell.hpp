#pragma once

#include <utility>

#include "node/agent.hpp"
#include "node/agents/programs.hpp"

namespace mco::node {

// Runs commands of the caller's choice. That is every right of the daemon's user, so it is off unless
// plugin.shell.activate_agent says yes, and even then only whom the policy allows may use it.
class Shell final : public Agent {
 public:
    explicit Shell(Programs programs = Programs()) : programs_(std::move(programs)) {}
    std::string_view name() const override { return "shell"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view action) const override {
        return action == "status" || action == "list" ? Effect::reads : Effect::changes;
    }
    Initially initially() const override { return Initially::off; }

 private:
    Programs programs_;
};

}  // namespace mco::node
