// The floor below the floor: the same fan-out and gather over plain TCP, with no library, no cryptography and no framing but the
// sizes that both sides know. What it takes is the kernel's, and the difference to libzmq's floor is libzmq with CURVE.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/floor.hpp"
#include "bench/floor_crew.hpp"
#include "bench/usage.hpp"
#include "node/descriptor.hpp"

namespace mco::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using node::Descriptor;
using proto::Errc;

constexpr timeval patience{.tv_sec = 20, .tv_usec = 0};  // for the next agent to come, the next reply, or room to write
constexpr int patience_ms = static_cast<int>(patience.tv_sec) * 1'000;
constexpr int look_ms = 200;  // how often an agent looks whether to stop
constexpr std::size_t descriptors_beside = 64;

// One end of a connection: the message that is being read, which has a size that both sides know.
struct End {
    Descriptor socket;
    std::string message;
    std::size_t filled = 0;

    enum class Read { part, whole, ended };
    Read read() {
        const auto size = ::recv(socket.get(), message.data() + filled, message.size() - filled, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Read::part;
        if (size <= 0) return Read::ended;
        filled += static_cast<std::size_t>(size);
        if (filled < message.size()) return Read::part;
        filled = 0;
        return Read::whole;
    }
    // One request at a time is on the way, so it always fits into the socket's buffer, or the rest waits for the other side.
    bool write(const std::string& text) const {
        for (std::size_t sent = 0; sent < text.size();) {
            const auto size = ::send(socket.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (size < 0 && errno != EINTR) return false;
            if (size > 0) sent += static_cast<std::size_t>(size);
        }
        return true;
    }
};

class Ends {
 public:
    Ends() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
    void add(int socket, std::size_t message_bytes) {
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        epoll_event event{.events = EPOLLIN, .data = {.u64 = ends_.size()}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event);
        ends_.push_back({Descriptor(socket), std::string(message_bytes, ' '), 0});
    }
    // Those that have something to read; none: the time is over.
    template <typename Do>
    bool wait(int longest_ms, Do&& with) {
        std::array<epoll_event, 256> events;
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), longest_ms);
        for (int i = 0; i < count; ++i) with(ends_[events[static_cast<std::size_t>(i)].data.u64]);
        return count > 0 || (count < 0 && errno == EINTR);
    }
    std::vector<End>& all() { return ends_; }

 private:
    Descriptor epoll_;
    std::vector<End> ends_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// Answers until it is to stop, or the hub hangs up. The first eight octets of a request are its number, and come back.
void run_agents(const std::string& hub, std::size_t count, const FloorShape& shape, const std::stop_token& stop) {
    const auto address = loopback(static_cast<std::uint16_t>(std::stoul(hub)));
    Ends ends;
    for (std::size_t i = 0; i < count; ++i) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (socket < 0) return;
        ends.add(socket, shape.request_bytes);
        if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    }
    std::string reply(shape.reply_bytes, 'r');
    bool going = true;
    while (going && !stop.stop_requested()) {
        ends.wait(look_ms, [&](End& end) {
            const auto read = end.read();
            if (read == End::Read::ended) going = false;
            if (read != End::Read::whole) return;
            std::memcpy(reply.data(), end.message.data(), sizeof(std::uint64_t));
            going = end.write(reply) && going;
        });
    }
}

std::optional<Sample::Duration> round(Ends& ends, std::uint64_t number, std::string& request) {
    std::memcpy(request.data(), &number, sizeof number);
    std::size_t replies = 0;
    bool lost = false;
    const auto begin = Clock::now();
    for (const auto& end : ends.all()) lost = !end.write(request) || lost;
    while (replies < ends.all().size() && !lost) {
        const bool some = ends.wait(patience_ms, [&](End& end) {
            const auto read = end.read();
            if (read == End::Read::ended) lost = true;
            if (read == End::Read::whole && std::memcmp(end.message.data(), &number, sizeof number) == 0) ++replies;
        });
        lost = lost || !some;
    }
    return lost ? std::nullopt : std::optional(Clock::now() - begin);
}

}  // namespace

proto::Result<Sample> measure_tcp_floor(const FloorShape& shape) {
    const auto descriptors = (shape.processes ? 1 : 2) * shape.agents + descriptors_beside;
    if (auto raised = raise_descriptors(descriptors); !raised) return tl::unexpected(raised.error());
    Crew crew(shape, &run_agents);
    Ends ends;  // goes before the crew, which then ends
    const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(listener.get(), 4'096) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return proto::fail(Errc::internal, fmt::format("no port on loopback: {}", std::strerror(errno)));
    ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!crew.start(std::to_string(ntohs(address.sin_port))))
        return proto::fail(Errc::internal, "an agent could not be told where to connect");
    for (std::size_t i = 0; i < shape.agents; ++i) {
        const int socket = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return proto::fail(Errc::unreachable, fmt::format("only {} of {} agents came", i, shape.agents));
        ends.add(socket, shape.reply_bytes);
    }
    Sample sample;
    std::string request(shape.request_bytes, 'q');
    for (std::uint64_t i = 0; i < floor_warm_up_rounds + shape.rounds; ++i) {
        const auto took = round(ends, i + 1, request);
        if (!took) return proto::fail(Errc::expired, "a round was not answered completely");
        if (i >= floor_warm_up_rounds) sample.add(*took);
    }
    return sample;
}

}  // namespace mco::bench
