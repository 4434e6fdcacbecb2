#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"

namespace {

using mco::bench::Command;

constexpr std::array commands{
    Command{"floor", "bare libzmq: one CURVE fan-out and the last of its replies",
            "floor [--agents 5] [--rounds 1000] [--request-bytes 600] [--reply-bytes 300] [--processes] [--json]",
            &mco::bench::run_floor},
};

void print_usage(std::FILE* to) {
    fmt::print(to, "Measures what bench/README.md explains.\n\n");
    for (const auto& command : commands) fmt::print(to, "  mco-bench {}\n      {}\n", command.usage, command.summary);
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
