#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesh/core/engine.hpp"
#include "mesh/io/venue.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"
#include "security/hello.hpp"
#include "security/trust_store.hpp"

namespace mco::mesh::io {

// The engine on real sockets: CURVE, ZAP, HELLO, link supervision, fan-out. One thread owns it and calls turn() for ever;
// work from other threads comes through post(). Everything a stranger can do ends in a counter.
class Host {
 public:
    struct Options {
        // "tcp://127.0.0.1:21000", "ipc:///run/mco/mcod.sock"; port * picks one. Without a tcp one the peer only dials: its
        // record has no endpoints, and there is no fan-out of its own.
        std::vector<std::string> link_listen;
        std::string fanout_listen;   // "tcp://127.0.0.1:*"; bound only beside a tcp link_listen; empty: no fan-out
        std::string advertise_host;  // host part of our record's endpoints; empty: that of the first tcp listener
        std::vector<Address> seeds;
        std::vector<std::string> collectives;
        std::string group = "default";
        std::string software;
        proto::RelayWish relay = proto::RelayWish::automatic;  // `always` needs a tcp link_listen
        bool performs = true;                                  // false: a proxy
        std::size_t homes = 2;                                 // relays a leaf attaches to
        std::set<std::string, std::less<>> confined;  // collectives whose requests do not pass between groups here
        proto::Bytes memory;  // of the process before, as memory() gave it; empty: none
        std::uint32_t io_threads = 1;  // of a venue of its own
        Timing timing;
    };
    // What the host asks of its owner, on the reactor thread. Must not block.
    struct Owner {
        std::function<void(proto::Now, const proto::RequestId&, proto::Bytes sealed)> perform;
        std::function<void(proto::Now, const proto::RequestId&)> withdraw;
        std::function<void(proto::Now, const Notice&)> notice;  // engine's notices, for logs and metrics
        std::function<void(proto::Now)> revocations;            // the trust store holds newer ones: to be kept
        std::function<void(const std::string&)> log;            // one line: link up, link down, refused and why
    };
    // Binds everything, ZAP first, and proves that a stranger is refused on the fan-out plane. `self` and `trust` must outlive the host.
    // Errors name the endpoint: a busy port, a bad address. A venue must outlive the hosts that share it; null: one of its own.
    static proto::Result<std::unique_ptr<Host>> open(Options options, const security::Identity& self,
                                                     security::TrustStore& trust, Owner owner, Venue* venue = nullptr);
    ~Host();

    // Waits for something to do, at most `longest`, then does a bounded amount of it. True: there is more.
    bool turn(std::chrono::milliseconds longest);
    // For who waits for many hosts at once: when this one wants a turn. Its descriptor is readable while there is something
    // to read, but for what turn() said is left; and at the latest then.
    int descriptor() const;
    std::optional<proto::Instant> next_deadline() const;
    std::size_t connections() const;  // that we dialled and that stand, of links and of the fan-out
    // A descriptor of the owner (signalfd, mailbox): `ready` runs in turn() when it is readable.
    void watch(int descriptor, std::function<void(proto::Now)> ready);

    void performed(proto::Now now, const proto::RequestId& request, proto::Outcome outcome, proto::Bytes sealed_reply);
    void revocations_changed(proto::Now now);  // the owner gave the trust store newer ones
    void leave(std::string reason);  // Bye to everybody; drained when the last frame was handed to libzmq
    bool ready() const;              // bound, and the engine has joined its group

    std::vector<std::string> link_endpoints() const;  // as bound: real ports
    std::string fanout_endpoint() const;              // as others are told; empty: none
    // Who is there, for the next process of this node. What it remembers is verified anew, expected for a while, and named if missing.
    // A memory that cannot be read is logged and forgotten.
    proto::Bytes memory() const;
    const Engine& engine() const;
    struct Counters {
        std::uint64_t frames_in = 0, frames_out = 0, published = 0, malformed = 0, before_hello = 0, refused_hello = 0,
                      refused_zap = 0, forged = 0, send_full = 0, send_unreachable = 0, dropped_multipart = 0,
                      redials = 0;
        std::uint64_t foreign_topics = 0;  // subscriptions that were not the peer's to make
        std::uint64_t after_end = 0;       // frames of links that ended within the same reading
        std::uint64_t dials = 0;           // peers dialled anew; further attempts are redials
        std::uint64_t hung_up = 0;         // links that we ended: clogged, silent, doubled, of who broke the rules
        std::uint64_t expelled = 0;        // connections that we ended before HELLO was done: too slow, or too much said
        std::uint64_t accept_failed = 0;   // the process is out of descriptors
        std::array<std::uint64_t, static_cast<std::size_t>(NoticeKind::last) + 1> notices{};  // of the engine, by kind
    };
    const Counters& counters() const;
    static proto::Now sample_clocks();

 private:
    struct Impl;
    explicit Host(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mco::mesh::io
