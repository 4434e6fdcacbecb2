#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

namespace mco::node {

// What the agent 'package' needs of a package manager; apt is the first one, yum and zypper can follow. Worker thread, several
// at once; each call blocks and asks nobody anything. Errors: overloaded (another one holds the lock), invalid (no such
// package, or it refused: its own words), not_found (the manager is not on this machine), expired.
class PackageManager {
 public:
    struct Package {
        std::string name, ensure;  // ensure: the version installed, "absent", or "purged"
        std::string epoch, version, release, arch;
        bool installed() const { return ensure != "absent" && ensure != "purged"; }
    };
    struct Outdated {
        std::string package, version, repo;
    };
    struct Text {
        std::string output;
        int exitcode = 0;
    };
    struct Outdating {
        Text text;
        std::vector<Outdated> packages;
    };
    enum class Change : std::uint8_t { install, update, uninstall, purge };

    virtual std::string_view name() const = 0;
    virtual proto::Result<Package> status(const std::string& package, std::stop_token stop) const = 0;
    // `version`: of install; empty: the newest. Returns what it printed.
    virtual proto::Result<std::string> change(Change what, const std::string& package, const std::string& version,
                                              std::stop_token stop) const = 0;
    virtual proto::Result<std::vector<std::string>> list(std::stop_token stop) const = 0;  // one line each, sorted
    virtual proto::Result<Text> refresh(std::stop_token stop) const = 0;                   // the lists of what there is
    virtual proto::Result<Outdating> outdated(std::stop_token stop) const = 0;

 protected:
    ~PackageManager() = default;
};

}  // namespace mco::node
