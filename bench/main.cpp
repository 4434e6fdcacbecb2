#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"

namespace {

using mco::bench::Command;

constexpr std::array commands{
    Command{"agents", "external agents: a call beside the bare start of a process",
            "agents [--calls 500] [--json]",
            "Examples:\n"
            "  mco-bench agents --calls 2000\n",
            &mco::bench::run_agents},
    Command{"floor", "bare libzmq: one CURVE fan-out and the last of its replies",
            "floor [--agents 5] [--rounds 1000] [--request-bytes 600] [--reply-bytes 300] [--processes] [--json]",
            "Examples:\n"
            "  mco-bench floor                                     five agents in one thread\n"
            "  mco-bench floor --agents 5 --rounds 1000 --processes    each a process, as nodes are\n",
            &mco::bench::run_floor},
    Command{"request", "one request: what admission, cryptography and action take of a node, and its reply of the caller",
            "request [--calls 2000] [--json]",
            "Processor time, without a mesh. Examples:\n"
            "  mco-bench request --calls 5000\n",
            &mco::bench::run_request},
    Command{"simulate", "the engine in virtual time: a request to a mesh of up to 200,000 nodes",
            "simulate [--nodes 1000] [--groups 1] [--seed 1] [--homes 2] [--reply-size 0] [--requests 1] [--dying PERCENT] "
            "[--kill relay|entry|gateway] [--free] [--json]",
            "The mesh starts warm, settles, and is then asked. Nodes need time for their messages (mesh/sim/costs.hpp); --free\n"
            "turns that off. Sites are 30 to 150 ms apart, there and back. Agents answer at once, with so many octets; without\n"
            "octets answers are merged. --dying: so many nodes die when the first request is made, and tell nobody; --kill: in the\n"
            "middle of it one process dies. Up to 8,192 nodes a group. Equal seeds give equal runs.\n"
            "Examples:\n"
            "  mco-bench simulate --nodes 1000 --requests 20           percentiles on one site\n"
            "  mco-bench simulate --nodes 1000 --groups 3 --reply-size 400\n"
            "  mco-bench simulate --nodes 1000 --dying 5 --kill relay\n"
            "  mco-bench simulate --nodes 100000 --groups 20 --json    minutes, and about 10 GB of memory\n",
            &mco::bench::run_simulate},
};

void print_usage(std::FILE* to) {
    fmt::print(to, "Measures what bench/README.md explains.\n\n");
    for (const auto& command : commands) fmt::print(to, "  mco-bench {}\n      {}\n", command.usage, command.summary);
    fmt::print(to, "\nmco-bench COMMAND --help says more.\n");
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty() || words[0] == "--help" || words[0] == "-h") {
        print_usage(words.empty() ? stderr : stdout);
        return words.empty() ? 1 : 0;
    }
    for (const auto& command : commands) {
        if (command.name != words[0]) continue;
        if (words.size() > 1 && (words[1] == "--help" || words[1] == "-h")) {
            fmt::print("Usage: mco-bench {}\n\n{}.\n{}", command.usage, command.summary, command.help);
            return 0;
        }
        auto arguments = mco::bench::Arguments::parse({words.begin() + 1, words.end()});
        const auto done = arguments ? command.run(std::move(*arguments)) : tl::unexpected(arguments.error());
        if (done) return 0;
        fmt::print(stderr, "mco-bench {}: {}\nUsage: mco-bench {}\n", command.name, done.error().detail, command.usage);
        return 1;
    }
    fmt::print(stderr, "mco-bench: there is no benchmark '{}'\n", words[0]);
    print_usage(stderr);
    return 1;
}
