#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/io/dial_link.hpp"
#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "security/keys.hpp"

// Private to mesh/io: libzmq's sockets as values that close themselves. One thread; every call is DONTWAIT. Option numbers
// are libzmq's, so that its header stays in the .cpp files.
namespace mco::mesh::io {

enum class SocketKind : std::uint8_t { dealer, router, xpub, sub, pair };
enum class Sent : std::uint8_t { ok, full, unreachable };

// One message: its frames, and what libzmq vouches for about its connection. Properties are read from the last frame,
// because libzmq leaves the first one of a ROUTER message without any after a poll.
struct Received {
    std::vector<proto::Bytes> frames;  // at most as many as were asked for
    bool too_many = false;             // more came; they were read and dropped
    std::string user_id;               // what our ZAP handler said: the CURVE key in hex, or empty
    int descriptor = -1;               // of the TCP or ipc connection
};

class Socket {
 public:
    Socket() = default;
    // `overloaded`: the process is out of sockets or descriptors.
    static proto::Result<Socket> open(const Context& context, SocketKind kind);
    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&& other) noexcept;
    ~Socket();

    // Aborts when libzmq refuses: which options we set is our own doing, never input.
    void set(int option, int value);
    void set(int option, proto::BytesView octets);
    int get(int option) const;

    int bind(const std::string& endpoint);  // 0 or errno
    int connect(const std::string& endpoint);

    // The whole message or nothing of it.
    Sent send(std::initializer_list<proto::BytesView> frames);
    std::optional<Received> receive(std::size_t frames_max);
    // False: there is something to be read. True: the descriptor will tell when there is, until the next call of any other.
    bool drained();

    void linger(std::chrono::milliseconds most);
    void* handle() const { return handle_; }
    int descriptor() const;
    explicit operator bool() const { return handle_ != nullptr; }

 private:
    explicit Socket(void* handle) : handle_(handle) {}
    void* handle_ = nullptr;
    bool drained_ = false;
};

// What every CURVE socket of ours has in common; before bind or connect.
void set_transport(Socket& socket, std::size_t frame_size_max, std::chrono::milliseconds handshake_max);
// Aborts on zero keys and when libzmq did not become what was asked for.
void become_curve_server(Socket& socket, const security::CurvePair& own, std::string_view zap_domain);
void become_curve_client(Socket& socket, const security::CurvePair& own, const proto::CurvePublicKey& server);

// Events of a socket's connections. Our end has no high-water mark and the mask is narrow: a monitor that is not read
// stops libzmq's I/O thread, so nothing may ever block or fill it.
class Monitor {
 public:
    enum class Kind : std::uint8_t {
        connected,
        retried,
        disconnected,
        handshake_done,
        handshake_broken,
        handshake_protocol,
        handshake_auth,
        accepted,
        accept_failed,
    };
    struct Event {
        Kind kind;
        std::uint32_t value = 0;  // errno, descriptor or ZAP status, as the kind has it
    };
    enum class For : std::uint8_t { dialler, listener, probe };

    Monitor() = default;
    // Must be destroyed before `watched` is.
    static proto::Result<Monitor> attach(const Context& context, Socket& watched, For purpose);
    Monitor(Monitor&& other) noexcept;
    Monitor& operator=(Monitor&& other) noexcept;
    ~Monitor();
    std::optional<Event> next();
    bool drained() { return !pair_ || pair_.drained(); }
    void* handle() const { return pair_.handle(); }

 private:
    void* watched_ = nullptr;
    Socket pair_;
};

}  // namespace mco::mesh::io
