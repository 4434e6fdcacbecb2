#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "proto/error.hpp"
#include "proto/time.hpp"

// What can be reached from here. Blocks for `patience` at most beside the look-up of the name; worker thread.
namespace mco::node {

// The round trip of one ICMP echo, in milliseconds. Errors: not_found (no such name), unreachable, expired (no answer), denied
// (this user may not: the text says what to set).
proto::Result<double> ping(const std::string& host, proto::Duration patience, std::stop_token stop);

struct Connection {
    double took_s = 0;
};
// Whether a TCP connection can be made; it is closed at once. Errors: not_found, unreachable ("Connection refused"), expired.
proto::Result<Connection> connect_tcp(const std::string& host, std::uint16_t port, proto::Duration patience,
                                      std::stop_token stop);

}  // namespace mco::node
