#pragma once

#include <filesystem>
#include <utility>

#include "node/agents/programs.hpp"
#include "node/agents/service_manager.hpp"

namespace mco::node {

// Scripts of /etc/init.d, by the exit statuses that the Linux Standard Base gives them.
class InitScripts final : public ServiceManager {
 public:
    explicit InitScripts(std::filesystem::path folder = "/etc/init.d", Programs programs = Programs())
        : folder_(std::move(folder)), programs_(std::move(programs)) {}
    std::string_view name() const override { return "init"; }
    proto::Result<State> state(const std::string& service, std::stop_token stop) const override;
    proto::Result<void> change(Change what, const std::string& service, std::stop_token stop) const override;

 private:
    proto::Result<ProcessEnd> run(const std::string& service, std::string_view action, std::stop_token stop) const;
    std::filesystem::path folder_;
    Programs programs_;
};

}  // namespace mco::node
