#pragma once

#include <cstddef>
#include <stop_token>
#include <string_view>

#include "node/agent.hpp"

namespace mco::node {

// This node's audit trail, page by page, for who keeps the fleet's trails in one place: `mco audit collect`. Reads only.
class AuditAgent final : public Agent {
 public:
    static constexpr std::size_t page_max = 256 * 1024;  // octets of lines in one reply
    static constexpr std::size_t files_max = 256;        // rotated ones that lie beside the trail

    std::string_view name() const override { return "audit"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }
};

}  // namespace mco::node
