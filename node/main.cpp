#include "mesh/io/host.hpp"
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
#include "node/program.hpp"

int main(int argc, char** argv) {
    using namespace mco::node;
    const Apt apt;
    const Systemd systemd;
    const InitScripts init;

    AuditAgent audit;
    Discovery discovery;
    Filemgr filemgr;
    Mesh mesh([] { return mco::mesh::io::Host::sample_clocks().mono; });
    Nettest nettest;
    Nrpe nrpe;
    Package package(apt);
    Process process;
    Puppet puppet;
    Rpcutil rpcutil;
    Service service({.systemd = systemd, .init = init, .systemd_runs = [] { return Systemd().runs_here(); }});
    Shell shell;
    return run_program(Program::mcod,
                       {&audit, &discovery, &filemgr, &mesh, &nettest, &nrpe, &package, &process, &puppet, &rpcutil, &service,
                        &shell},
                       argc, argv);
}
