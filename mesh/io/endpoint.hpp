#pragma once

#include <string>
#include <string_view>

#include "mesh/core/rng.hpp"
#include "mesh/io/socket.hpp"
#include "proto/error.hpp"

// Private to mesh/io: "tcp://HOST:PORT" and "ipc://PATH".
namespace mco::mesh::io {

struct Endpoint {
    enum class Kind { tcp, ipc } kind = Kind::tcp;
    std::string host;  // tcp; an IPv6 address keeps its brackets; "*": every address
    std::string port;  // tcp; digits or "*"
    std::string path;  // ipc

    static proto::Result<Endpoint> parse(std::string_view text);
    std::string text() const;
    bool every_address() const;  // *, 0.0.0.0, [::]
};

// Binds, and says where: a port of `*` is chosen below the range from which the kernel takes the ports of outgoing
// connections, because a socket that dials a port of its own range can meet itself. A stale ipc file is taken over, a live one is not.
proto::Result<Endpoint> bind(Socket& socket, const Endpoint& wanted, Rng& rng);

// Why a connection could not be made: libzmq only tells that it was not. Asks the kernel once, and waits 2 ms at most.
std::string explain_unreachable(const std::string& endpoint);

}  // namespace mco::mesh::io
