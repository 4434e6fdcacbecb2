#include "node/program.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "node/daemon.hpp"
#include "node/data.hpp"
#include "node/footprint.hpp"
#include "node/options.hpp"
#include "node/signals.hpp"
#include "proto/schema_library.hpp"
#include "security/entropy.hpp"
#include "security/process.hpp"
#include "security/rfc3339.hpp"

namespace mco::node {
namespace {

int complain(Program program, const std::vector<std::string>& problems) {
    for (const auto& problem : problems) fmt::print(stderr, "{}: {}\n", name(program), problem);
    return EXIT_FAILURE;
}

int check(const Prepared& prepared, std::vector<Agent*> agents) {
    const auto& config = prepared.config;
    std::vector<std::string> doubts = prepared.warnings;
    if (config.program == Program::mcod) {
        Registry registry(std::move(agents));
        for (auto& problem : registry.load(config.libdirs, config.activation)) doubts.push_back(std::move(problem));
        DataSources::load(config.libdirs, doubts);
        for (auto& problem : external::check_external_agents(external_agents_of(config, registry.built_in())))
            doubts.push_back(std::move(problem));
        Facts facts(fact_sources(config));
        facts.settle(std::chrono::seconds(10));
        facts.refresh(mesh::io::Host::sample_clocks());
        if (!facts.problem().empty()) doubts.push_back(facts.problem());
    }
    for (const auto& doubt : doubts) fmt::print(stderr, "{}: warning: {}\n", name(config.program), doubt);
    fmt::print("{} is fine: {}, certificate until {}\n", config.file.string(), prepared.credentials.identity.name,
               security::to_rfc3339(prepared.credentials.not_after));
    return EXIT_SUCCESS;
}

int serve(Prepared prepared, std::vector<Agent*> agents, std::optional<int> ready_descriptor) {
    const auto program = prepared.config.program;
    auto daemon = Daemon::open(std::move(prepared), std::move(agents));
    if (!daemon) return complain(program, {daemon.error().detail});
    release_startup_memory();
    (*daemon)->run(ready_descriptor);
    if ((*daemon)->stuck())
        std::_Exit(EXIT_SUCCESS);  // an action that does not end must not keep the daemon from ending
    return EXIT_SUCCESS;
}

}  // namespace

int run_program(Program program, std::vector<Agent*> agents, int argc, const char* const* argv) {
    const auto options = parse_options(program, argc, argv);
    if (!options) return complain(program, {options.error().detail});
    if (options->help || options->version) {
        fmt::print("{}", options->help ? usage(program) : fmt::format("{} {}\n", name(program), MCO_VERSION));
        return EXIT_SUCCESS;
    }
    if (options->ready_descriptor && ::fcntl(*options->ready_descriptor, F_SETFD, FD_CLOEXEC) < 0)
        return complain(program, {fmt::format("--ready-fd {}: no such descriptor is open\n"
                                              "Open it in the shell: {} --ready-fd 3 3>FILE",
                                              *options->ready_descriptor, name(program))});
    security::entropy::start();
    security::protect_process();
    Signals::block();
    ::umask(077);
    ::mallopt(M_ARENA_MAX, 2);  // an arena a thread would triple the memory of an idle daemon

    std::vector<std::string> problems;
    auto prepared =
        prepare(program, options->config, proto::default_libdir(), mesh::io::Host::sample_clocks().wall, problems);
    if (!prepared) return complain(program, problems);
    return options->check_config ? check(*prepared, std::move(agents))
                                 : serve(std::move(*prepared), std::move(agents), options->ready_descriptor);
}

}  // namespace mco::node
