#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/io/host.hpp"
#include "node/config.hpp"
#include "node/credentials.hpp"
#include "node/daemon_state.hpp"
#include "node/descriptor.hpp"
#include "node/external/agent_lines.hpp"
#include "node/external/agent_loader.hpp"
#include "node/log.hpp"
#include "node/mesh_memory.hpp"
#include "node/mesh_news.hpp"
#include "node/metrics.hpp"
#include "node/metrics_port.hpp"
#include "node/performer.hpp"
#include "node/signals.hpp"
#include "node/site.hpp"
#include "node/supervisor.hpp"
#include "proto/error.hpp"

namespace mco::node {

// What was found good before the daemon starts: everything a configuration can be wrong in, but for busy ports.
struct Prepared {
    std::filesystem::path share;  // share/mco of the installation
    Config config;
    Credentials credentials;
    security::Policy policy;
    std::vector<std::string> warnings;
};
// Reads configuration, keys, certificates, trust and, for a node, policies. Every problem is named, one sentence each; empty: there is
// at least one. Changes nothing.
std::optional<Prepared> prepare(Program program, const std::filesystem::path& config,
                                const std::filesystem::path& share, proto::WallTime now,
                                std::vector<std::string>& problems);

// What the external agents of this machine are looked for by.
external::AgentLoader::Settings external_agents_of(const Config& config, std::vector<std::string> built_in);

// A running node: the mesh host, what answers for it, and the signals that steer it, on one thread. A proxy is the same
// without agents: nothing is ever meant for it, so what answers stays idle.
class Daemon {
 public:
    // Opens log, audit trail and sockets. `agents` must outlive the daemon. Errors are for a person at start-up.
    static proto::Result<std::unique_ptr<Daemon>> open(Prepared prepared, std::vector<Agent*> agents);
    ~Daemon();

    // Until TERM or INT, and what runs has had soft_shutdown_timeout to end. The ready line goes to `ready_descriptor`.
    void run(std::optional<int> ready_descriptor);
    // Whether a thread is still in an agent's hands: then destructors would wait for it, and the process should just end.
    bool stuck() const { return performer_.busy() != 0; }

 private:
    bool proxy() const { return config_.program == Program::proxy; }
    std::string software() const;
    enum class Phase { running, draining, leaving };
    Daemon(Prepared prepared, Log log, std::vector<Agent*> agents);
    proto::Result<void> open_host();

    DaemonState state(proto::Now now) const;
    void on_signal(proto::Now now, int number);
    void reload(proto::Now now);
    void start_external();
    external::AgentLoader::Settings external_settings() const;
    void take_external();
    void adopt_revocations(proto::Now now);
    void keep_revocations();
    void look_at_site(proto::Now now);
    void apply(proto::Now now, Prepared next);
    void reopen_files(proto::Now now);
    void drain(proto::Now now);
    void deliver();
    void tell_ready(proto::Now now, std::optional<int>& descriptor);
    std::chrono::milliseconds longest_wait(proto::Now now) const;
    void warn_of_expiry(proto::WallTime now);

    std::filesystem::path share_;
    Config config_;
    Credentials credentials_;
    Log log_;
    Descriptor claimed_;  // the state folder
    MeshNews news_;
    MeshMemory memory_;
    Site site_;
    Performer performer_;
    Signals signals_;
    proto::WallTime started_ = mesh::io::Host::sample_clocks().wall;
    MetricsFile metrics_{log_};
    std::unique_ptr<MetricsPort> metrics_port_;  // none: nobody asks
    Supervisor supervisor_{mesh::io::Host::sample_clocks().mono};
    std::unique_ptr<mesh::io::Host> host_;
    std::shared_ptr<external::AgentLines> agent_lines_ = std::make_shared<external::AgentLines>();
    std::unique_ptr<external::AgentLoader> loader_;  // none: a proxy, or not running yet
    bool external_known_ = false;
    Phase phase_ = Phase::running;
    proto::Instant drain_until_{};
    std::optional<proto::Instant> seeds_until_;  // while nobody was told that we are ready
};

}  // namespace mco::node
