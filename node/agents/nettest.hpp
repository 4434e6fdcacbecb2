#pragma once

#include <chrono>
#include <utility>

#include "node/agent.hpp"
#include "proto/time.hpp"

namespace mco::node {

// What this machine reaches: ICMP echo and TCP connections to a host of the caller's choice. Changes nothing here.
class Nettest final : public Agent {
 public:
    explicit Nettest(proto::Duration patience = std::chrono::seconds(5)) : patience_(patience) {}
    std::string_view name() const override { return "nettest"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }

 private:
    proto::Duration patience_;
};

}  // namespace mco::node
