#pragma once

#include <cstddef>
#include <stop_token>
#include <string_view>

#include "node/agent.hpp"
#include "proto/time.hpp"

namespace mco::node {

// A node's place in the mesh, its links, the way a request came and the counters, as it sees them itself: what `mco mesh`
// draws a picture from. Reads only.
class Mesh final : public Agent {
 public:
    // With so many links, names as long as they may be, a reply still fits in limits::reply_size_max.
    static constexpr std::size_t links_max = 2'048;

    using Clock = proto::Instant (*)();
    explicit Mesh(Clock clock) : clock_(clock) {}  // for how long this node took; any thread

    std::string_view name() const override { return "mesh"; }
    ActionReply run(const Call& call, std::stop_token stop) override;
    Effect effect(std::string_view) const override { return Effect::reads; }
    bool sees_mesh() const override { return true; }

 private:
    Clock clock_;
};

}  // namespace mco::node
