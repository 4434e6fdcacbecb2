#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mesh/core/rng.hpp"
#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::bench {

// Stands between sites that all are on this machine's loopback, and takes as long as the distance between them does. Each program that others
// may reach has a door here, at the address which it advertises; who knocks belongs to the site of his process, which the relay finds out
// from the kernel. What a connection carries stays in order, as TCP keeps it: a lost segment delays all behind it by one round trip. Dice fall by
// the seed, in a stream for each direction of each connection, so equal traffic meets equal weather; when it comes is up to the machine.
//
// Not emulated: TCP's windows, a line's width. Its work is done by a thread of its own; processes may be told while it runs.
class WanRelay {
 public:
    using Duration = std::chrono::microseconds;
    struct Weather {
        Duration jitter{};              // up to so much more for each piece, evenly
        std::uint32_t loss_of_10000 = 0;  // segments of 1,460 octets
        Duration stall_every{}, stall_for{};  // on each line, on the average: nothing gets through; 0: never
    };
    struct Plan {
        std::size_t sites = 1;
        std::map<std::pair<std::size_t, std::size_t>, Duration> round_trips;  // by the lower site first
        Weather weather;
        std::uint64_t seed = 1;
    };
    explicit WanRelay(Plan plan);
    ~WanRelay();
    WanRelay(const WanRelay&) = delete;
    WanRelay& operator=(const WanRelay&) = delete;

    // A door of `site` at `address` that leads to the same port of `target`; a free one, which is returned.
    proto::Result<std::uint16_t> open_door(std::size_t site, const std::string& address, const std::string& target);
    void start();                             // after the last door
    void belongs(pid_t process, std::size_t site);  // also if it belonged elsewhere
    std::uint64_t octets(std::size_t from, std::size_t to) const;  // that entered this line until now; from and to differ
    Duration round_trip(std::size_t one, std::size_t other) const;
    std::uint64_t lost() const { return lost_; }  // segments
    std::uint64_t strangers() const { return strangers_; }  // connections of processes that belong nowhere, refused

 private:
    using Clock = std::chrono::steady_clock;
    struct Door {
        node::Descriptor socket;
        std::size_t site;
        std::string target;
        std::uint16_t port;
    };
    struct Piece {
        Clock::time_point due;
        std::string octets;  // none: the end
    };
    struct Pipe;  // one direction
    struct Connection;

    void run(const std::stop_token& stop);
    void accept(Door& door);
    std::optional<std::size_t> site_of(std::uint16_t peer_port, std::uint16_t door_port);
    void read(Pipe& pipe, Clock::time_point now);
    Clock::time_point due(Pipe& pipe, std::size_t size, Clock::time_point now);
    Clock::time_point after_stalls(std::size_t from, std::size_t to, Clock::time_point when);
    bool write(Pipe& pipe, Clock::time_point now);  // false: the connection is over
    void sweep();

    static constexpr std::size_t sites_max = 8;
    Plan plan_;
    mesh::Rng dice_, dice_of_ports_;  // ports are no part of what the seed decides
    Clock::time_point begin_ = Clock::now();
    std::vector<Door> doors_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::map<std::pair<std::size_t, std::size_t>, std::vector<std::pair<Clock::time_point, Clock::time_point>>> stalls_;  // so far, by line
    node::Descriptor epoll_;
    std::array<std::atomic<std::uint64_t>, sites_max * sites_max> octets_{};
    std::atomic<std::uint64_t> lost_ = 0, strangers_ = 0;
    std::mutex mutex_;  // of processes_, which the owner tells and the relay's thread reads
    std::map<pid_t, std::size_t> processes_;
    std::jthread thread_;  // the last member: it ends first
};

}  // namespace mco::bench
