// Seeds x faults x invariants. Each seed makes a mesh, a workload and a series of faults; what must hold is checked after
// each step and, when everything was healed for a while, at the end. MCO_SEEDS and MCO_SEED (or --seeds N --first S) say how many
// and from which, MCO_TRACE (--trace 1) prints what every node does; seeds in failed_seeds.txt always run.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "mesh/sim/words.hpp"
#include "mesh/sim/world.hpp"
#include "tests/sim/chaos.hpp"

namespace {

using namespace mco::mesh::sim;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// An engine that breaks its own promise aborts: then the seed and the last effects are all there is to go by.
const World* running_world = nullptr;
std::uint64_t running_seed = 0;

std::string report(const World& world, std::uint64_t seed) {
    std::string text = fmt::format("seed={} step={} node={}\n", seed, world.steps(), world.name(world.last_active()));
    for (const auto& complaint : world.invariants().complaints()) text += complaint + "\n";
    text += world.trace(world.last_active());
    // Whose client complained, its entry was perhaps another.
    for (const auto& [place, client] : world.clients()) {
        const auto entry = world.entry_of(place);
        if (!client.complaints().empty() && entry && *entry != world.last_active() && world.running(*entry))
            text += fmt::format("{} asked {} with attempt {}:\n{}", world.name(place), world.name(*entry), client.attempt(),
                                world.trace(*entry));
    }
    return text;
}

void on_abort(int) {
    if (running_world != nullptr) std::fputs(report(*running_world, running_seed).c_str(), stderr);
}

void run_seed(std::uint64_t seed) {
    Chaos chaos(seed);
    running_world = &chaos.world();
    running_seed = seed;
    if (std::getenv("MCO_TRACE") != nullptr) {
        chaos.watch({.effect =
                         [&](Place node, const auto& effect, Place other) {
                             fmt::print("{:>12} {} {}\n", chaos.world().now().mono.time_since_epoch().count(), chaos.world().name(node),
                                        words(chaos.world(), effect, other));
                         },
                     .received = {}});
    }
    chaos.run();
    INFO(report(chaos.world(), seed));
    CHECK(!chaos.world().failed());
    running_world = nullptr;
}

TEST_CASE("seeds that failed once hold") {
    std::signal(SIGABRT, on_abort);
    std::ifstream file(MCO_FAILED_SEEDS);
    REQUIRE(file.good());
    std::set<std::uint64_t> seeds;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line.front() != '#') seeds.insert(std::strtoull(line.c_str(), nullptr, 10));
    }
    for (const auto seed : seeds) run_seed(seed);
}

TEST_CASE("whatever fails, accounts balance, nothing runs twice, and the mesh heals") {
    std::signal(SIGABRT, on_abort);
    const auto count = number_from("MCO_SEEDS", 500);
    const auto first = number_from("MCO_SEED", 1);
    std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(first + count - 1));
    for (std::uint64_t seed = first; seed < first + count; ++seed) run_seed(seed);
}

}  // namespace
