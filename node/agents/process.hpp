#pragma once

#include <filesystem>
#include <utility>

#include "node/agent.hpp"

namespace mco::node {

// The processes of the machine. Reads only.
class Process final : public Agent {
 public:
    // With so many octets of rows a reply still fits in limits::reply_size_max.
    static constexpr std::size_t listed_octets_max = 512 * 1024;

    explicit Process(std::filesystem::path proc = "/proc") : proc_(std::move(proc)) {}
    std::string_view name() const override { return "process"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }

 private:
    ActionReply list(const Call& call, std::stop_token stop) const;
    std::filesystem::path proc_;
};

}  // namespace mco::node
