#include "mesh/sim/invariants.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

void Invariants::performed(Place node, std::uint64_t incarnation, const proto::RequestId& request) {
    if (++performed_[{node, incarnation, request}] > 1)
        complain(fmt::format("node{} performs {} twice", node + 1, request.hex().substr(0, 8)));
}

void Invariants::delivered(Place node, const proto::RequestId& request) { ++delivered_[{node, request}]; }

std::uint32_t Invariants::performances(Place node, const proto::RequestId& request) const {
    std::uint32_t count = 0;
    for (const auto& [key, times] : performed_) {
        if (std::get<0>(key) == node && std::get<2>(key) == request) count += times;
    }
    return count;
}

void Invariants::check_whole(const World& world) {
    std::optional<Place> first;
    std::map<proto::PeerId, proto::MemberState> states;
    for (Place a = 0; a < world.nodes(); ++a) {
        if (!world.running(a)) continue;
        std::map<proto::PeerId, proto::MemberState> known;
        for (const auto& view : world.engine(a).members()) known.emplace(view.peer, view.state);
        for (Place b = 0; b < world.nodes(); ++b) {
            if (!world.running(b) || a == b) continue;
            const auto views = world.engine(a).members();
            const auto found =
                std::find_if(views.begin(), views.end(), [&](const auto& one) { return one.peer == world.id(b); });
            if (found == views.end()) {
                complain(fmt::format("{} does not know {} at the end", world.name(a), world.name(b)));
            } else if (!found->linked || found->state != proto::MemberState::up) {
                complain(fmt::format("{} has no link to {} at the end", world.name(a), world.name(b)));
            } else if (!found->subscribed) {
                complain(fmt::format("{} is not followed by {} at the end", world.name(a), world.name(b)));
            }
        }
        if (!first) {
            first = a;
            states = std::move(known);
        } else if (states != known) {
            complain(fmt::format("{} and {} have different rosters at the end:\n{}\n{}", world.name(*first),
                                 world.name(a), world.engine(*first).describe(), world.engine(a).describe()));
        }
        if (world.engine(a).live_requests() != 0)
            complain(fmt::format("{} has open accounts at the end", world.name(a)));
    }
}

void Invariants::check_clients(const World& world) {
    for (const auto& [place, client] : world.clients()) {
        const auto entry = world.entry_of(place);
        if (!entry || !world.running(*entry) || client.closed() || client.refused()) continue;
        complain(fmt::format("{} still waits for {} at {}", world.name(place), world.name(client.plan().request),
                             world.name(*entry)));
    }
}

void Invariants::check_reached(const World& world) {
    for (const auto& [place, client] : world.clients()) {
        for (const auto& [node, seen] : client.nodes()) {
            if (seen.outcome == proto::Outcome::unreachable || seen.outcome == proto::Outcome::lost)
                complain(fmt::format("{} hears that {} is {}, and it is not", world.name(place), world.name(node),
                                     proto::name(seen.outcome)));
        }
    }
}

void Invariants::check_healthy(const World& world) {
    for (const auto& [place, client] : world.clients()) {
        if (!client.closed() || client.closed()->missing() != 0) {
            complain(fmt::format("{} misses somebody, though nothing failed: {}", world.name(place),
                                 client.closed() ? proto::to_text(*client.closed()) : "no account"));
            continue;
        }
        const auto entry = world.entry_of(place);
        for (Place node = 0; node < world.nodes(); ++node) {
            const auto& request = client.plan().request;
            const std::uint32_t due = entry == node ? 0 : 1;  // the entry has it from the client
            const auto found = delivered_.find({node, request});
            const auto came = found == delivered_.end() ? 0 : found->second;
            if (came != due)
                complain(fmt::format("{} came {} times to {}", world.name(request), came, world.name(node)));
            if (performances(node, request) != 1)
                complain(fmt::format("{} did not perform {}", world.name(node), world.name(request)));
        }
    }
}

}  // namespace mco::mesh::sim
