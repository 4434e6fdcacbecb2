#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/core/effect.hpp"
#include "mesh/core/rng.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"

namespace mco::mesh {

struct Timing {
    std::chrono::milliseconds ack_delay{20};       // an answer within this needs no acknowledgement of its own
    std::chrono::milliseconds ack_patience{100};   // silence after a request; then it is repeated on the link
    std::chrono::milliseconds resend_patience{100};// silence after that: no_ack
    std::chrono::milliseconds poll_interval{1000}; // of a child that acknowledged and works
    int polls_unanswered_max = 3;                  // then it is lost
    std::chrono::milliseconds flush{5};            // answers to the client are coalesced for this long
    std::size_t flush_bytes = 64 * 1024;           // or until there are so many
    std::chrono::milliseconds ping_interval{5000};
    std::chrono::milliseconds link_silence_max{20'000};
    std::chrono::milliseconds dial_grace{3000};    // how long the peer that should dial gets, before the other does
    std::chrono::seconds remember{60};             // a finished request, for duplicates and re-parenting
    std::chrono::hours forget_down{24};
};

// One node's part in the mesh, as a value: no socket, clock, thread, log or random device. Not thread-safe; no call
// blocks, sleeps, allocates without bound, or throws on anything a peer sends. Every input carries the time; equal inputs in
// equal order give equal effects, whoever hosts it: daemon, simulator, fuzzer, benchmark.
//
// The host vouches for what needs cryptography: links have passed HELLO; in frame(), the records of a Roster and the
// envelope of a Request were verified (security::open_record, open_request) or the frame was not passed on.
//
// A request, step by step: a caller's link brings Request(inject). This node becomes its *accountant*: it expects an
// outcome from every roster member of the collective that has not left, publishes Request(local) once, sends it on the link
// to members whose subscription is not confirmed, and performs it itself. Members acknowledge (or answer at once) to the
// accountant. Silence is answered by repeating the request on the link, then by naming the member as missing. When every
// member has an outcome the account closes and the last Up, with the closed ledger, goes to the caller. The deadline closes
// it at the latest. Each node performs a request id once; a repeated request is answered from the cache.
class Engine {
 public:
    struct Self {
        proto::PeerRecordBody record;               // ours
        proto::Bytes sealed;                        // ours, packed SealedRecord
        std::vector<Address> seeds;                 // dialled for ever while no link to that key is up; our own is skipped
    };
    Engine(Self self, Timing timing, Rng& rng);     // rng must outlive the engine
    Engine(Engine&&) noexcept;
    ~Engine();

    void start(proto::Now now);                     // dials the seeds

    // A peer (role node or proxy) or a caller is linked. `record` is the peer's verified packed SealedRecord with its body, empty for callers.
    struct Linked {
        LinkId link = 0;
        proto::PeerId peer{};
        Side side = Side::accepted;
        bool caller = false;
        std::optional<proto::PeerRecordBody> record;
        proto::Bytes sealed_record;
    };
    void link_up(proto::Now now, Linked linked);
    void link_down(proto::Now now, LinkId link);
    void link_full(proto::Now now, LinkId link);    // the last frame to it was not accepted: the link is given up
    // Our XPUB saw that an authenticated peer subscribed to, or ceased to have, a topic.
    void subscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic);
    void unsubscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic);

    // Verified records of a Roster arrive opened, in the order of its entries.
    struct OpenedEntry {
        proto::PeerRecordBody record;
        proto::RosterEntry entry;
    };
    void roster(proto::Now now, LinkId link, std::vector<OpenedEntry> entries);
    void frame(proto::Now now, LinkId link, proto::BytesView frame);          // any other message of a link
    void fanout(proto::Now now, proto::BytesView frame);                      // a Request(local) from a publisher we follow
    void performed(proto::Now now, const proto::RequestId& request, proto::Outcome outcome, proto::Bytes sealed_reply);
    void leave(proto::Now now, std::string reason);                           // says Bye on every link; the host then drains and stops
    void elapse(proto::Now now);                                              // early, late or twice is fine

    std::optional<proto::Instant> next_deadline() const;
    void drain(std::vector<Effect>& into);          // appends, and forgets
    void check() const;                             // aborts on a broken invariant; for tests, fuzzers, the simulator

    // Inspection, for readiness, logs and tests.
    struct MemberView {
        proto::PeerId peer{};
        std::string name;
        proto::MemberState state = proto::MemberState::up;
        bool linked = false;
        bool subscribed = false;
        std::chrono::microseconds round_trip{0};
    };
    std::vector<MemberView> members() const;        // by peer id; ourselves included
    std::size_t live_requests() const;
    std::string describe() const;                   // one line

    // The fan-out topics this node subscribes to: requests of its collectives, and its own presence topic.
    std::vector<std::string> topics() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string request_topic(std::string_view collective);      // "R<collective>\0": the NUL keeps prefixes apart
std::string presence_topic(const proto::PeerId& peer);       // "~<16 octets>": its loss means the peer's process is gone

}  // namespace mco::mesh
