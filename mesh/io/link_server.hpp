#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mesh/core/effect.hpp"
#include "mesh/io/endpoint.hpp"
#include "mesh/io/host.hpp"
#include "mesh/io/lanes.hpp"
#include "mesh/io/socket.hpp"
#include "mesh/io/strangers.hpp"
#include "security/hello.hpp"
#include "security/link_gate.hpp"

// Private to mesh/io.
namespace mco::mesh::io {

// The bound ROUTER and everybody who dialled it. A connection is *greeting* until its HELLO is verified, then *linked*;
// when either goes wrong it is *silenced*: what it sends is dropped unread until it ends, of itself or by strangers.hpp.
//
// Rules: (1) an identity is the User-Id that ZAP attested, read from the last frame of each message, never the routing id;
// (2) before the proof nothing but HELLO is read, and nothing large; (3) greetings are bounded in number and time, and a
// silenced connection makes room for a new one; (4) a connection's end is learned from the monitor, which names its
// descriptor, because ROUTER says nothing: what it sent before is read first.
//
// An attacker would try: many connections that never say HELLO (bounded, oldest silenced first), frames under another's
// routing id (User-Id is compared), multipart messages (dropped; those without end: strangers.hpp), HELLO again and again
// (one try a connection).
class LinkServer {
 public:
    struct Rules {
        std::size_t links_max = 0, greetings_max = 0;
        std::chrono::milliseconds greeting_max{5'000};
    };
    struct Event {
        enum class Kind : std::uint8_t { up, frame, down, refused } kind;
        LinkId link = 0;     // not of `refused`
        proto::Bytes frame;  // of `frame`
        std::string why;     // of `down` and `refused`
    };
    // All references must outlive the server.
    static proto::Result<LinkServer> open(const Context& context, const security::Identity& self,
                                          security::TrustStore& trust, security::LinkGate& gate,
                                          std::string_view zap_domain, Host::Counters& counters, Rules rules);
    proto::Result<Endpoint> listen(const Endpoint& wanted, Rng& rng);
    void introduce(proto::Bytes record) { record_ = std::move(record); }  // our packed SealedRecord, for Welcome

    // `next_id` is taken and counted up for each new link.
    void service(proto::Now now, std::size_t frames_max, LinkId& next_id, std::vector<Event>& into);
    std::optional<proto::Instant> next_deadline() const;
    void append_handles(std::vector<void*>& into) const;
    bool drained();  // as of a socket

    Sent send(LinkId link, proto::BytesView frame);                   // unreachable: unknown, or its connection is gone
    void hang_up(LinkId link, proto::Errc code, std::string reason);  // tells the peer; no event follows
    const security::Principal* peer(LinkId link) const;               // null: not linked
    const proto::Bytes* peer_record(LinkId link) const;
    std::uint64_t peer_revocations(LinkId link) const;  // the version that it had when it came; 0: not linked
    bool greeting(const proto::CurvePublicKey& key) const;
    bool full() const { return connections_.size() >= rules_.links_max; }
    void linger(std::chrono::milliseconds most) { socket_.linger(most); }

 private:
    using RoutingId = std::string;
    enum class State : std::uint8_t { greeting, linked, silenced, lane };
    struct Connection {
        State state = State::greeting;
        proto::CurvePublicKey key{};
        std::optional<security::HelloAcceptor> hello;  // until silenced
        LinkId link = 0;
        int descriptor = -1;
        proto::Instant deadline{};   // of greeting
        std::uint64_t silenced = 0;  // key in silenced_
        // Of linked ones that are several connections, and `link` of those:
        std::optional<std::uint64_t> name;  // what the dialler calls it
        std::vector<RoutingId> lanes;
        LaneOrder order;
    };
    using Connections = std::unordered_map<RoutingId, Connection>;

    LinkServer(const security::Identity& self, security::TrustStore& trust, security::LinkGate& gate,
               Host::Counters& counters, Rules rules)
        : self_(&self), trust_(&trust), gate_(&gate), counters_(&counters), rules_(rules) {}
    void read_monitor(proto::Now now);
    void on_message(proto::Now now, Received received, LinkId& next_id, std::vector<Event>& into);
    Connections::iterator greet(proto::Now now, const RoutingId& id, const proto::CurvePublicKey& key, int descriptor);
    void on_greeting(proto::Now now, Connections::iterator at, const proto::Bytes& frame, LinkId& next_id,
                     std::vector<Event>& into);
    void on_linked(proto::Now now, Connections::iterator at, std::optional<std::uint64_t> number, proto::Bytes frame,
                   std::vector<Event>& into);
    bool on_lane(const RoutingId& id, const proto::CurvePublicKey& key, int descriptor, const proto::Bytes& frame);
    void drop_lanes(Connection& connection);
    void silence(Connections::iterator at);
    void forget(Connections::iterator at);
    void end_gone(proto::Now now, bool all_read, std::vector<Event>& into);
    void end_slow(proto::Now now, std::vector<Event>& into);
    Sent send_to(const RoutingId& id, proto::BytesView frame);

    const security::Identity* self_;
    security::TrustStore* trust_;
    security::LinkGate* gate_;
    Host::Counters* counters_;
    Rules rules_;
    proto::Bytes record_;
    Socket socket_;  // before its monitor: destroyed after it
    Monitor monitor_;
    Strangers strangers_;

    Connections connections_;
    std::unordered_map<LinkId, RoutingId> linked_;
    std::unordered_map<std::uint64_t, LinkId> names_;  // of links that are several connections
    std::unordered_map<int, RoutingId> by_descriptor_;
    std::size_t unverified_ = 0;                                  // greeting and silenced
    std::deque<std::pair<proto::Instant, RoutingId>> greetings_;  // by deadline; some are over already
    std::map<std::uint64_t, RoutingId> silenced_;                 // oldest first
    std::uint64_t silenced_so_far_ = 0;
    struct Gone {
        RoutingId id;
        int descriptor;
        proto::Instant since;
    };
    std::deque<Gone> gone_;
};

}  // namespace mco::mesh::io
