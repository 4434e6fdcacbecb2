#include "node/metrics_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proto/config_file.hpp"

namespace mco::node {
namespace {

using proto::Errc;
using proto::fail;

constexpr auto deaf_time = std::chrono::seconds(1);

struct Address {
    std::string host;
    std::uint16_t port = 0;
};
std::optional<Address> parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto host = text.substr(0, colon), port = text.substr(colon + 1);
    if (host != "127.0.0.1" && host != "[::1]") return std::nullopt;
    if (port == "*") return Address{std::string(host), 0};
    const auto number = proto::parse_integer(port, {1, 65'535});
    if (!number) return std::nullopt;
    return Address{std::string(host), static_cast<std::uint16_t>(*number)};
}

int bind_to(int socket, const Address& address) {
    if (address.host == "127.0.0.1") {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(address.port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at);
    }
    sockaddr_in6 at{};
    at.sin6_family = AF_INET6;
    at.sin6_port = htons(address.port);
    at.sin6_addr = in6addr_loopback;
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at);
}

std::uint16_t port_of(int socket) {
    sockaddr_in6 at{};  // the port is at the same place in both
    socklen_t size = sizeof at;
    return ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size) == 0 ? ntohs(at.sin6_port) : 0;
}

std::string response(std::string_view status, std::string_view type, std::string_view body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status, type, body.size(), body);
}

std::string refusal(std::string_view status) { return response(status, "text/plain", "GET /metrics is all there is\n"); }

std::string answer(std::string_view request, const MetricsPort::Page& page) {
    const auto line = request.substr(0, request.find("\r\n"));
    const auto method = line.substr(0, line.find(' '));
    const auto rest = line.substr(std::min(method.size() + 1, line.size()));
    const auto target = rest.substr(0, rest.find(' '));
    const auto path = target.substr(0, target.find('?'));
    if (!rest.substr(std::min(target.size() + 1, rest.size())).starts_with("HTTP/1.")) return refusal("400 Bad Request");
    if (path != "/metrics") return refusal("404 Not Found");
    if (method != "GET") return refusal("405 Method Not Allowed");
    return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", page());
}

}  // namespace

std::string MetricsPort::check(std::string_view address) {
    return parse(address) ? "" : fmt::format("'{}' is not 127.0.0.1:PORT or [::1]:PORT: metrics are told to this machine only", address);
}

proto::Result<std::unique_ptr<MetricsPort>> MetricsPort::open(std::string_view text) {
    const auto address = parse(text);
    if (!address) return fail(Errc::invalid, check(text));
    const int family = address->host == "127.0.0.1" ? AF_INET : AF_INET6;
    Descriptor listener(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    Descriptor poll(::epoll_create1(EPOLL_CLOEXEC));
    const int again = 1;
    if (listener) ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
    if (!listener || !poll || bind_to(listener.get(), *address) != 0 || ::listen(listener.get(), connections_max) != 0)
        return fail(Errc::invalid, fmt::format("metrics_listen: {}: {}\nAnother program has that port: ss -ltnp", text,
                                               std::generic_category().message(errno)));
    const auto port = port_of(listener.get());
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, listener.get(), &event);
    return std::unique_ptr<MetricsPort>(new MetricsPort(std::move(listener), std::move(poll), address->host, port));
}

std::string MetricsPort::url() const { return fmt::format("http://{}:{}/metrics", host_, port_); }

std::optional<proto::Instant> MetricsPort::next_deadline() const {
    auto first = deaf_until_;
    for (const auto& one : connections_) {
        if (!first || one.until < *first) first = one.until;
    }
    return first;
}

void MetricsPort::listen(bool on) {
    epoll_event event{.events = on ? static_cast<std::uint32_t>(EPOLLIN) : 0, .data = {.ptr = nullptr}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, listener_.get(), &event);
}

void MetricsPort::take(proto::Instant now) {
    for (std::size_t i = 0; i < connections_max; ++i) {
        Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                listen(false);  // it would be readable all the time
                deaf_until_ = now + deaf_time;
            }
            return;
        }
        if (connections_.size() == connections_max) continue;
        auto& one = connections_.emplace_back(Connection{.socket = std::move(socket), .until = now + patience, .in = {}, .out = {}});
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &one}};
        ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, one.socket.get(), &event);
    }
}

bool MetricsPort::read(Connection& one, const Page& page) {
    std::array<char, request_size_max> part;
    const auto got = ::recv(one.socket.get(), part.data(), part.size(), 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    one.in.append(part.data(), static_cast<std::size_t>(got));
    if (one.in.find("\r\n\r\n") != std::string::npos) {
        one.out = answer(one.in, page);
    } else if (one.in.size() >= request_size_max) {
        one.out = refusal("431 Request Header Fields Too Large");
    } else {
        return true;
    }
    one.answering = true;
    epoll_event event{.events = EPOLLOUT, .data = {.ptr = &one}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, one.socket.get(), &event);
    return write(one);
}

bool MetricsPort::write(Connection& one) {
    const auto put = ::send(one.socket.get(), one.out.data(), one.out.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    one.out.erase(0, static_cast<std::size_t>(put));
    return !one.out.empty();
}

void MetricsPort::serve(proto::Instant now, const Page& page) {
    if (deaf_until_ && *deaf_until_ <= now) {
        deaf_until_.reset();
        listen(true);
    }
    std::array<epoll_event, connections_max + 1> events;
    const int count = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        auto* one = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (one == nullptr) {
            take(now);
        } else if (!(one->answering ? write(*one) : read(*one, page))) {
            connections_.remove_if([&](const Connection& other) { return &other == one; });
        }
    }
    connections_.remove_if([&](const Connection& one) { return one.until <= now; });
}

}  // namespace mco::node
