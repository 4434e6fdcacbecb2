#pragma once

#include <utility>

#include "node/agent.hpp"
#include "node/agents/programs.hpp"

namespace mco::node {

// Runs Puppet's agent, forbids and allows runs, and tells of them.
class Puppet final : public Agent {
 public:
    static constexpr const char* path = "/opt/puppetlabs/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    explicit Puppet(Programs programs = Programs(path)) : programs_(std::move(programs)) {}
    std::string_view name() const override { return "puppet"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view action) const override {
        return action == "status" || action == "last_run_summary" ? Effect::reads : Effect::changes;
    }

 private:
    Programs programs_;
};

}  // namespace mco::node
