#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/estate.hpp"
#include "mesh/io/host.hpp"
#include "mesh/io/venue.hpp"
#include "node/config.hpp"
#include "node/log.hpp"
#include "node/performer.hpp"
#include "node/site.hpp"
#include "node/worker_pool.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// What a daemon is made of, put together for a process with many of them: the same host on real sockets with its engine,
// the same admission, facts, policies, agents and sealing. Left out is what there is one of in a machine: signals, log and audit files,
// the journal, external agents. One thread.
class EmulatedNode {
 public:
    struct Plan {
        std::string name;
        std::size_t number = 0;
        std::string group = "default";
        proto::RelayWish relay = proto::RelayWish::automatic;
        std::vector<mesh::Address> seeds;
        std::uint64_t seed = 1;
        std::size_t filler = 0;
        std::size_t neighbours = 0;  // nodes on this machine
    };
    struct Shared {  // all must outlive the nodes, but the workers, which must have ended before
        const Estate& estate;
        const security::Policy& policy;
        std::vector<node::Agent*> agents;
        node::WorkerPool& workers;
        node::Log& log;
        mesh::io::Venue& venue;
    };
    static proto::Result<std::unique_ptr<EmulatedNode>> open(const Plan& plan, const Shared& shared);

    bool turn();  // false: there was nothing to do
    std::optional<proto::Instant> next_deadline() const;
    int mailbox() const { return performer_.descriptor(); }

    const mesh::io::Host& host() const { return *host_; }
    mesh::Address address() const;
    std::uint64_t replies() const { return performer_.counters().replies; }
    const std::string& group() const { return config_.group; }

 private:
    EmulatedNode(security::Identity identity, const Shared& shared, node::Config config);
    proto::Result<void> open_host(const Plan& plan, mesh::io::Venue& venue);

    node::Config config_;
    security::Identity identity_;
    security::TrustStore trust_;
    security::CollectiveKeys keys_;
    node::Site site_;
    node::Performer performer_;
    std::unique_ptr<mesh::io::Host> host_;
};

}  // namespace mco::bench
