#include "mesh/core/relays.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "mesh/core/rng.hpp"
#include "proto/limits.hpp"

namespace mco::mesh {

namespace {

namespace limits = proto::limits;

constexpr std::size_t members_per_proxy = 256;
constexpr std::size_t relays_min = 4;

std::uint64_t hash(std::uint64_t seed, std::span<const std::uint8_t> octets) {
    std::uint64_t mixed = seed;
    for (std::size_t i = 0; i < octets.size(); i += 8) {
        std::uint64_t word = 0;  // the same on every kind of machine, so octet by octet
        for (std::size_t k = i; k < std::min(i + 8, octets.size()); ++k) word = word << 8 | octets[k];
        mixed = Rng(mixed ^ word).next();
    }
    return mixed;
}

std::uint64_t rank(const proto::PeerId& peer) { return hash(0x72656c6179, peer.octets); }

}  // namespace

bool can_relay(const proto::PeerRecordBody& record) {
    return record.relay != proto::RelayWish::never && !record.link_endpoint.empty() && !record.fanout_endpoint.empty();
}

std::size_t relays_wanted(std::size_t members) {
    if (members <= limits::full_mesh_max) return members;
    const auto root = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(members))));
    return std::clamp(root, relays_min, limits::relays_max);
}

void RelayRanking::put(const proto::PeerRecordBody& record, bool eligible) {
    forget(record.peer);
    if (!eligible || !can_relay(record)) return;
    auto& places = record.relay == proto::RelayWish::always ? always_ : willing_;
    places.emplace(rank(record.peer), record.peer);
}

void RelayRanking::forget(const proto::PeerId& peer) {
    const Place place{rank(peer), peer};
    always_.erase(place);
    willing_.erase(place);
}

std::vector<proto::PeerId> RelayRanking::relays(std::size_t members) const {
    std::vector<proto::PeerId> chosen;
    const auto take = [&](const std::set<Place>& places, std::size_t most) {
        for (auto at = places.begin(); at != places.end() && chosen.size() < most; ++at) chosen.push_back(at->second);
    };
    take(always_, limits::relays_max);
    // One alone would take the mesh with it.
    const bool proxies_suffice = chosen.size() >= 2 && members <= members_per_proxy * chosen.size() && members > limits::full_mesh_max;
    if (!proxies_suffice) take(willing_, std::max(relays_wanted(members), chosen.size()));
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

std::vector<proto::PeerId> RelayRanking::gateways(std::span<const SharedRecord> relays) {
    const auto before = [](const SharedRecord& a, const SharedRecord& b) {
        const bool a_first = a->body.relay == proto::RelayWish::always, b_first = b->body.relay == proto::RelayWish::always;
        if (a_first != b_first) return a_first;
        return Place(rank(a->body.peer), a->body.peer) < Place(rank(b->body.peer), b->body.peer);
    };
    std::vector<SharedRecord> order(relays.begin(), relays.end());
    const auto count = std::min(order.size(), limits::gateways_max);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), before);
    std::vector<proto::PeerId> gateways;
    for (std::size_t i = 0; i < count; ++i) gateways.push_back(order[i]->body.peer);
    return gateways;
}

std::vector<proto::PeerId> homes(const proto::PeerId& leaf, std::span<const proto::PeerId> relays) {
    const auto own = hash(0x686f6d65, leaf.octets);
    std::vector<std::pair<std::uint64_t, proto::PeerId>> scored;
    scored.reserve(relays.size());
    for (const auto& relay : relays) scored.emplace_back(hash(own, relay.octets), relay);
    std::sort(scored.begin(), scored.end(), std::greater<>());
    std::vector<proto::PeerId> order;
    order.reserve(scored.size());
    for (const auto& [score, relay] : scored) order.push_back(relay);
    return order;
}

std::uint64_t share(const proto::RequestId& request, const proto::PeerId& gateway) {
    return hash(hash(0x67617465, request.octets), gateway.octets);
}

}  // namespace mco::mesh
