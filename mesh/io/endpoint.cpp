#include "mesh/io/endpoint.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "proto/limits.hpp"

namespace mco::mesh::io {

namespace {

using proto::Errc;
using proto::fail;

constexpr std::uint64_t port_first = 20'000;
constexpr std::uint64_t ports = 32'768 - port_first;  // the kernel's own range begins at 32768
constexpr int bind_attempts_max = 512;
constexpr int answer_max_ms = 2;  // a neighbour's refusal is quicker; the reactor waits no longer

class Descriptor {
 public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }

 private:
    int number_;
};

// 0, EINPROGRESS or the reason.
int try_connect(const sockaddr* address, socklen_t size) {
    const Descriptor descriptor(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (descriptor.get() < 0) return errno;
    if (::connect(descriptor.get(), address, size) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    pollfd item{descriptor.get(), POLLOUT, 0};
    if (::poll(&item, 1, answer_max_ms) != 1) return EINPROGRESS;
    int code = 0;
    socklen_t code_size = sizeof code;
    ::getsockopt(descriptor.get(), SOL_SOCKET, SO_ERROR, &code, &code_size);
    return code;
}

int try_connect_ipc(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
    std::copy(path.begin(), path.end(), address.sun_path);
    return try_connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

proto::Error bind_error(const Endpoint& endpoint, int code) {
    const std::string where = endpoint.text();
    switch (code) {
        case EADDRINUSE:
            return {Errc::overloaded,
                    fmt::format("cannot listen on {}: the port is in use\nSee who has it: ss -ltnp 'sport = :{}'",
                                where, endpoint.port)};
        case EADDRNOTAVAIL:
        case ENODEV:
            return {Errc::invalid,
                    fmt::format("cannot listen on {}: this machine does not have that address\nSee which it has: "
                                "ip -brief address",
                                where)};
        case EACCES:
            return {Errc::denied,
                    fmt::format("cannot listen on {}: permission denied\nPorts below 1024 need a privilege; choose "
                                "one from 1024 to 32767.",
                                where)};
        default:
            return {Errc::invalid, fmt::format("cannot listen on {}: {}", where, std::strerror(code))};
    }
}

proto::Result<Endpoint> bind_tcp(Socket& socket, Endpoint endpoint, Rng& rng) {
    if (endpoint.port != "*") {
        const int code = socket.bind(endpoint.text());
        if (code != 0) return tl::unexpected(bind_error(endpoint, code));
        return endpoint;
    }
    for (int attempt = 0; attempt < bind_attempts_max; ++attempt) {
        endpoint.port = std::to_string(port_first + rng.below(ports));
        const int code = socket.bind(endpoint.text());
        if (code == 0) return endpoint;
        if (code != EADDRINUSE) return tl::unexpected(bind_error(endpoint, code));
    }
    return fail(Errc::overloaded,
                fmt::format("cannot listen on {}: {} ports between {} and 32767 were tried, all in use\nSee who "
                            "has them: ss -ltnp",
                            endpoint.host, bind_attempts_max, port_first));
}

proto::Result<Endpoint> bind_ipc(Socket& socket, const Endpoint& endpoint) {
    const std::string directory = directory_of(endpoint.path);
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        return fail(Errc::not_found,
                    fmt::format("cannot listen on {}: there is no directory {}\nMake it: install -d -m 0750 {}",
                                endpoint.text(), directory, directory));
    }
    if (::lstat(endpoint.path.c_str(), &status) == 0) {
        // libzmq removes whatever has that name, so it is looked at here.
        if (!S_ISSOCK(status.st_mode))
            return fail(Errc::invalid, fmt::format("cannot listen on {}: a file of that name exists", endpoint.text()));
        const int code = try_connect_ipc(endpoint.path);
        if (code != ECONNREFUSED)
            return fail(Errc::overloaded,
                        fmt::format("cannot listen on {}: another process does\nSee which: ss -lxp src {}",
                                    endpoint.text(), endpoint.path));
        ::unlink(endpoint.path.c_str());
    }
    const int code = socket.bind(endpoint.text());
    if (code == EACCES) {
        return fail(Errc::denied,
                    fmt::format("cannot listen on {}: permission denied\nGive the directory to the daemon's user: "
                                "install -d -m 0750 -o USER {}",
                                endpoint.text(), directory));
    }
    if (code != 0) return tl::unexpected(bind_error(endpoint, code));
    // Who may connect is the directory's mode; who is let in is CURVE's and HELLO's question.
    ::chmod(endpoint.path.c_str(), 0666);
    return endpoint;
}

}  // namespace

proto::Result<Endpoint> Endpoint::parse(std::string_view text) {
    Endpoint endpoint;
    if (text.size() > proto::limits::endpoint_size_max)
        return fail(Errc::invalid, fmt::format("an endpoint of {} characters; at most {}", text.size(),
                                               proto::limits::endpoint_size_max));
    const auto broken = [&](std::string_view why) {
        return fail(Errc::invalid,
                    fmt::format("{} is not an endpoint: {}\nExamples: tcp://192.0.2.7:21000, tcp://127.0.0.1:*, "
                                "ipc:///run/mco/mcod.sock",
                                text, why));
    };
    if (text.starts_with("ipc://")) {
        endpoint.kind = Kind::ipc;
        endpoint.path = text.substr(6);
        if (endpoint.path.empty() || endpoint.path.front() != '/') return broken("ipc needs an absolute path");
        return endpoint;
    }
    if (!text.starts_with("tcp://")) return broken("it begins with neither tcp:// nor ipc://");
    const auto rest = text.substr(6);
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return broken("tcp needs HOST:PORT");
    endpoint.host = rest.substr(0, colon);
    endpoint.port = rest.substr(colon + 1);
    const bool bracketed = endpoint.host.front() == '[' && endpoint.host.back() == ']';
    if (!bracketed && endpoint.host.find(':') != std::string::npos) return broken("an IPv6 address needs brackets");
    if (endpoint.host.find_first_of(" \t/;@") != std::string::npos)
        return broken("the host has a character that no host has");
    if (endpoint.port == "*") return endpoint;
    unsigned port = 0;
    const auto [end, code] = std::from_chars(endpoint.port.data(), endpoint.port.data() + endpoint.port.size(), port);
    if (code != std::errc() || end != endpoint.port.data() + endpoint.port.size() || port == 0 || port > 65'535)
        return broken("the port is not a number from 1 to 65535");
    return endpoint;
}

std::string Endpoint::text() const {
    switch (kind) {
        case Kind::tcp:
            return fmt::format("tcp://{}:{}", host, port);
        case Kind::ipc:
            return fmt::format("ipc://{}", path);
    }
    return {};
}

bool Endpoint::every_address() const { return host == "*" || host == "0.0.0.0" || host == "[::]"; }

proto::Result<Endpoint> bind(Socket& socket, const Endpoint& wanted, Rng& rng) {
    switch (wanted.kind) {
        case Endpoint::Kind::tcp:
            return bind_tcp(socket, wanted, rng);
        case Endpoint::Kind::ipc:
            return bind_ipc(socket, wanted);
    }
    return fail(Errc::internal, "an endpoint of no kind");
}

std::string explain_unreachable(const std::string& endpoint) {
    const auto parsed = Endpoint::parse(endpoint);
    if (!parsed) return parsed.error().detail;
    int code = EINPROGRESS;
    if (parsed->kind == Endpoint::Kind::ipc) {
        code = try_connect_ipc(parsed->path);
    } else {
        // Numbers only: a name would be looked up here and now, and that may take seconds.
        std::string host = parsed->host;
        if (host.front() == '[') host = host.substr(1, host.size() - 2);
        addrinfo hints{};
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (::getaddrinfo(host.c_str(), parsed->port.c_str(), &hints, &found) == 0) {
            code = try_connect(found->ai_addr, found->ai_addrlen);
            ::freeaddrinfo(found);
        }
    }
    switch (code) {
        case ECONNREFUSED:
            return "connection refused";
        case ENOENT:
            return "there is no such socket";
        case EACCES:
            return "permission denied";
        case 0:
        case EINPROGRESS:
            return "no connection (refused, filtered, or the name is not known)";
        default:
            return std::strerror(code);
    }
}

}  // namespace mco::mesh::io
