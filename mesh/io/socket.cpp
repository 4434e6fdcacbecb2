#include "mesh/io/socket.hpp"

#include <zmq.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "proto/limits.hpp"

namespace mco::mesh::io {

namespace {

// Compiled into Debian's library, absent from its header. Without it libzmq lets everybody in when no ZAP handler answers;
// set by number, so that a library built without it stops us instead of opening the door.
constexpr int zap_enforce_domain = 93;

constexpr int retry_never_ms = 3'600'000;  // libzmq must not reconnect; it must only tell that it would (finding 3)
constexpr std::size_t curve_overhead =
    1024;  // 33 octets of CURVE and what a frame of ours may carry around its payload

[[noreturn]] void die(const char* what, int code) {
    std::fprintf(stderr, "mco: libzmq: %s: %s\n", what, zmq_strerror(code));
    std::abort();
}

int type_of(SocketKind kind) {
    switch (kind) {
        case SocketKind::dealer:
            return ZMQ_DEALER;
        case SocketKind::router:
            return ZMQ_ROUTER;
        case SocketKind::xpub:
            return ZMQ_XPUB;
        case SocketKind::sub:
            return ZMQ_SUB;
        case SocketKind::pair:
            return ZMQ_PAIR;
    }
    std::abort();
}

class Frame {
 public:
    Frame() { zmq_msg_init(&message_); }
    ~Frame() { zmq_msg_close(&message_); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    zmq_msg_t* get() { return &message_; }
    proto::BytesView octets() {
        return {static_cast<const std::uint8_t*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
    }
    bool more() const { return zmq_msg_more(&message_) != 0; }
    std::string property(const char* name) {
        const char* value = zmq_msg_gets(&message_, name);
        return value == nullptr ? std::string() : std::string(value);
    }
    int descriptor() { return zmq_msg_get(&message_, ZMQ_SRCFD); }

 private:
    zmq_msg_t message_;
};

// False: nothing there now. A signal may interrupt even a call that does not wait.
bool receive_frame(void* socket, Frame& frame) {
    for (;;) {
        if (zmq_msg_recv(frame.get(), socket, ZMQ_DONTWAIT) >= 0) return true;
        if (errno == EAGAIN) return false;
        if (errno != EINTR) die("receive", errno);
    }
}

bool is_zero(const std::uint8_t* octets, std::size_t size) {
    std::uint8_t any = 0;
    for (std::size_t i = 0; i < size; ++i) any |= octets[i];
    return any == 0;
}

void set_keys(Socket& socket, const security::CurvePair& own) {
    if (own.public_key.is_zero() || is_zero(own.secret.data(), own.secret.size())) die("a zero CURVE key", EINVAL);
    socket.set(ZMQ_CURVE_PUBLICKEY, own.public_key.bytes());
    socket.set(ZMQ_CURVE_SECRETKEY, proto::BytesView(own.secret.data(), own.secret.size()));
}

}  // namespace

proto::Result<Socket> Socket::open(const Context& context, SocketKind kind) {
    void* handle = zmq_socket(context.handle(), type_of(kind));
    if (handle == nullptr) {
        if (errno != EMFILE) die("socket", errno);
        return proto::fail(proto::Errc::overloaded,
                           "no more sockets or file descriptors\nRaise LimitNOFILE of the service (now: ulimit -n).");
    }
    context.count_socket();
    Socket socket(handle);
    socket.set(ZMQ_LINGER, 0);
    return socket;
}

Socket::Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), drained_(other.drained_) {}

Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(drained_, other.drained_);
    return *this;
}

Socket::~Socket() {
    if (handle_ != nullptr && zmq_close(handle_) != 0) die("close", errno);
}

void Socket::set(int option, int value) {
    drained_ = false;
    if (zmq_setsockopt(handle_, option, &value, sizeof value) != 0)
        die(fmt::format("option {} = {}", option, value).c_str(), errno);
}

void Socket::set(int option, proto::BytesView octets) {
    drained_ = false;
    if (zmq_setsockopt(handle_, option, octets.data(), octets.size()) != 0)
        die(fmt::format("option {}", option).c_str(), errno);
}

int Socket::get(int option) const {
    int value = 0;
    std::size_t size = sizeof value;
    if (zmq_getsockopt(handle_, option, &value, &size) != 0) die(fmt::format("option {}", option).c_str(), errno);
    return value;
}

int Socket::bind(const std::string& endpoint) { return zmq_bind(handle_, endpoint.c_str()) == 0 ? 0 : errno; }
int Socket::connect(const std::string& endpoint) { return zmq_connect(handle_, endpoint.c_str()) == 0 ? 0 : errno; }

Sent Socket::send(std::initializer_list<proto::BytesView> frames) {
    // A send looks at the I/O thread's news only about every millisecond; reading the events looks now. Otherwise a
    // fresh connection seems full and a dead one alive.
    get(ZMQ_EVENTS);
    drained_ = false;
    std::size_t left = frames.size();
    for (const auto frame : frames) {
        const bool first = left == frames.size();
        const int flags = ZMQ_DONTWAIT | (--left > 0 ? ZMQ_SNDMORE : 0);
        while (zmq_send(handle_, frame.data(), frame.size(), flags) < 0) {
            if (errno == EINTR) continue;
            if (first && errno == EAGAIN) return Sent::full;
            if (errno == EHOSTUNREACH && first) return Sent::unreachable;
            die("send", errno);
        }
    }
    return Sent::ok;
}

std::optional<Received> Socket::receive(std::size_t frames_max) {
    Received received;
    for (;;) {
        Frame frame;
        if (!receive_frame(handle_, frame)) {
            // libzmq makes all frames of a message visible at once, so this can only be before the first.
            drained_ = true;
            return std::nullopt;
        }
        drained_ = false;
        if (received.frames.size() < frames_max) {
            received.frames.push_back(proto::copy(frame.octets()));
        } else {
            received.too_many = true;
        }
        if (!frame.more()) {
            received.user_id = frame.property("User-Id");
            received.descriptor = frame.descriptor();
            return received;
        }
    }
}

// A receive that finds nothing and this question take in all news of the I/O thread; what comes later signals the descriptor.
bool Socket::drained() {
    if (!drained_) drained_ = (get(ZMQ_EVENTS) & ZMQ_POLLIN) == 0;
    return drained_;
}

int Socket::descriptor() const { return get(ZMQ_FD); }

void Socket::linger(std::chrono::milliseconds most) { set(ZMQ_LINGER, static_cast<int>(most.count())); }

void set_transport(Socket& socket, std::size_t frame_size_max, std::chrono::milliseconds handshake_max) {
    const std::int64_t size_max = static_cast<std::int64_t>(frame_size_max + curve_overhead);
    socket.set(ZMQ_MAXMSGSIZE, proto::BytesView(reinterpret_cast<const std::uint8_t*>(&size_max), sizeof size_max));
    socket.set(ZMQ_HANDSHAKE_IVL, static_cast<int>(handshake_max.count()));
    // None of libzmq's heartbeats: README.md says why. Frozen peers are the engine's business, vanished machines are TCP's.
    socket.set(ZMQ_TCP_KEEPALIVE, 1);
    socket.set(ZMQ_TCP_KEEPALIVE_IDLE, 15);
    socket.set(ZMQ_TCP_KEEPALIVE_INTVL, 5);
    socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3);
    socket.set(ZMQ_TCP_MAXRT, 30'000);
    socket.set(ZMQ_BACKLOG, 1'024);
    socket.set(ZMQ_IPV6, 1);
}

void become_curve_server(Socket& socket, const security::CurvePair& own, std::string_view zap_domain) {
    socket.set(ZMQ_CURVE_SERVER, 1);
    set_keys(socket, own);
    socket.set(ZMQ_ZAP_DOMAIN, proto::as_bytes(zap_domain));
    socket.set(zap_enforce_domain, 1);
    if (socket.get(ZMQ_MECHANISM) != ZMQ_CURVE || socket.get(ZMQ_CURVE_SERVER) != 1) die("not a CURVE server", EPROTO);
}

void become_curve_client(Socket& socket, const security::CurvePair& own, const proto::CurvePublicKey& server) {
    if (server.is_zero()) die("a zero CURVE key", EINVAL);
    set_keys(socket, own);
    socket.set(ZMQ_CURVE_SERVERKEY, server.bytes());
    socket.set(ZMQ_CONNECT_TIMEOUT, 3'000);
    socket.set(ZMQ_RECONNECT_IVL, retry_never_ms);
    if (socket.get(ZMQ_MECHANISM) != ZMQ_CURVE || socket.get(ZMQ_CURVE_SERVER) != 0) die("not a CURVE client", EPROTO);
}

namespace {

int mask_of(Monitor::For purpose) {
    switch (purpose) {
        case Monitor::For::dialler:
            return ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |
                   ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
        case Monitor::For::listener:
            return ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_ACCEPT_FAILED;
        case Monitor::For::probe:
            return ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    }
    std::abort();
}

Monitor::Kind kind_of(std::uint16_t event) {
    switch (event) {
        case ZMQ_EVENT_CONNECTED:
            return Monitor::Kind::connected;
        case ZMQ_EVENT_CONNECT_RETRIED:
            return Monitor::Kind::retried;
        case ZMQ_EVENT_DISCONNECTED:
            return Monitor::Kind::disconnected;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            return Monitor::Kind::handshake_done;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            return Monitor::Kind::handshake_broken;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            return Monitor::Kind::handshake_protocol;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            return Monitor::Kind::handshake_auth;
        case ZMQ_EVENT_ACCEPTED:
            return Monitor::Kind::accepted;
        case ZMQ_EVENT_ACCEPT_FAILED:
            return Monitor::Kind::accept_failed;
    }
    die("an event that was not asked for", EPROTO);
}

}  // namespace

proto::Result<Monitor> Monitor::attach(const Context& context, Socket& watched, For purpose) {
    static std::atomic<std::uint64_t> number{0};
    auto pair = Socket::open(context, SocketKind::pair);
    if (!pair) return tl::unexpected(pair.error());
    pair->set(ZMQ_RCVHWM, 0);
    const std::string address = fmt::format("inproc://mco-monitor-{}", ++number);
    if (zmq_socket_monitor(watched.handle(), address.c_str(), mask_of(purpose)) != 0) {
        if (errno != EMFILE) die("monitor", errno);
        return proto::fail(proto::Errc::overloaded, "no more sockets for a monitor");
    }
    if (const int code = pair->connect(address); code != 0) die("monitor", code);
    Monitor monitor;
    monitor.watched_ = watched.handle();
    monitor.pair_ = std::move(*pair);
    return monitor;
}

Monitor::Monitor(Monitor&& other) noexcept
    : watched_(std::exchange(other.watched_, nullptr)), pair_(std::move(other.pair_)) {}

Monitor& Monitor::operator=(Monitor&& other) noexcept {
    std::swap(watched_, other.watched_);
    std::swap(pair_, other.pair_);
    return *this;
}

Monitor::~Monitor() {
    // First the source, then our end: the I/O thread waits for ever for a reader that is gone.
    if (watched_ != nullptr) zmq_socket_monitor(watched_, nullptr, 0);
}

std::optional<Monitor::Event> Monitor::next() {
    if (!pair_) return std::nullopt;
    const auto received = pair_.receive(1);
    if (!received) return std::nullopt;
    const auto& head = received->frames.at(0);
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    if (head.size() != sizeof event + sizeof value) { die("a monitor event of another shape", EPROTO); }
    std::memcpy(&event, head.data(), sizeof event);
    std::memcpy(&value, head.data() + sizeof event, sizeof value);
    return Event{kind_of(event), value};
}

}  // namespace mco::mesh::io
