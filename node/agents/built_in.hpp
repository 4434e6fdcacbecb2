#pragma once

#include <vector>

#include "mesh/io/host.hpp"
#include "node/agent.hpp"
#include "node/agents/apt.hpp"
#include "node/agents/audit.hpp"
#include "node/agents/discovery.hpp"
#include "node/agents/filemgr.hpp"
#include "node/agents/init_scripts.hpp"
#include "node/agents/mesh.hpp"
#include "node/agents/nettest.hpp"
#include "node/agents/nrpe.hpp"
#include "node/agents/package.hpp"
#include "node/agents/process.hpp"
#include "node/agents/puppet.hpp"
#include "node/agents/rpcutil.hpp"
#include "node/agents/service.hpp"
#include "node/agents/shell.hpp"
#include "node/agents/systemd.hpp"

namespace mco::node {

// The agents that every mcod has. Several nodes of one process may share them, as the workers of one node do.
class BuiltInAgents {
 public:
    std::vector<Agent*> all() {
        return {&audit_, &discovery_, &filemgr_, &mesh_, &nettest_, &nrpe_, &package_, &process_, &puppet_, &rpcutil_,
                &service_, &shell_};
    }

 private:
    const Apt apt_;
    const Systemd systemd_;
    const InitScripts init_;
    AuditAgent audit_;
    Discovery discovery_;
    Filemgr filemgr_;
    Mesh mesh_{[] { return mesh::io::Host::sample_clocks().mono; }};
    Nettest nettest_;
    Nrpe nrpe_;
    Package package_{apt_};
    Process process_;
    Puppet puppet_;
    Rpcutil rpcutil_;
    Service service_{{.systemd = systemd_, .init = init_, .systemd_runs = [] { return Systemd().runs_here(); }}};
    Shell shell_;
};

}  // namespace mco::node
