#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "node/agents/discovery.hpp"
#include "node/agents/rpcutil.hpp"
#include "node/daemon.hpp"
#include "node/footprint.hpp"
#include "node/options.hpp"
#include "node/signals.hpp"
#include "proto/schema_library.hpp"
#include "security/entropy.hpp"
#include "security/process.hpp"
#include "security/rfc3339.hpp"

namespace {

using namespace mco;

void complain(const std::vector<std::string>& problems) {
    for (const auto& problem : problems) fmt::print(stderr, "mcod: {}\n", problem);
}

int check(const node::Prepared& prepared) {
    std::vector<std::string> doubts = prepared.warnings;
    node::Discovery discovery;
    node::Rpcutil rpcutil;
    node::Registry registry({&discovery, &rpcutil});
    for (auto& problem : registry.load(prepared.config.libdirs, prepared.config.activation))
        doubts.push_back(std::move(problem));
    node::Facts facts(prepared.config.fact_files, prepared.config.fact_cache_time);
    facts.refresh({});
    if (!facts.problem().empty()) doubts.push_back(facts.problem());
    for (const auto& doubt : doubts) fmt::print(stderr, "mcod: warning: {}\n", doubt);
    fmt::print("{} is fine: {}, certificate until {}\n", prepared.config.file.string(),
               prepared.credentials.identity.name, security::to_rfc3339(prepared.credentials.not_after));
    return EXIT_SUCCESS;
}

int serve(node::Prepared prepared, std::optional<int> ready_descriptor) {
    node::Discovery discovery;
    node::Rpcutil rpcutil;
    auto daemon = node::Daemon::open(std::move(prepared), {&discovery, &rpcutil});
    if (!daemon) {
        complain({daemon.error().detail});
        return EXIT_FAILURE;
    }
    node::release_startup_memory();
    (*daemon)->run(ready_descriptor);
    if ((*daemon)->stuck())
        std::_Exit(EXIT_SUCCESS);  // an action that does not end must not keep the daemon from ending
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = node::parse_options(argc, argv);
    if (!options) {
        complain({options.error().detail});
        return EXIT_FAILURE;
    }
    if (options->help || options->version) {
        fmt::print("{}", options->help ? node::usage() : std::string("mcod " MCO_VERSION "\n"));
        return EXIT_SUCCESS;
    }
    if (options->ready_descriptor && ::fcntl(*options->ready_descriptor, F_SETFD, FD_CLOEXEC) < 0) {
        complain(
            {fmt::format("--ready-fd {}: no such descriptor is open\nOpen it in the shell: mcod --ready-fd 3 3>FILE",
                         *options->ready_descriptor)});
        return EXIT_FAILURE;
    }
    security::entropy::start();
    security::protect_process();
    node::Signals::block();
    ::umask(077);
    ::mallopt(M_ARENA_MAX, 2);  // an arena a thread would triple the memory of an idle daemon

    std::vector<std::string> problems;
    auto prepared =
        node::prepare(options->config, proto::default_libdir(), mesh::io::Host::sample_clocks().wall, problems);
    if (!prepared) {
        complain(problems);
        return EXIT_FAILURE;
    }
    return options->check_config ? check(*prepared) : serve(std::move(*prepared), options->ready_descriptor);
}
