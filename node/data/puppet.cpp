#include <chrono>
#include <cstdint>
#include <string>

#include "node/agents/puppet_state.hpp"
#include "node/data/sources.hpp"

namespace mco::node::data {

Outputs puppet(const Call& call, const std::string&) {
    const auto places = find_puppet(call);
    if (!places) return tl::unexpected(places.error());
    const auto status = read_status(*places);
    const std::int64_t now = std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count();
    return proto::Value::Map{{"applying", status.applying},
                             {"enabled", status.enabled},
                             {"daemon_present", status.daemon_present},
                             {"idling", status.idling()},
                             {"lastrun", status.lastrun},
                             {"since_lastrun", status.lastrun == 0 ? 0 : now - status.lastrun},
                             {"status", status.word()},
                             {"disable_message", status.disable_message}};
}

}  // namespace mco::node::data
