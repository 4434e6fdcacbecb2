#pragma once

#include <string>
#include <utility>
#include <vector>

#include "node/agents/package_manager.hpp"
#include "node/agents/programs.hpp"

namespace mco::node {

// dpkg and apt-get. A change that has begun is not broken off when its caller's time is over: half an installed package is
// worse than a late one. Configuration files that were changed by hand are kept; no question is asked; a lock that somebody else
// holds is an error at once.
class Apt final : public PackageManager {
 public:
    explicit Apt(Programs programs = Programs()) : programs_(std::move(programs)) {}
    std::string_view name() const override { return "apt"; }
    proto::Result<Package> status(const std::string& package, std::stop_token stop) const override;
    proto::Result<std::string> change(Change what, const std::string& package, const std::string& version,
                                      std::stop_token stop) const override;
    proto::Result<std::vector<std::string>> list(std::stop_token stop) const override;
    proto::Result<Text> refresh(std::stop_token stop) const override;
    proto::Result<Outdating> outdated(std::stop_token stop) const override;

 private:
    proto::Result<ProcessEnd> run(std::vector<std::string> argv, std::stop_token stop,
                                  std::size_t output_max = 256 * 1024) const;
    Programs programs_;
};

}  // namespace mco::node
