#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/error.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"
#include "security/hello.hpp"

namespace mco::mesh::io {

// The process's one ZeroMQ context. Made after entropy::start(), destroyed after every socket; destruction never blocks.
class Context {
 public:
    explicit Context(std::uint32_t io_threads = 1, std::size_t sockets_max = 4'096);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    // For this folder only.
    void* handle() const;  // zmq_ctx_t*
    void count_socket() const;
    std::uint64_t sockets_opened() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// One dialled link: a DEALER to one ROUTER with CURVE, its HELLO, and its supervisor. Used by daemons (to other relays) and
// by the client (to its entry). One thread. libzmq does not reconnect after a failed handshake, and a queue that outlives a connection would deliver
// stale frames: so every loss ends the socket, and a new one is made after a back-off with jitter.
class DialLink {
 public:
    struct Retry {
        std::chrono::milliseconds first{250}, most{15'000};
        bool keep_trying = true;                         // false: one attempt, then `gone` (after `down`, if it was up)
        std::chrono::milliseconds handshake_max{5'000};  // dial to Welcome
    };
    // `self` and `trust` must outlive the link. `record` is our packed SealedRecord, empty for callers.
    DialLink(Context& context, std::string endpoint, const proto::CurvePublicKey& server_key,
             const security::Identity& self, security::TrustStore& trust, proto::Bytes record, Retry retry,
             std::uint64_t jitter_seed);
    ~DialLink();
    DialLink(const DialLink&) = delete;
    DialLink& operator=(const DialLink&) = delete;

    struct Event {
        enum class Kind : std::uint8_t { up, frame, down, gone } kind;
        proto::Bytes frame;  // of `frame`
        proto::Error why;    // of `down` and `gone`: what a person should read
    };
    // Sockets to poll for reading; valid until the next call of service(). DEALERs and their monitors.
    void append_handles(std::vector<void*>& into) const;
    // Reads at most `frames_max` frames, runs the handshake, supervises. Call when a socket is readable and when
    // next_deadline() has passed.
    void service(proto::Now now, std::size_t frames_max, std::vector<Event>& into);
    std::optional<proto::Instant> next_deadline() const;
    // For who polls the sockets' descriptors: these tell of news once, and any call may take the news in. False: service() has something to read.
    bool drained();

    bool up() const;
    // False: not linked, or libzmq's queue is full.
    bool send(proto::BytesView frame);
    // Ends what is there and dials again after the back-off; no event follows.
    void hang_up(proto::Now now, proto::Error why);
    // While up, and once a link: spreads what is sent over several connections, as soon as they stand. For long distances.
    // `link` names it to the other end: at random.
    void widen(std::uint64_t link);
    std::size_t connections() const;  // 0: none
    // How long the destructor may take to hand queued frames to the network; 0 unless called.
    void linger(std::chrono::milliseconds most);

    const security::Principal& peer() const;  // while up
    const proto::Bytes& peer_record() const;  // while up
    std::uint64_t peer_revocations() const;   // while up: the version that it had when it was dialled
    const std::string& endpoint() const;
    const proto::CurvePublicKey& server_key() const;
    const proto::Error& last_failure() const;  // why the last attempt or link ended; an empty sentence: none did
    std::uint64_t attempts() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// For programs with links but no Host: waits until a link can be serviced, one of `descriptors` is readable, an earliest
// next_deadline() of the links has come, or `longest` has passed (negative: no limit). Returns the clocks afterwards.
proto::Now wait(std::span<DialLink* const> links, std::span<const int> descriptors, std::chrono::milliseconds longest);
proto::Now sample_clocks();

}  // namespace mco::mesh::io
