#pragma once

#include <filesystem>
#include <utility>

#include "node/agents/service_manager.hpp"

namespace mco::node {

// systemd over D-Bus: for root on the socket that systemd itself listens on, so that no message bus is needed; else on the
// system's bus.
class Systemd final : public ServiceManager {
 public:
    explicit Systemd(std::filesystem::path socket = "/run/systemd/private",
                     std::filesystem::path mark = "/run/systemd/system")
        : socket_(std::move(socket)), mark_(std::move(mark)) {}
    bool runs_here() const;  // whether this machine was started by systemd
    std::string_view name() const override { return "systemd"; }
    proto::Result<State> state(const std::string& service, std::stop_token stop) const override;
    proto::Result<void> change(Change what, const std::string& service, std::stop_token stop) const override;

 private:
    std::filesystem::path socket_, mark_;
};

}  // namespace mco::node
