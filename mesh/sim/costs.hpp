#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proto/time.hpp"

namespace mco::mesh::sim {

// What a node's machine spends on its messages. A node is one reactor, which handles one thing after the other, and one I/O
// thread, which enciphers and moves octets. Clients spend nothing: their cryptography is counted apart.
//
// Where the figures come from. [M] measured on one core of a small virtual machine with the libsodium and libzmq that are
// shipped: Ed25519 verification 56 us, a CURVE connection with ZAP 0.56 ms, XChaCha20-Poly1305 1.2 us/KiB. [F] `mco-bench floor
// --agents 100`: 3.5 ms at least for 100 publications and 100 answers on two busy processors, so 70 us for two messages with two
// ends each, 17 us an end; and with 8 KiB instead of 300 octets 6.8 ms, so 4 us/KiB an end with the kernel's copying. How an
// end's share is divided between reactor and I/O thread was not measured.
struct Costs {
    std::chrono::nanoseconds message{7'000};          // [F] reactor: one call of libzmq, decoding or encoding, the engine
    std::chrono::nanoseconds message_kib{1'000};      // [F] reactor: copies, msgpack
    std::chrono::nanoseconds verification{56'000};    // [M] reactor: the signature of a request
    std::chrono::nanoseconds frame{10'000};           // [F] I/O thread: CURVE box and system call
    std::chrono::nanoseconds frame_kib{3'000};        // [F] I/O thread: cipher (1.2 [M]), kernel, TCP
    std::chrono::nanoseconds subscriber{1'000};       // I/O thread: match and queue a publication for one more (estimated)
    std::chrono::nanoseconds connection{560'000};     // [M] reactor and I/O thread together: CURVE, ZAP, HELLO
    std::size_t window = 14'600;                      // octets that an idle TCP connection may have under way: ten segments

    std::chrono::nanoseconds at_reactor(std::size_t octets) const { return message + of(message_kib, octets); }
    std::chrono::nanoseconds at_io(std::size_t octets) const { return frame + of(frame_kib, octets); }

 private:
    static std::chrono::nanoseconds of(std::chrono::nanoseconds kib, std::size_t octets) {
        return kib * static_cast<std::int64_t>(octets) / 1024;
    }
};

// One direction of a TCP connection over a distance: what it may send in a round trip. It starts with the initial window,
// doubles while it is used up, and starts again after a pause (RFC 2861, and 5681 section 4.1). Nothing is lost here.
class Window {
 public:
    // When the last of these octets leaves, if they are handed over now; a round trip takes so long.
    proto::Instant leaves(proto::Instant now, std::size_t octets, proto::Duration round_trip, std::size_t initial) {
        const auto pause = std::max<proto::Duration>(round_trip * 2, std::chrono::milliseconds(200));
        if (size_ == 0 || now > round_ + pause) {
            size_ = left_ = initial;
            round_ = now;
        }
        auto at = std::max(now, round_);
        for (;;) {
            if (at >= round_ + round_trip) {  // acknowledged: the next round
                if (left_ == 0) size_ *= 2;
                left_ = size_;
                round_ = at;
            }
            if (octets <= left_) break;
            octets -= left_;
            left_ = 0;
            at = round_ + round_trip;
        }
        left_ -= octets;
        return at;
    }

 private:
    std::size_t size_ = 0, left_ = 0;
    proto::Instant round_{};
};

// What passed one place, or one end of a connection.
struct Traffic {
    std::uint64_t messages_in = 0, messages_out = 0, octets_in = 0, octets_out = 0;
    std::chrono::nanoseconds busy{0};  // of the reactor
    std::uint64_t messages() const { return messages_in + messages_out; }
    std::uint64_t octets() const { return octets_in + octets_out; }
};

}  // namespace mco::mesh::sim
