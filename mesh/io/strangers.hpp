#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "proto/time.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// Accepted connections that have not proved who they are, or do not count any more. libzmq keeps the frames of a message until
// its last one has come, however many there are, and has no word for ending one connection. So whoever says more than
// HELLO takes, or does not come to an end with it, has his descriptor shut down; libzmq learns that like any other end.
//
// An attacker would try: a message without end (what the kernel received is looked at ten times a second), a connection that
// says nothing (it has a time), a number that libzmq closed and the kernel gave to another socket (the socket's cookie is
// compared; it is asked for when the connection is new, because later the number may be another's already).
class Strangers {
 public:
    static constexpr std::uint64_t octets_max = 64 * 1024;  // CURVE's handshake and HELLO, several times over
    static constexpr std::chrono::milliseconds look_every{100};

    // Patience begins with the next look.
    void accepted(int descriptor, proto::Duration patience);
    void trust(int descriptor) { waiting_.erase(descriptor); }  // it proved who it is
    void distrust(int descriptor, proto::Duration patience);    // it does not count any more; nothing if it is gone
    void gone(int descriptor);
    std::size_t expel(proto::Now now);                    // how many were shut down
    std::optional<proto::Instant> next_deadline() const;  // of the next look

 private:
    struct Stranger {
        std::uint64_t cookie = 0, octets = 0;  // received before
        proto::Duration patience{};
        std::optional<proto::Instant> until;
    };
    void wait_for(int descriptor, std::uint64_t cookie, proto::Duration patience);

    std::unordered_map<int, std::uint64_t> cookies_;  // of all that were accepted and are not gone
    std::unordered_map<int, Stranger> waiting_;
    proto::Instant next_look_{};  // at once for the first one
};

}  // namespace mco::mesh::io
