#include "mesh/sim/network.hpp"

namespace mco::mesh::sim {

proto::Duration Network::delay() {
    const auto spread = static_cast<std::uint64_t>((options_.delay_max - options_.delay_min).count());
    return options_.delay_min + proto::Duration(rng_.below(spread + 1));
}

proto::Duration Network::late() {
    return proto::Duration(rng_.below(static_cast<std::uint64_t>(options_.late_max.count()) + 1));
}

std::optional<proto::Duration> Network::fanout_delay() {
    if (rng_.below(1000) < options_.fanout_loss) return std::nullopt;
    return delay();
}

void Network::heal() {
    blocked_.clear();
    clogged_.clear();
    options_.fanout_loss = 0;
}

}  // namespace mco::mesh::sim
