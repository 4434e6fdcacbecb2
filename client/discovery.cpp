#include "client/discovery.hpp"

#include <utility>

namespace mco::client {

proto::Result<Discovered> discover(Session& session, std::function<void(const Reply&)> on_reply) {
    proto::AgentSchema schema;
    schema.name = "discovery";
    schema.timeout = std::chrono::seconds(5);
    proto::ActionSchema action;
    action.name = "ping";
    const auto target = session.target();
    if (!target) return tl::unexpected(target.error());
    const auto call = session.prepare(*target, schema, action, {});
    if (!call) return tl::unexpected(call.error());
    Gather::Watcher watcher;
    watcher.reply = std::move(on_reply);
    auto gathered = session.call(*call, std::move(watcher));
    if (!gathered) return tl::unexpected(gathered.error());
    auto account = settle(*gathered, target->filter, target->matcher);
    return Discovered{std::move(*gathered), std::move(account), target->choice};
}

}  // namespace mco::client
