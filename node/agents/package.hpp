#pragma once

#include "node/agent.hpp"
#include "node/agents/package_manager.hpp"

namespace mco::node {

// Installs, updates and removes packages, and tells what is there.
class Package final : public Agent {
 public:
    static constexpr std::size_t outdated_max = 4'096;  // listed in one reply

    explicit Package(const PackageManager& manager) : manager_(manager) {}  // must outlive it
    std::string_view name() const override { return "package"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view action) const override;

 private:
    const PackageManager& manager_;
};

}  // namespace mco::node
