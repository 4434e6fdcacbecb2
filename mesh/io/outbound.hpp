#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mesh/io/socket.hpp"
#include "proto/error.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// One attempt at one CURVE connection: a socket that is never re-used, and what its monitor tells. After a failure it is
// thrown away, because libzmq does not repair a connection whose handshake was refused and would deliver old frames
// over a repaired one.
class Outbound {
 public:
    struct Plan {
        SocketKind kind = SocketKind::dealer;
        std::string endpoint;
        proto::CurvePublicKey server_key{};
        std::vector<std::string> topics;  // of a SUB
        std::chrono::milliseconds handshake_max{5'000};
        int queue_max = 1'000;  // frames, each way
    };
    static proto::Result<Outbound> dial(const Context& context, const Plan& plan, const security::CurvePair& own);

    enum class State : std::uint8_t { connecting, handshaking, established, failed };
    // Reads the monitor. A failed connection may still have frames to read.
    State observe();
    State state() const { return state_; }
    const proto::Error& failure() const { return failure_; }

    Socket& socket() { return socket_; }
    void append_handles(std::vector<void*>& into) const;
    bool drained();  // as of a socket

 private:
    Outbound() = default;
    void fail(proto::Errc code, std::string detail);
    void on(const Monitor::Event& event);

    std::string endpoint_;
    State state_ = State::connecting;
    proto::Error failure_;
    Socket socket_;  // before its monitor: destroyed after it
    Monitor monitor_;
};

}  // namespace mco::mesh::io
