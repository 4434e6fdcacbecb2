#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/core/effect.hpp"
#include "mesh/core/record.hpp"
#include "mesh/core/rng.hpp"
#include "proto/limits.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"

namespace mco::mesh {

struct Timing {
    std::chrono::milliseconds ack_delay{20};       // an answer within this needs no acknowledgement of its own
    std::chrono::milliseconds ack_patience{100};   // silence after a request; then it is repeated on the link
    std::chrono::milliseconds resend_patience{80}; // silence after that: no_ack
    std::chrono::milliseconds poll_interval{1000}; // of a leaf that acknowledged and works
    std::chrono::milliseconds relay_poll_interval{250};  // of a relay or gateway: its children wait with it
    int polls_unanswered_max = 3;                  // then it is lost
    std::chrono::milliseconds ihave_delay{5};      // a relay tells those it is standby of so much later
    std::chrono::milliseconds lazy_patience{30};   // they wait so long for their primary, then fetch
    std::chrono::milliseconds orphan_patience{25}; // after the last relay spoke or was lost: for what others may still bring
    std::chrono::milliseconds visit_patience{40};  // then a leaf is dialled: how long that may take
    std::chrono::milliseconds standby_patience{30};// a second gateway waits so long for the first
    std::chrono::milliseconds flush{5};            // answers to the client are coalesced for this long
    std::size_t flush_bytes = 64 * 1024;           // or until there are so many
    std::size_t credit_window = proto::limits::credit_window;  // see there
    std::size_t credit_step = proto::limits::credit_step;
    std::size_t backlog_max = proto::limits::backlog_max;
    std::chrono::milliseconds ping_interval{5000};
    std::chrono::milliseconds link_silence_max{20'000};
    std::chrono::milliseconds dial_grace{3000};    // how long the peer that should dial gets, before the other does
    std::chrono::seconds remember{60};             // a finished request, for duplicates and re-parenting
    std::chrono::hours forget_down{24};
    std::chrono::seconds recall{15};               // a relay's memory of before: who was not heard of by then is down
    std::chrono::hours summary_interval{1};        // a group tells the others that it still exists; they forget it after forget_down
    std::chrono::seconds bench{60};                // a relay that is down for so long is replaced
    std::chrono::milliseconds gossip_delay{200};   // news of a large group are collected for so long
    std::chrono::seconds shun{30};                 // a relay that redirected or could not be reached is left alone for so long
};

// One peer's part in the mesh, as a value: no socket, clock, thread, log or random device. Not thread-safe; no call
// blocks, sleeps, allocates without bound, or throws on anything a peer sends. Every input carries the time; equal inputs in
// equal order give equal effects, whoever hosts it: daemon, proxy, simulator, fuzzer, benchmark.
//
// The host vouches for what needs cryptography: links have passed HELLO; the records of a Roster and of Groups and the
// envelope of a Request were verified (security::open_record, open_request) or the frame was not passed on.
//
// The shape: peers of one group are *relays* or *leaves* (relays.hpp says which). Relays hold the group's roster and are
// linked with each other; a leaf holds the relays only, and is linked to a primary and a standby relay. With few members
// everybody is a relay. The *gateways*, two relays of each group, are linked with those of the other groups.
//
// A request, step by step: a caller's link brings Request(inject) to a relay, which becomes its *accountant*: it expects an
// outcome from every roster member of the collective that has not left, publishes Request(local) once to the other relays,
// and does its own part as a relay, which is: Request(deliver) to its children, and performing it itself. Everybody
// acknowledges (or answers at once) to who asked. Silence is answered by repeating the request on the link, then by naming
// the member as missing. A relay reports what its children did, merged, and says when it has heard of all of them; the
// accountant closes the account when every member has an outcome, and tells the caller. One of the gateways asks the other
// groups in the same way and reports their accounts. The deadline closes everything at the latest. Each node performs a
// request id once; a repeated request is answered from the cache, to whoever asks now.
class Engine {
 public:
    struct OpenedEntry {
        SharedRecord record;
        proto::MemberState state = proto::MemberState::up;
        std::uint32_t since_ms = 0;
    };
    struct OpenedGroup {
        std::string group;
        std::uint64_t version = 0;
        std::vector<proto::CollectiveCount> collectives;
        std::vector<SharedRecord> gateways;
    };
    // What a process leaves to the next one, so that who was there is missed, not forgotten.
    struct Memory {
        std::vector<OpenedEntry> members;           // of our group, without ourselves
        std::vector<OpenedGroup> groups;            // the others
    };
    struct Self {
        SharedRecord record;                        // ours
        std::vector<Address> seeds;                 // dialled while they are of use; our own is skipped
        std::size_t homes = 2;                      // relays a leaf is attached to: one primary, the others standby
        std::set<std::string, std::less<>> confined;  // collectives whose requests a gateway does not let through
        std::vector<SharedRecord> known;            // members to begin with, as if they were up; of our group
        Memory memory;                              // of the process before: for a while it is expected that they come back
    };
    Engine(Self self, Timing timing, Rng& rng);     // rng must outlive the engine
    Engine(Engine&&) noexcept;
    ~Engine();

    void start(proto::Now now);                     // dials the seeds

    // A peer (role node or proxy) or a caller is linked. `record` is the peer's, verified; none for callers.
    struct Linked {
        LinkId link = 0;
        proto::PeerId peer{};
        Side side = Side::accepted;
        bool caller = false;
        SharedRecord record;
    };
    void link_up(proto::Now now, Linked linked);
    void link_down(proto::Now now, LinkId link);
    void link_full(proto::Now now, LinkId link);    // the last frame to it was not accepted: the link is given up
    // Our XPUB saw that an authenticated peer subscribed to, or ceased to have, a topic.
    void subscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic);
    void unsubscribed(proto::Now now, const proto::PeerId& peer, std::string_view topic);

    // Verified records of a Roster and of Groups arrive opened, in the order of their entries.
    void roster(proto::Now now, LinkId link, std::vector<OpenedEntry> entries);
    void groups(proto::Now now, LinkId link, std::vector<OpenedGroup> groups);
    void frame(proto::Now now, LinkId link, proto::BytesView frame);          // any other message of a link
    // A Request or IHave from a publisher we follow, named by the key of its record.
    void fanout(proto::Now now, const proto::CurvePublicKey& publisher, proto::BytesView frame);
    void performed(proto::Now now, const proto::RequestId& request, proto::Outcome outcome, proto::Bytes sealed_reply);
    void leave(proto::Now now, std::string reason);                           // says Bye on every link; the host then drains and stops
    void elapse(proto::Now now);                                              // early, late or twice is fine

    std::optional<proto::Instant> next_deadline() const;
    void drain(std::vector<Effect>& into);          // appends, and forgets
    void check() const;                             // aborts on a broken invariant; for tests, fuzzers, the simulator

    // Inspection, for readiness, logs and tests.
    enum class Role : std::uint8_t { leaf, relay };
    struct MemberView {
        proto::PeerId peer{};
        std::string name;
        proto::MemberState state = proto::MemberState::up;
        Role role = Role::leaf;
        bool linked = false;
        bool subscribed = false;
        std::chrono::microseconds round_trip{0};
    };
    SharedRecord record(const proto::PeerId& peer) const;  // of a member, as it is held; null: none
    std::vector<MemberView> members() const;        // of our group, by peer id; ourselves included. A leaf knows the relays
    struct LinkView {
        proto::PeerId peer{};
        std::string name, group, software;
        Role role = Role::leaf;                     // as far as we know
        bool performs = true;                       // false: a proxy
        Side side = Side::accepted;
        proto::Standing standing = proto::Standing::none;  // between leaf and relay: what the leaf attached as
        std::chrono::microseconds round_trip{0};    // 0: not measured yet
        proto::Duration up_for{0}, silent_for{0};
        std::uint32_t flaps = 0;                    // how often the link to this peer was lost before
    };
    std::vector<LinkView> links(proto::Now now) const;  // to peers, by name; not to callers
    struct GroupView {
        std::string group;
        std::uint32_t members = 0;                  // of all collectives together at most: the largest count
        bool linked = false;                        // to one of its gateways, by us
    };
    std::vector<GroupView> other_groups() const;
    // How a request that this node takes part in came here, and where it went on to.
    struct RequestView {
        bool caller = false;                        // a caller brought it: this node is its entry
        proto::PeerId from{};                       // else who did: the accountant, our relay, a gateway of another group
        bool published = false;                     // on its fan-out, not on the link
        std::vector<proto::PeerId> asked;           // gateways of other groups that we asked, one a group unless it was lost
    };
    std::optional<RequestView> request(const proto::RequestId& request) const;  // none: not known, or not any more
    Memory memory(proto::Now now) const;
    Role role() const;
    bool gateway() const;
    bool joined() const;                            // linked to a relay, or alone by configuration
    std::size_t live_requests() const;
    std::size_t state_bytes() const;                // about what this value occupies, for sizing
    std::string describe() const;                   // one line

 private:
    struct State;
    Memory before_;  // until start()
    std::unique_ptr<State> state_;
};

// Topics of the fan-out plane; the NUL keeps prefixes apart.
std::string relay_topic();                                   // "R": accountant to relays, whatever the collective
std::string eager_topic(std::string_view collective);        // "E<collective>\0": relay to its children
std::string lazy_topic(std::string_view collective);         // "L<collective>\0": relay to those it is standby of
std::string presence_topic(const proto::PeerId& peer);       // "~<16 octets>": its loss means the peer's process is gone

}  // namespace mco::mesh
