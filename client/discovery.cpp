#include "client/discovery.hpp"

#include <utility>

namespace mco::client {

proto::Result<Discovered> discover(Session& session, const Target& target, std::function<void(const Reply&)> on_reply) {
    proto::AgentSchema schema;
    schema.name = discovery_agent;
    schema.timeout = std::chrono::seconds(5);
    proto::ActionSchema action;
    action.name = "ping";
    const auto call = session.prepare(target, schema, action, {});
    if (!call) return tl::unexpected(call.error());
    Gather::Watcher watcher;
    watcher.reply = std::move(on_reply);
    auto gathered = session.call(target, *call, std::move(watcher));
    if (!gathered) return tl::unexpected(gathered.error());
    auto account = settle(*gathered, target);
    return Discovered{std::move(*gathered), std::move(account)};
}

}  // namespace mco::client
