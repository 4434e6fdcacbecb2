#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "mesh/core/record.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"

namespace mco::mesh {

// Who belongs to the mesh, as far as this peer knows: the newest word of each peer about itself, and how it looks from
// here. Members of other groups are among them (gateways), and count nowhere. Records arrive verified; states are what the
// sender of a roster believes.
//
// Rules: (1) the newest (incarnation, sequence) of a peer wins, whatever the way it came; (2) `left` holds until a newer
// incarnation, and so keeps old gossip from bringing back the dead; (3) our own link to a peer outranks what others say of
// it, and of peers that we want a link to, whoever was linked once in this incarnation is judged by our links alone; of the
// others the latest change heard of holds; (4) about ourselves nobody is believed.
class Roster {
 public:
    struct Member {
        SharedRecord record;
        proto::MemberState state = proto::MemberState::up;
        proto::Instant since{};    // of the state, on our clock
        proto::Instant changed{};  // when we learned what we know of it
        bool met = false;        // linked to us in this incarnation
    };
    using Members = std::map<proto::PeerId, Member>;

    explicit Roster(SharedRecord self);

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
        SharedRecord record;
        proto::MemberState state = proto::MemberState::up;
        proto::Instant since{};   // of the state
        bool first_hand = false;  // by the peer itself, over its own link
        bool linked = false;      // we have a link to it now
        bool wanted = true;       // we want one
    };
    Learned learn(proto::Now now, Word word);

    // Each returns whether the state changed.
    bool mark_up(proto::Now now, const proto::PeerId& peer);
    void seen_now(proto::Now now, const proto::PeerId& peer);  // up, and newer than any word of its loss so far
    bool mark_down(proto::Now now, const proto::PeerId& peer);
    bool mark_left(proto::Now now, const proto::PeerId& peer);
    void forget(const proto::PeerId& peer);

    const Member* find(const proto::PeerId& peer) const;
    const Members& members() const { return members_; }
    const proto::PeerId& self() const { return self_; }
    bool ours(const Member& member) const { return member.record->body.group == group_; }
    std::size_t of_group() const { return of_group_; }  // members of our group, ourselves and the gone ones included
    // The same for all rosters that hold the same records of the group, in whatever order they came, and have the same ones down.
    // Of those named here, in ascending order, each node has its own view: their ups and downs do not enter.
    std::uint64_t digest(const std::vector<proto::PeerId>& judged_by_each) const;
    void check() const;

 private:
    Member* entry(const proto::PeerId& peer);
    bool set_state(proto::Now now, Member& member, proto::MemberState state, proto::Instant since);
    std::uint64_t digest_of(const proto::PeerId& peer, const Member& member) const;  // 0 of other groups

    proto::PeerId self_{};
    std::string group_;
    Members members_;
    std::uint64_t digest_ = 0;
    std::set<proto::PeerId> down_;
    std::size_t of_group_ = 0;
};

}  // namespace mco::mesh
