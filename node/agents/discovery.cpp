#include "node/agents/discovery.hpp"

#include <chrono>
#include <cstdint>

namespace mco::node {

ActionReply Discovery::run(const Call& call, std::stop_token) {
    const auto now = std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count();
    ActionReply reply;
    reply.data.emplace("pong", proto::Value(static_cast<std::int64_t>(now)));
    return reply;
}

}  // namespace mco::node
