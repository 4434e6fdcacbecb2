#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "proto/messages.hpp"
#include "proto/time.hpp"

namespace mco::mesh {

// Who belongs to the group, as far as this node knows: the newest word of each peer about itself, and how it looks from
// here. Records arrive verified; states are what the sender of a roster believes.
//
// Rules: (1) the newest (incarnation, sequence) of a peer wins, whatever the way it came; (2) `left` holds until a newer
// incarnation, and so keeps old gossip from bringing back the dead; (3) our own link to a peer outranks what others say of
// it, and whoever was linked once in this incarnation is judged by our links alone; (4) about ourselves nobody is believed.
class Roster {
 public:
    struct Member {
        proto::PeerRecordBody record;
        proto::Bytes sealed;
        proto::MemberState state = proto::MemberState::up;
        proto::Instant since{};  // of the state, on our clock
        bool met = false;        // linked to us in this incarnation
    };
    using Members = std::map<proto::PeerId, Member>;

    Roster(proto::PeerRecordBody self, proto::Bytes sealed);

    enum class Learned : std::uint8_t {
        nothing,    // known already; perhaps its state from hearsay changed
        joined,     // a peer we did not know
        restarted,  // a newer incarnation of one we knew
        renewed,    // a newer record of the same incarnation
        left,       // gone on purpose
        stale,      // older than what we know
        full,       // no room: limits::roster_max
    };
    struct Word {
        proto::PeerRecordBody record;
        proto::Bytes sealed;
        proto::MemberState state = proto::MemberState::up;
        proto::Instant since{};
        bool first_hand = false;  // by the peer itself, over its own link
        bool linked = false;      // we have a link to it now
    };
    Learned learn(proto::Now now, Word word);

    // Each returns whether the state changed.
    bool mark_up(proto::Now now, const proto::PeerId& peer);
    bool mark_down(proto::Now now, const proto::PeerId& peer);
    bool mark_left(proto::Now now, const proto::PeerId& peer);
    void forget(const proto::PeerId& peer);

    const Member* find(const proto::PeerId& peer) const;
    const Members& members() const { return members_; }
    const proto::PeerId& self() const { return self_; }
    // The same for all rosters that hold the same records, in whatever order they came. Ups and downs are each node's own
    // view and do not enter.
    std::uint64_t digest() const { return digest_; }
    void check() const;

 private:
    Member* entry(const proto::PeerId& peer);
    static bool set_state(Member& member, proto::MemberState state, proto::Instant since);
    static std::uint64_t digest_of(const proto::PeerId& peer, const Member& member);

    proto::PeerId self_{};
    Members members_;
    std::uint64_t digest_ = 0;
};

}  // namespace mco::mesh
