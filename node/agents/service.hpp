#pragma once

#include "node/agent.hpp"
#include "node/agents/service_manager.hpp"

namespace mco::node {

// Starts and stops services, and tells whether they run.
class Service final : public Agent {
 public:
    // Both must outlive it. Which one is asked, each call decides: by plugin.service.provider, or by who started the machine.
    struct Managers {
        const ServiceManager& systemd;
        const ServiceManager& init;
        bool (*systemd_runs)();
    };
    explicit Service(const Managers& managers) : managers_(managers) {}
    std::string_view name() const override { return "service"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view action) const override {
        return action == "status" ? Effect::reads : Effect::changes;
    }

 private:
    Managers managers_;
};

const ServiceManager& choose_manager(const Call& call, const Service::Managers& managers);

}  // namespace mco::node
