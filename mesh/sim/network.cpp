#include "mesh/sim/network.hpp"

#include <algorithm>

namespace mco::mesh::sim {

void Network::settle(Place place, Site site) {
    auto& sites = place < first_client ? nodes_ : clients_;
    const std::size_t index = place < first_client ? place : place - first_client;
    if (sites.size() <= index) sites.resize(index + 1, 0);
    sites[index] = site;
}

Site Network::site(Place place) const {
    const auto& sites = place < first_client ? nodes_ : clients_;
    const std::size_t index = place < first_client ? place : place - first_client;
    return index < sites.size() ? sites[index] : Site{0};
}

// Not thrown in order but computed from the pair, so that one more site moves no other.
proto::Duration Network::distance(Site one, Site other) const {
    if (one == other) return {};
    const auto [least, most] = std::minmax(one, other);
    Rng base = distances_;
    Rng pair(base.next() ^ (static_cast<std::uint64_t>(least) << 16 | most));
    const auto spread = static_cast<std::uint64_t>((options_.between_max - options_.between_min).count());
    return options_.between_min + proto::Duration(pair.below(spread + 1));
}

proto::Duration Network::delay(Place from, Place to) {
    const auto spread = static_cast<std::uint64_t>((options_.delay_max - options_.delay_min).count());
    return distance(site(from), site(to)) + options_.delay_min + proto::Duration(rng_.below(spread + 1));
}

proto::Duration Network::late() {
    return proto::Duration(rng_.below(static_cast<std::uint64_t>(options_.late_max.count()) + 1));
}

bool Network::blocked(Place from, Place to) const {
    if (!blocked_.empty() && blocked_.contains({from, to})) return true;
    return !parted_.empty() && parted_.contains({site(from), site(to)});
}

void Network::heal() {
    blocked_.clear();
    clogged_.clear();
    parted_.clear();
    options_.fanout_loss = 0;
}

}  // namespace mco::mesh::sim
