#include "node/network_probe.hpp"

#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "node/descriptor.hpp"

namespace mco::node {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;
using Clock = std::chrono::steady_clock;

tl::unexpected<proto::Error> failure(Errc code, const std::string& host, int number) {
    return fail(code, fmt::format("{}: {}", host, std::generic_category().message(number)));
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Addresses> look_up(const std::string& host, const std::string& port, int type) {
    addrinfo wanted{};
    wanted.ai_socktype = type;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(host.c_str(), port.empty() ? nullptr : port.c_str(), &wanted, &found);
    if (status != 0) return fail(Errc::not_found, fmt::format("{}: {}", host, ::gai_strerror(status)));
    return Addresses(found, &::freeaddrinfo);
}

// Waits in short steps, so that `stop` is heard. 1: ready, 0: the time is over.
int wait_for(int descriptor, short events, Clock::time_point until, const std::stop_token& stop) {
    constexpr std::int64_t step_ms = 100;
    while (!stop.stop_requested()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return 0;
        pollfd one{.fd = descriptor, .events = events, .revents = 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, step_ms)));
        if (ready > 0) return 1;
        if (ready < 0 && errno != EINTR) return 0;
    }
    return 0;
}

double since(Clock::time_point begin, double unit_s) {
    return std::chrono::duration<double>(Clock::now() - begin).count() / unit_s;
}

std::uint16_t checksum(const std::vector<unsigned char>& octets) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < octets.size(); i += 2)
        sum += static_cast<std::uint32_t>(octets[i]) << 8U | octets[i + 1];
    while (sum >> 16U) sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

// Type, code, checksum, identifier, number, and 8 octets of load. The kernel overwrites identifier and, for IPv6, checksum.
std::vector<unsigned char> echo_request(bool v6) {
    std::vector<unsigned char> octets(16, 0);
    octets[0] = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    octets[7] = 1;
    const auto sum = checksum(octets);
    octets[2] = static_cast<unsigned char>(sum >> 8U);
    octets[3] = static_cast<unsigned char>(sum & 0xFFU);
    return octets;
}

// A datagram socket for echoes needs no privilege beside the group range; the kernel hands it its own answers only.
Result<double> echo(const std::string& host, const addrinfo& address, Clock::time_point until,
                    const std::stop_token& stop) {
    const bool v6 = address.ai_family == AF_INET6;
    const int protocol = v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
    const Descriptor socket(::socket(address.ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!socket && (errno == EACCES || errno == EPERM || errno == EPROTONOSUPPORT))
        return fail(Errc::denied,
                    "this machine does not let the daemon send an ICMP echo\n"
                    "Add the daemon's group to the sysctl net.ipv4.ping_group_range, or use the action connect.");
    if (!socket) return failure(Errc::overloaded, host, errno);
    if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0)
        return failure(Errc::unreachable, host, errno);
    const auto request = echo_request(v6);
    const auto begin = Clock::now();
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
        return failure(Errc::unreachable, host, errno);
    const unsigned char wanted = v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
    while (wait_for(socket.get(), POLLIN, until, stop) > 0) {
        std::array<unsigned char, 256> answer{};
        const auto got = ::recv(socket.get(), answer.data(), answer.size(), 0);
        if (got < 0 && errno != EAGAIN && errno != EINTR) return failure(Errc::unreachable, host, errno);
        if (got > 0 && answer[0] == wanted) return since(begin, 1e-3);
    }
    return fail(Errc::expired, fmt::format("{}: no answer", host));
}

Result<Connection> try_connect(const std::string& host, const addrinfo& address, Clock::time_point until,
                               const std::stop_token& stop) {
    const Descriptor socket(
        ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
    if (!socket) return failure(Errc::overloaded, host, errno);
    const auto begin = Clock::now();
    if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return failure(Errc::unreachable, host, errno);
        if (wait_for(socket.get(), POLLOUT, until, stop) == 0)
            return fail(Errc::expired, fmt::format("{}: no answer", host));
        int problem = 0;
        socklen_t size = sizeof problem;
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) return failure(Errc::unreachable, host, problem);
    }
    return Connection{.took_s = since(begin, 1)};
}

}  // namespace

Result<double> ping(const std::string& host, proto::Duration patience, std::stop_token stop) {
    const auto until = Clock::now() + patience;
    const auto addresses = look_up(host, {}, SOCK_DGRAM);
    if (!addresses) return tl::unexpected(addresses.error());
    return echo(host, **addresses, until, stop);
}

Result<Connection> connect_tcp(const std::string& host, std::uint16_t port, proto::Duration patience,
                               std::stop_token stop) {
    const auto until = Clock::now() + patience;
    const auto addresses = look_up(host, std::to_string(port), SOCK_STREAM);
    if (!addresses) return tl::unexpected(addresses.error());
    Result<Connection> result = fail(Errc::unreachable, host + ": no address");
    for (const addrinfo* one = addresses->get(); one != nullptr; one = one->ai_next) {
        result = try_connect(host, *one, until, stop);
        if (result) break;
    }
    return result;
}

}  // namespace mco::node
