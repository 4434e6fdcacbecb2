#include "security/ca/enrolment_link.hpp"

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "security/ca/enrolment.hpp"

namespace mco::security::ca {
namespace {

using proto::Errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t connections_max = 64;
constexpr auto connection_for = 5s;

class Socket {
 public:
    explicit Socket(int number) : number_(number) {}
    Socket(Socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Socket() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }

 private:
    int number_;
};

struct Addresses {
    std::string host;
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> list{nullptr, &::freeaddrinfo};
};
proto::Result<Addresses> resolve(std::string_view where, int flags) {
    const auto colon = where.rfind(':');
    const auto host = std::string(where.substr(0, colon == std::string_view::npos ? 0 : colon));
    const auto bare = host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
    const auto port = std::string(colon == std::string_view::npos ? std::string_view() : where.substr(colon + 1));
    if (bare.empty() || port.empty())
        return proto::fail(Errc::invalid, fmt::format("\"{}\" is not HOST:PORT\nwrite it like ca.example.net:21099", where));
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(bare.c_str(), port.c_str(), &hints, &found);
    if (failed != 0) return proto::fail(Errc::unreachable, fmt::format("{}: {}", where, ::gai_strerror(failed)));
    Addresses addresses{bare, {nullptr, &::freeaddrinfo}};
    addresses.list.reset(found);
    return addresses;
}

proto::Bytes with_length(proto::BytesView frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    proto::Bytes octets(4 + frame.size());
    for (unsigned i = 0; i < 4; ++i) octets[i] = static_cast<std::uint8_t>(size >> (24U - 8U * i));
    std::copy(frame.begin(), frame.end(), octets.begin() + 4);
    return octets;
}

std::optional<std::size_t> length_of(proto::BytesView octets) {
    if (octets.size() < 4) return std::nullopt;
    return std::size_t{octets[0]} << 24U | std::size_t{octets[1]} << 16U | std::size_t{octets[2]} << 8U | octets[3];
}

int left_ms(Clock::time_point until) {
    return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count()));
}

// Once more into the buffer; false: the end, an error, or nothing there.
bool read_some(int socket, proto::Bytes& into) {
    std::array<std::uint8_t, 4096> piece;
    const auto got = ::recv(socket, piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) into.insert(into.end(), piece.begin(), piece.begin() + got);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool send_all(int socket, proto::BytesView octets, Clock::time_point until) {
    while (!octets.empty()) {
        const auto put = ::send(socket, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0) {
            octets = octets.subspan(static_cast<std::size_t>(put));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) return false;
        pollfd writable{socket, POLLOUT, 0};
        if (left_ms(until) == 0 || ::poll(&writable, 1, left_ms(until)) <= 0) return false;
    }
    return true;
}

std::string name_of(const sockaddr_storage& address, socklen_t size, int flags) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(), port.data(), port.size(),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "unknown";
    return flags == 0 ? std::string(host.data()) : fmt::format("{}:{}", host.data(), port.data());
}

struct Connection {
    Socket socket;
    std::string source;
    Clock::time_point until;
    proto::Bytes heard, say;
    std::size_t said = 0;
};

// False: it is over.
bool attend(Connection& one, short ready, const Serving& serving) {
    if (one.say.empty()) {
        if ((ready & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
        const bool open = read_some(one.socket.number(), one.heard);
        const auto length = length_of(one.heard);
        if (length && *length > enrolment_ask_max) return false;
        if (!length || one.heard.size() < 4 + *length) return open;
        one.say = with_length(serving.answer(proto::BytesView(one.heard).subspan(4, *length), one.source));
    }
    const auto put = ::send(one.socket.number(), one.say.data() + one.said, one.say.size() - one.said, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    one.said += static_cast<std::size_t>(put);
    return one.said < one.say.size();
}

proto::Result<Socket> listen_on(const std::string& where, std::string& heard_as) {
    auto addresses = resolve(where, AI_PASSIVE);
    if (!addresses) return tl::unexpected(std::move(addresses.error()));
    Socket socket(::socket(addresses->list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (socket.number() < 0 || ::bind(socket.number(), addresses->list->ai_addr, addresses->list->ai_addrlen) != 0 ||
        ::listen(socket.number(), 64) != 0)
        return proto::fail(Errc::invalid, fmt::format("cannot listen on {}: {}", where, std::generic_category().message(errno)));
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&bound), &size);
    heard_as = name_of(bound, size, 1);
    return socket;
}

}  // namespace

proto::Result<proto::Bytes> ask_server(std::string_view where, proto::BytesView ask, std::chrono::seconds longest) {
    const auto addresses = resolve(where, 0);
    if (!addresses) return tl::unexpected(addresses.error());
    const auto until = Clock::now() + longest;
    std::string why = "nobody is there";
    for (const auto* at = addresses->list.get(); at != nullptr; at = at->ai_next) {
        const Socket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (socket.number() < 0) continue;
        if (::connect(socket.number(), at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) {
            why = std::generic_category().message(errno);
            continue;
        }
        pollfd writable{socket.number(), POLLOUT, 0};
        if (::poll(&writable, 1, left_ms(until)) <= 0) {
            why = "no answer in time";
            continue;
        }
        int failed = 0;
        socklen_t size = sizeof failed;
        ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &failed, &size);
        if (failed != 0) {
            why = std::generic_category().message(failed);
            continue;
        }
        if (!send_all(socket.number(), with_length(ask), until)) return proto::fail(Errc::unreachable, fmt::format("{}: it does not listen", where));
        proto::Bytes heard;
        for (;;) {
            const auto length = length_of(heard);
            if (length && *length > enrolment_frame_max) return proto::fail(Errc::malformed, fmt::format("{}: an answer that is too long", where));
            if (length && heard.size() >= 4 + *length) return proto::Bytes(heard.begin() + 4, heard.begin() + 4 + static_cast<std::ptrdiff_t>(*length));
            pollfd readable{socket.number(), POLLIN, 0};
            if (::poll(&readable, 1, left_ms(until)) <= 0) return proto::fail(Errc::unreachable, fmt::format("{}: no answer in {} s", where, longest.count()));
            if (!read_some(socket.number(), heard)) return proto::fail(Errc::unreachable, fmt::format("{}: it closed the connection without an answer", where));
        }
    }
    return proto::fail(Errc::unreachable, fmt::format("{} cannot be reached: {}\nis mco-ca serve-enrolment running there?", where, why));
}

proto::Result<void> serve(const Serving& serving) {
    std::string heard_as;
    const auto listener = listen_on(serving.listen, heard_as);
    if (!listener) return tl::unexpected(listener.error());
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    const Socket signals(::signalfd(-1, &ends, SFD_CLOEXEC));
    serving.ready(heard_as);
    std::list<Connection> connections;  // oldest first
    std::vector<pollfd> polled;
    for (;;) {
        polled.assign({{signals.number(), POLLIN, 0}, {listener->number(), POLLIN, 0}});
        for (const auto& one : connections)
            polled.push_back({one.socket.number(), static_cast<short>(one.say.empty() ? POLLIN : POLLOUT), 0});
        ::poll(polled.data(), polled.size(), connections.empty() ? -1 : left_ms(connections.front().until));
        if (polled[0].revents != 0) return {};
        std::size_t i = 2;
        for (auto at = connections.begin(); at != connections.end(); ++i) {
            const bool lives = Clock::now() < at->until && (polled[i].revents == 0 || attend(*at, polled[i].revents, serving));
            at = lives ? std::next(at) : connections.erase(at);
        }
        if (polled[1].revents == 0) continue;
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        Socket accepted(::accept4(listener->number(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (accepted.number() < 0) continue;
        if (connections.size() >= connections_max) connections.pop_front();
        connections.push_back({std::move(accepted), name_of(from, size, 0), Clock::now() + connection_for, {}, {}});
    }
}

}  // namespace mco::security::ca
