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
    Command{"emulate", "thousands of nodes on real sockets in a few processes, for an mco to talk to",
            "emulate NODES [--groups 1] [--relays 0] [--processes 0] [--workers 2] [--seed 1] [--filler 64] [--for SECONDS] "
            "[--folder NEW] [--ready-fd N] [--json]",
            "Each node has what a daemon has: engine, links, CURVE, admission, policies, agents, facts of its own. It prints the client\n"
            "configuration to use, and takes part until SIGINT or for so long; then it prints what that cost. --relays: so many of each\n"
            "group relay always, and no others; 0: as the mesh decides. --processes: 0 makes as few as the limit of descriptors allows; each has\n"
            "one reactor and so many workers. --filler: octets of the fact `filler`. Equal seeds give equal facts.\n"
            "Only rpcutil and mesh may be called: the nodes share this machine.\n"
            "Examples:\n"
            "  mco-bench emulate 100\n"
            "  mco-bench emulate 1000 --folder /tmp/thousand & mco ping -c /tmp/thousand/client.cfg\n"
            "  mco-bench emulate 300 --groups 3 --for 60 --json\n",
            &mco::bench::run_emulate},
    Command{"fanout", "a request to all nodes, from its start to the closed account",
            "fanout (--nodes N | --client FILE) [--rounds 100] [--rate PER_SECOND] [--agent rpcutil] [--action ping] [--arguments K=V,...] "
            "[--filter \"WORDS\"] [--request-bytes 0] [--reply-bytes 0] [--timeout 10] [--floor] [--groups 1] [--relays 0] [--seed 1] "
            "[--plot OUT.svg] [--ready-fd N] [--json]",
            "Over the mesh of a client configuration, or over one of N emulated nodes of its own. One caller that stays; 20 requests to warm up.\n"
            "Without --rate each request starts when the account of the one before is closed. With it they are due at fixed times and\n"
            "counted from then, whether or not those before are done. --filter: as -W of mco. --reply-bytes: of an emulated mesh, by the fact\n"
            "`filler`. --floor: bare libzmq at as many agents before and after, and the ratio. Interrupted, it tells what it has.\n"
            "Examples:\n"
            "  mco-bench fanout --nodes 100 --floor\n"
            "  mco-bench fanout --client ~/.config/mco/client.cfg --rounds 500 --plot fanout.svg\n"
            "  mco-bench fanout --nodes 300 --rate 20 --rounds 400 --reply-bytes 1000 --json >> results.jsonl\n",
            &mco::bench::run_fanout},
    Command{"floor", "bare libzmq: one CURVE fan-out and the last of its replies; or plain TCP",
            "floor [--agents 5] [--rounds 1000] [--request-bytes 600] [--reply-bytes 300] [--processes] [--transport curve|tcp] [--json]",
            "Examples:\n"
            "  mco-bench floor                                     five agents in one thread\n"
            "  mco-bench floor --agents 5 --rounds 1000 --processes    each a process, as nodes are\n"
            "  mco-bench floor --agents 100 --transport tcp         what the kernel takes of that\n",
            &mco::bench::run_floor},
    Command{"report", "lines of the benchmarks as one HTML page with plots",
            "report FILE... [--svg]",
            "The page goes to stdout and needs nothing else. Lines of fanout, wan and bench/compare are drawn, those of others are tables. --svg:\n"
            "only the drawings, as one SVG.\n"
            "Examples:\n"
            "  mco-bench fanout --nodes 100 --floor --json >> results.jsonl\n"
            "  mco-bench report results.jsonl compare.jsonl > report.html\n",
            &mco::bench::run_report},
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
    Command{"wan", "a request to all nodes of several sites that are far from each other",
            "wan [--rtt 30,80,150] [--nodes 4] [--proxies 2] [--rounds 50] [--from SITE] [--jitter MS] [--loss PERCENT] [--stall-every SECONDS] "
            "[--stall-for 300] [--seed 1] [--plot OUT.svg] [--ready-fd N] [--json]",
            "Real mco-proxy and mcod on loopback, and between the sites a relay that takes as long as the distance does; no root, no network. --rtt:\n"
            "round trips in ms by pair, 1-2, 1-3, 2-3, ...; their number says how many sites there are, up to 6. --nodes, --proxies: in each site. A\n"
            "caller asks from each site in turn, or only --from one. --loss: of segments; what is behind a lost one waits a round trip. --stall-every,\n"
            "--stall-for: on the average so often nothing gets through a line for so many ms. --seed: of all this. Interrupted, it tells what it has.\n"
            "Examples:\n"
            "  mco-bench wan\n"
            "  mco-bench wan --rtt 250 --nodes 20 --loss 0.5 --jitter 5\n"
            "  mco-bench wan --rtt 30,80,150 --from 1 --stall-every 10 --plot wan.svg --json >> results.jsonl\n",
            &mco::bench::run_wan},
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
        fmt::print(stderr, "mco-bench {}: {}\n", command.name, done.error().detail);
        // How it is called helps who called it wrongly, and hides any other reason.
        if (done.error().code == mco::proto::Errc::invalid) fmt::print(stderr, "Usage: mco-bench {}\n", command.usage);
        return 1;
    }
    fmt::print(stderr, "mco-bench: there is no benchmark '{}'\n", words[0]);
    print_usage(stderr);
    return 1;
}
