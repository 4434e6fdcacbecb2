#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "proto/error.hpp"

namespace mco::node {

// Who starts and stops services on this machine: systemd, or init scripts where it does not run. Worker thread, several at
// once; calls block until the thing is done. Errors: not_found (no such service), denied, invalid (it did not start: in the
// manager's words), unreachable (no such manager here), expired.
class ServiceManager {
 public:
    enum class State : std::uint8_t { running, stopped };
    enum class Change : std::uint8_t { start, stop, restart };

    virtual std::string_view name() const = 0;
    virtual proto::Result<State> state(const std::string& service, std::stop_token stop) const = 0;
    virtual proto::Result<void> change(Change what, const std::string& service, std::stop_token stop) const = 0;

 protected:
    ~ServiceManager() = default;
};

std::string_view word(ServiceManager::State state);    // "running", "stopped"
std::string_view word(ServiceManager::Change change);  // "start", "stop", "restart"

}  // namespace mco::node
