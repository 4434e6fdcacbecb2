#pragma once

#include <chrono>
#include <utility>

#include "node/agent.hpp"
#include "node/agents/programs.hpp"

namespace mco::node {

// Runs the checks that Nagios' NRPE is configured with. What runs and with which words is the administrator's definition; of
// the caller come whole arguments only.
class Nrpe final : public Agent {
 public:
    explicit Nrpe(Programs programs = Programs(), proto::Duration patience = std::chrono::seconds(4))
        : programs_(std::move(programs)), patience_(patience) {}
    std::string_view name() const override { return "nrpe"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }

 private:
    Programs programs_;
    proto::Duration patience_;  // below the DDL's timeout: a check that hangs is told of, not lost
};

// One check, as the data source of the same name asks for it, too.
struct CheckResult {
    int exitcode = 3;
    std::string output, perfdata;
};
proto::Result<CheckResult> run_check(const Call& call, const Programs& programs, std::string_view check,
                                     proto::Duration patience, std::stop_token stop);

}  // namespace mco::node
