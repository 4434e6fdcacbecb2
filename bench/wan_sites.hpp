#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/estate.hpp"
#include "bench/wan_relay.hpp"
#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// Sites of real daemons on loopback: in each a group of its own with some mco-proxy, reached by other sites through a relay's doors, and mcod that
// dial their own proxies and nobody else. The programs are those beside this one. They end with this object, or with this process.
class WanSites {
 public:
    struct Plan {
        std::size_t sites = 3, proxies = 2, nodes = 4;  // the last two in each site
    };
    // Opens the relay's doors, starts it, and then all daemons; ready when they say so. `relay` must outlive them. `interrupted` is asked
    // now and then, and ends the start with an error of kind cancelled.
    using Interrupted = std::function<bool()>;
    static proto::Result<std::unique_ptr<WanSites>> start(const Plan& plan, WanRelay& relay, const Interrupted& interrupted);
    ~WanSites();
    WanSites(const WanSites&) = delete;
    WanSites& operator=(const WanSites&) = delete;

    std::filesystem::path client_config(std::size_t site) const;  // of a caller there: its entries are the site's proxies
    proto::Result<void> alive() const;                            // an error names who ended

 private:
    struct Daemon {
        std::string name;
        pid_t pid = 0;
        node::Descriptor ready;
    };
    struct Proxy {
        std::string name, near, far;  // "ENDPOINT KEY", as a seed is given; through the relay's door from other sites
    };
    WanSites(const Plan& plan, WanRelay& relay) : plan_(plan), relay_(relay) {}
    proto::Result<void> launch_proxies();
    proto::Result<void> launch_nodes();
    proto::Result<void> launch(const std::string& program, const std::string& name, std::size_t site, const std::string& lines);
    proto::Result<void> wait_ready(Daemon& daemon, const Interrupted& interrupted) const;
    proto::Result<void> write_clients() const;
    std::string last_words(const std::string& name) const;

    Plan plan_;
    WanRelay& relay_;
    std::unique_ptr<Estate> estate_;
    std::vector<std::vector<Proxy>> proxies_;  // by site
    std::vector<Daemon> daemons_;
};

}  // namespace mco::bench
