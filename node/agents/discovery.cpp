#include "node/agents/discovery.hpp"

#include <chrono>
#include <cstdint>

namespace mco::node {

ActionReply Discovery::run(const Call& call, std::stop_token) {
    const auto now = std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count();
    ActionReply reply;
    reply.data.emplace("pong", proto::Value(static_cast<std::int64_t>(now)));
    // Which file and why is for whoever may ask rpcutil.
    if (!call.node->facts_problem.empty()) reply.data.emplace("facts_broken", true);
    return reply;
}

}  // namespace mco::node
