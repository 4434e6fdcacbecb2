#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "mesh/core/record.hpp"

namespace mco::mesh {

// Who forwards: computed from the roster by everybody who holds it, so nothing is negotiated. Pure functions.
//
// Of a group of N members `relays_wanted(N)` are relays: everybody up to limits::full_mesh_max, the square root beyond. Those
// that wish to be one always come first, and if there are two or more of them, one for every 256 members,
// nobody else is needed. The others
// follow in the order of a hash of their id. Peer ids are hashes of keys, so nobody chooses his place cheaply. Hysteresis:
// members count for as long as the roster remembers them, also while they are down, and a relay that is down is replaced
// only after Timing::bench.
std::size_t relays_wanted(std::size_t members);

class RelayRanking {
 public:
    // Files the member again, or for the first time. `eligible`: not down for long, not left.
    void put(const proto::PeerRecordBody& record, bool eligible);
    void forget(const proto::PeerId& peer);
    // Ascending by id. `members`: how many the roster remembers.
    std::vector<proto::PeerId> relays(std::size_t members) const;
    // Which of the relays join the group to others, best first; at most limits::gateways_max.
    static std::vector<proto::PeerId> gateways(std::span<const SharedRecord> relays);

 private:
    using Place = std::pair<std::uint64_t, proto::PeerId>;
    std::set<Place> always_, willing_;
};

// A leaf's relays, best first: the same for all leaves that know the same relays, and one relay less moves only its own
// children (highest random weight; Thaler and Ravishankar, 1998).
std::vector<proto::PeerId> homes(const proto::PeerId& leaf, std::span<const proto::PeerId> relays);

// The order of a request over the gateways of a group: each of them takes its share.
std::uint64_t share(const proto::RequestId& request, const proto::PeerId& gateway);

bool can_relay(const proto::PeerRecordBody& record);  // it wants to, and can be dialled

}  // namespace mco::mesh
