#pragma once

#include <chrono>
#include <optional>

#include "proto/time.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// Milliseconds for zmq_poll: to the deadline, at most `longest` (negative: no limit); -1 waits for ever.
long poll_timeout(proto::Instant now, std::optional<proto::Instant> deadline, std::chrono::milliseconds longest);

}  // namespace mco::mesh::io
