#include "bench/watch.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>

namespace mco::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using proto::Errc;
using proto::fail;

constexpr auto start_patience = 10min;
constexpr auto line_every = 10s;  // where nobody watches

}  // namespace

bool asked_to_stop(node::Signals& signals) {
    bool stop = false;
    while (const auto number = signals.take()) stop = stop || *number == SIGINT || *number == SIGTERM;
    return stop;
}

void tell_line(int descriptor, std::string line) {
    line += '\n';
    while (::write(descriptor, line.data(), line.size()) < 0 && errno == EINTR) {}
    ::close(descriptor);
}

proto::Result<bool> wait_until_whole(EmulatedFleet& fleet, std::size_t nodes, node::Signals& signals) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const auto begin = Clock::now();
    auto next_line = begin + line_every;
    while (!fleet.whole()) {
        if (auto told = fleet.wait(signals.descriptor(), 1s); !told) return tl::unexpected(told.error());
        const auto now = fleet.figures();
        if (terminal || Clock::now() >= next_line) {
            fmt::print(stderr, "{}{} of {} nodes opened, {} linked; {} of {} relays know all of them{}", terminal ? "\r" : "", now.opened,
                       nodes, now.joined, now.aware, now.relays, terminal ? " " : "\n");
            next_line = Clock::now() + line_every;
        }
        if (Clock::now() - begin > start_patience)
            return fail(Errc::expired, fmt::format("after {} minutes {} of {} nodes are linked, and {} of {} relays know all of them",
                                                   start_patience.count(), now.joined, nodes, now.aware, now.relays));
        if (asked_to_stop(signals)) return false;
    }
    if (terminal) fmt::print(stderr, "\r\033[K");
    return true;
}

}  // namespace mco::bench
