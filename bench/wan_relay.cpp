#include "bench/wan_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

namespace mco::bench {
namespace {

using namespace std::chrono_literals;
using proto::Errc;

constexpr std::size_t segment = 1'460, piece_max = 64 * 1'024;
constexpr std::size_t waiting_max = 4 << 20;  // octets of a direction that are under way; then nothing more is read from its sender
constexpr std::uint16_t port_least = 10'000, port_most = 32'000;  // below those of outgoing connections, as daemons want it
constexpr int port_attempts = 100, looks = 4;
constexpr auto again = 1ms;                   // after who takes no more

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
}

void at_once(int socket) {  // what is delayed here is not to be delayed by the kernel as well
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// The kernel's number of the socket with this port at its own end and that one at the other; 0: there is none.
std::uint64_t inode_of(std::uint16_t own_port, std::uint16_t other_port) {
    const auto own_end = fmt::format(":{:04X}", own_port), other_end = fmt::format(":{:04X}", other_port);
    for (const auto* file : {"/proc/net/tcp6", "/proc/net/tcp"}) {  // libzmq's sockets speak both, and stand in the first
        std::ifstream table(file);
        std::string line, number, own, other, state, queues, timer, retransmits, user, timeout;
        std::getline(table, line);
        while (std::getline(table, line)) {
            std::istringstream words(line);
            std::uint64_t inode = 0;
            if (words >> number >> own >> other >> state >> queues >> timer >> retransmits >> user >> timeout >> inode && own.ends_with(own_end) &&
                other.ends_with(other_end))
                return inode;
        }
    }
    return 0;
}

bool has_socket(pid_t process, std::uint64_t inode) {
    namespace fs = std::filesystem;
    const auto wanted = fmt::format("socket:[{}]", inode);
    std::error_code error;
    for (fs::directory_iterator at(fmt::format("/proc/{}/fd", process), error), end; !error && at != end; at.increment(error)) {
        std::error_code gone;
        if (fs::read_symlink(at->path(), gone) == wanted) return true;
    }
    return false;
}

}  // namespace

struct WanRelay::Pipe {
    int from, to;
    std::size_t source, target;  // sites
    mesh::Rng dice;
    Clock::time_point earliest;  // nothing arrives before
    std::deque<Piece> waiting{};
    std::size_t octets = 0;  // of them
    bool reading = true, ended = false;
};

struct WanRelay::Connection {
    node::Descriptor dialler, door;
    Pipe out, back;
    bool over = false;
};

WanRelay::WanRelay(Plan plan) : plan_(std::move(plan)), dice_(plan_.seed), dice_of_ports_(static_cast<std::uint64_t>(::getpid())), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

WanRelay::~WanRelay() = default;

proto::Result<std::uint16_t> WanRelay::open_door(std::size_t site, const std::string& address, const std::string& target) {
    for (int attempt = 0; attempt < port_attempts; ++attempt) {
        const auto port = static_cast<std::uint16_t>(port_least + dice_of_ports_.below(port_most - port_least + 1));
        const auto where = address_of(address, port);
        node::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 || ::listen(socket.get(), 1'024) != 0) continue;
        doors_.push_back({std::move(socket), site, target, port});
        return port;
    }
    return proto::fail(Errc::internal, fmt::format("no port of {} is free: {}", address, std::strerror(errno)));
}

void WanRelay::start() {
    begin_ = Clock::now();
    for (auto& door : doors_) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &door}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, door.socket.get(), &event);
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void WanRelay::belongs(pid_t process, std::size_t site) {
    const std::lock_guard lock(mutex_);
    processes_[process] = site;
}

std::uint64_t WanRelay::octets(std::size_t from, std::size_t to) const { return octets_[from * sites_max + to]; }

WanRelay::Duration WanRelay::round_trip(std::size_t one, std::size_t other) const {
    const auto found = plan_.round_trips.find(std::minmax(one, other));
    return found == plan_.round_trips.end() ? Duration() : found->second;
}

void WanRelay::run(const std::stop_token& stop) {
    std::array<epoll_event, 128> events;
    while (!stop.stop_requested()) {
        auto next = Clock::now() + 100ms;  // when to look whether to stop
        for (const auto& connection : connections_) {
            for (const auto* pipe : {&connection->out, &connection->back})
                if (!pipe->waiting.empty()) next = std::min(next, pipe->waiting.front().due);
        }
        const auto left = std::max<std::chrono::nanoseconds>(next - Clock::now(), 0ns).count();
        const timespec longest{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
        const int count = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &longest, nullptr);
        const auto now = Clock::now();
        for (int i = 0; i < count; ++i) {
            auto* const ready = events[static_cast<std::size_t>(i)].data.ptr;
            const auto door = std::find_if(doors_.begin(), doors_.end(), [&](const Door& one) { return &one == ready; });
            if (door != doors_.end()) {
                accept(*door);
            } else {
                read(*static_cast<Pipe*>(ready), now);
            }
        }
        for (auto& connection : connections_) connection->over = !write(connection->out, now) || !write(connection->back, now);
        sweep();
    }
}

void WanRelay::accept(Door& door) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    node::Descriptor dialler(::accept4(door.socket.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!dialler) return;
    const auto site = site_of(ntohs(peer.sin_port), door.port);
    node::Descriptor target(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto where = address_of(door.target, door.port);
    if (!site || !target ||
        (::connect(target.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 && errno != EINPROGRESS))
        return;
    at_once(dialler.get());
    at_once(target.get());
    // Who dials over a distance sends his first octet after a round trip; here he may do so at once.
    const auto now = Clock::now(), met = now + round_trip(*site, door.site);
    auto connection = std::make_unique<Connection>(
        Connection{.dialler = std::move(dialler),
                   .door = std::move(target),
                   .out = {.from = -1, .to = -1, .source = *site, .target = door.site, .dice = dice_.fork(), .earliest = met + round_trip(*site, door.site) / 2},
                   .back = {.from = -1, .to = -1, .source = door.site, .target = *site, .dice = dice_.fork(), .earliest = met}});
    connection->out.from = connection->back.to = connection->dialler.get();
    connection->out.to = connection->back.from = connection->door.get();
    for (auto* pipe : {&connection->out, &connection->back}) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = pipe}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pipe->from, &event);
    }
    connections_.push_back(std::move(connection));
}

std::optional<std::size_t> WanRelay::site_of(std::uint16_t peer_port, std::uint16_t door_port) {
    std::uint64_t inode = 0;
    for (int look = 0; look < looks && inode == 0; ++look) inode = inode_of(peer_port, door_port);  // a row may move while the table is read
    if (inode == 0) return std::nullopt;  // hung up already
    const std::lock_guard lock(mutex_);
    for (const auto& [process, site] : processes_) {
        if (has_socket(process, inode)) return site;
    }
    ++strangers_;
    return std::nullopt;
}

void WanRelay::read(Pipe& pipe, Clock::time_point now) {
    Piece piece{.due = now, .octets = std::string(piece_max, ' ')};
    const auto size = ::recv(pipe.from, piece.octets.data(), piece.octets.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    piece.octets.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    piece.due = due(pipe, piece.octets.size(), now);
    pipe.octets += piece.octets.size();
    if (pipe.source != pipe.target) octets_[pipe.source * sites_max + pipe.target] += piece.octets.size();
    pipe.reading = size > 0 && pipe.octets < waiting_max;
    pipe.waiting.push_back(std::move(piece));
    if (!pipe.reading) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pipe.from, nullptr);
}

WanRelay::Clock::time_point WanRelay::due(Pipe& pipe, std::size_t size, Clock::time_point now) {
    const auto trip = round_trip(pipe.source, pipe.target);
    auto when = now + trip / 2;
    if (trip > 0us) {
        if (plan_.weather.jitter > 0us) when += Duration(pipe.dice.below(static_cast<std::uint64_t>(plan_.weather.jitter.count()) + 1));
        bool repeated = false;
        for (std::size_t at = 0; at < size; at += segment) {
            if (pipe.dice.below(10'000) >= plan_.weather.loss_of_10000) continue;
            ++lost_;
            repeated = true;
        }
        if (repeated) when += trip;
        when = after_stalls(pipe.source, pipe.target, when);
    }
    return pipe.earliest = std::max(pipe.earliest, when);
}

// Stalls of a line come from the seed and its two sites alone; they are made as far as somebody has asked.
WanRelay::Clock::time_point WanRelay::after_stalls(std::size_t from, std::size_t to, Clock::time_point when) {
    if (plan_.weather.stall_every == 0us) return when;
    auto& stalls = stalls_[std::minmax(from, to)];
    mesh::Rng dice(plan_.seed * 1'009 + std::min(from, to) * sites_max + std::max(from, to));
    for (std::size_t i = 0; i < 2 * stalls.size(); ++i) dice.next();
    const auto evenly = [&](Duration mean) { return Duration(dice.below(2 * static_cast<std::uint64_t>(mean.count()))); };
    while (stalls.empty() || stalls.back().second < when) {
        const auto begin = (stalls.empty() ? begin_ : stalls.back().second) + evenly(plan_.weather.stall_every);
        stalls.emplace_back(begin, begin + evenly(plan_.weather.stall_for));
    }
    for (auto stall = stalls.rbegin(); stall != stalls.rend() && stall->second > when; ++stall) {
        if (stall->first <= when) return stall->second;
    }
    return when;
}

bool WanRelay::write(Pipe& pipe, Clock::time_point now) {
    while (!pipe.waiting.empty() && pipe.waiting.front().due <= now) {
        auto& piece = pipe.waiting.front();
        if (piece.octets.empty()) {
            ::shutdown(pipe.to, SHUT_WR);
            pipe.ended = true;
            pipe.waiting.pop_front();
            continue;
        }
        const auto size = ::send(pipe.to, piece.octets.data(), piece.octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (size < 0 || static_cast<std::size_t>(size) < piece.octets.size()) {
            const auto sent = static_cast<std::size_t>(std::max<ssize_t>(size, 0));
            piece.octets.erase(0, sent);
            pipe.octets -= sent;
            piece.due = now + again;
            break;
        }
        pipe.octets -= piece.octets.size();
        pipe.waiting.pop_front();
    }
    const bool at_end = pipe.ended || (!pipe.waiting.empty() && pipe.waiting.back().octets.empty());
    if (!pipe.reading && !at_end && pipe.octets < waiting_max / 2) {
        pipe.reading = true;
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &pipe}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pipe.from, &event);
    }
    return true;
}

void WanRelay::sweep() {
    std::erase_if(connections_, [](const auto& one) { return one->over || (one->out.ended && one->back.ended); });
}

}  // namespace mco::bench
