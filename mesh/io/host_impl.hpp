#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mesh/core/engine.hpp"
#include "mesh/core/rng.hpp"
#include "mesh/io/dial_link.hpp"
#include "mesh/io/fanout.hpp"
#include "mesh/io/follower.hpp"
#include "mesh/io/host.hpp"
#include "mesh/io/link_server.hpp"
#include "mesh/io/poller.hpp"
#include "mesh/io/venue.hpp"
#include "mesh/io/vetting.hpp"
#include "mesh/io/zap.hpp"
#include "security/link_gate.hpp"

// Private to mesh/io: what host.cpp (opening, the turn), host_frames.cpp (from sockets to the engine) and host_effects.cpp
// (from the engine to sockets) share.
namespace mco::mesh::io {

struct Host::Impl {
    Impl(Options options_, const security::Identity& self_, security::TrustStore& trust_, Owner owner_);
    ~Impl();

    // host.cpp
    proto::Result<void> open(Venue* shared);
    proto::Result<void> bind_links();
    proto::Result<void> bind_fanout();
    const Endpoint* first_tcp() const;  // null: we only dial
    std::string advertised(const Endpoint& bound) const;
    bool turn(std::chrono::milliseconds longest);
    bool drained();  // every source, asked
    // From now on also for the sockets that it has just made.
    template <typename Sockets>
    void poll_for(Poller::Source& source, const Sockets& sockets) {
        handles.clear();
        sockets.append_handles(handles);
        for (void* handle : handles) source.add(handle);
    }
    void log(const std::string& line) const {
        if (owner.log) owner.log(line);
    }
    void log_refused(proto::Now now, const std::string& why);

    // host_frames.cpp
    void serve_links(proto::Now now);
    bool far(const proto::CurvePublicKey& key) const;
    void serve_fanout(proto::Now now);
    struct Dialled;
    void serve_dialled(proto::Now now, Dialled& dialled);
    void read_dialled(proto::Now now, Dialled& dialled);
    struct Followed;
    void serve_follower(proto::Now now, const Address& whom, Followed& followed);
    // `where`: dialled, or empty.
    void link_up(proto::Now now, LinkId link, Side side, Address where, const security::Principal& peer,
                 const proto::Bytes& record, std::uint64_t revocations);
    void link_down(proto::Now now, LinkId link, const std::string& why);
    void on_frame(proto::Now now, LinkId link, const proto::Bytes& frame);

    // host_revocations.cpp
    void tell_revocations(proto::Now now, LinkId link);
    void hear_revocations(proto::Now now, LinkId from, proto::BytesView frame);
    void obey_revocations(proto::Now now, LinkId from);  // from: who brought the list; 0: the owner

    // host_effects.cpp
    bool apply_effects();  // false: there were none
    void perform(proto::Now now, Send& send);
    void perform(proto::Now now, Publish& publish);
    void perform(proto::Now now, Dial& dial);
    void perform(proto::Now now, Undial& undial);
    void perform(proto::Now now, Follow& follow);
    void perform(proto::Now now, Unfollow& unfollow);
    void perform(proto::Now now, Hangup& hangup);
    void perform(proto::Now now, Perform& perform);
    void perform(proto::Now now, Withdraw& withdraw);
    void perform(proto::Now now, Notice& notice);
    bool send(proto::Now now, LinkId link, proto::BytesView frame);

    std::optional<Fanout::Subscriber> who_is(const proto::CurvePublicKey& key) const;
    std::optional<proto::Instant> next_deadline() const;

    // Sockets close in the reverse order of this list: links before the place at the desk, that before the venue. Sources end
    // before the poller.
    Options options;
    const security::Identity& self;
    security::TrustStore& trust;
    Owner owner;
    Counters counters;
    Rng rng;
    std::unique_ptr<Poller> poller;
    std::unique_ptr<Venue> own_venue;
    Venue* venue = nullptr;  // own or shared
    security::LinkGate gate;
    std::optional<ZapPlace> place;
    std::optional<LinkServer> server;
    std::optional<Fanout> fanout;
    std::optional<Engine> engine;
    proto::Bytes record;
    std::vector<Endpoint> bound;
    std::string fanout_endpoint;

    struct Dialled {
        Dialled(Poller& poller, std::unique_ptr<DialLink> link_) : source(poller), socket(std::move(link_)) {}
        Poller::Source source;
        std::unique_ptr<DialLink> socket;
        LinkId link = 0;   // 0: not up
        std::string said;  // the failure last logged, so that each is logged once
    };
    std::map<Address, Dialled> dialled;
    struct Followed {
        Followed(Poller& poller, const Context& context, const Address& where, std::vector<std::string> topics,
                 const security::Identity& self, std::uint64_t jitter_seed)
            : source(poller), socket(context, where, std::move(topics), self, jitter_seed) {}
        Poller::Source source;
        Follower socket;
    };
    std::map<Address, Followed> followers;
    std::optional<Poller::Source> desk_source, server_source, fanout_source;  // the desk's: of an own venue

    struct Link {
        Side side = Side::accepted;
        security::Principal peer;
        Address where;  // of dialled
    };
    std::unordered_map<LinkId, Link> links;
    LinkId next_link = 1;
    struct Known {
        proto::PeerId peer{};
        SharedRecord record;  // of the newest link; none of callers
        std::size_t links = 0;
    };
    std::unordered_map<proto::CurvePublicKey, Known> known;  // keys of verified links

    struct Watched {
        Watched(Poller& poller, std::function<void(proto::Now)> ready_) : source(poller), ready(std::move(ready_)) {}
        Poller::Source source;
        std::function<void(proto::Now)> ready;
    };
    std::list<Watched> watched;
    bool leaving = false;
    proto::Instant refusal_logged = proto::Instant::min();
    std::uint64_t refusals_unsaid = 0;

    // Kept between turns only to save their memory.
    std::vector<void*> handles;
    std::vector<Effect> effects;
};

}  // namespace mco::mesh::io
