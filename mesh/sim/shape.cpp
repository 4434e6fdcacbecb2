#include "mesh/sim/shape.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "mesh/core/relays.hpp"

namespace mco::mesh::sim {

namespace {

constexpr std::size_t many = 1'000;

using Children = std::set<std::pair<proto::PeerId, proto::PeerId>>;  // relay and leaf, as the relay sees it

Children children_of(const World& world, const std::vector<proto::PeerId>& relays) {
    Children children;
    for (const auto& relay : relays) {
        for (const auto& view : world.engine(*world.place_of(relay)).links(world.now())) {
            if (view.standing == proto::Standing::primary) children.emplace(relay, view.peer);
        }
    }
    return children;
}

bool linked(const std::vector<Engine::LinkView>& links, const proto::PeerId& peer) {
    return std::any_of(links.begin(), links.end(), [&](const auto& one) { return one.peer == peer; });
}

bool meshed(const World& world, Place place, const std::vector<proto::PeerId>& relays) {
    const auto& engine = world.engine(place);
    if (engine.role() != Engine::Role::relay) return false;
    const auto links = engine.links(world.now());
    return std::all_of(relays.begin(), relays.end(), [&](const proto::PeerId& peer) {
        const auto other = world.place_of(peer);
        return !other || *other == place || (linked(links, peer) && world.follows(*other, place));
    });
}

// Both ends believe so.
bool attached(const World& world, Place place, const std::vector<proto::PeerId>& relays, const Children& children) {
    const auto& engine = world.engine(place);
    if (relays.empty() || engine.role() != Engine::Role::leaf) return false;
    const auto home = homes(world.id(place), relays).front();
    const auto links = engine.links(world.now());
    const auto at = std::find_if(links.begin(), links.end(), [&](const auto& one) { return one.peer == home; });
    return at != links.end() && at->standing == proto::Standing::primary && world.follows(place, *world.place_of(home)) &&
           children.contains({home, world.id(place)});
}

bool joined(const World& world, Site site, const std::vector<proto::PeerId>& relays) {
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < world.groups().size(); ++i) {
        const auto& members = world.members_of(static_cast<Site>(i));
        const bool runs = std::any_of(members.begin(), members.end(), [&](Place one) { return world.running(one); });
        if (i != site && runs) missing.push_back(world.groups()[i]);
    }
    for (const auto& relay : relays) {
        const auto place = world.place_of(relay);
        if (!place || !world.engine(*place).gateway()) continue;
        const auto seen = world.engine(*place).other_groups();
        if (std::all_of(missing.begin(), missing.end(), [&](const std::string& group) {
                return std::any_of(seen.begin(), seen.end(),
                                   [&](const auto& one) { return one.group == group && one.linked; });
            }))
            return true;
    }
    return missing.empty();
}

}  // namespace

std::vector<proto::PeerId> relays_of(const World& world, Site site) {
    RelayRanking ranking;
    std::size_t running = 0;
    for (const auto place : world.members_of(site)) {
        if (!world.running(place)) continue;
        ranking.put(world.record(place), true);
        ++running;
    }
    return ranking.relays(running);
}

Settled settled(const World& world) {
    Settled sum;
    sum.starting = world.starting();
    for (std::size_t i = 0; i < world.groups().size(); ++i) {
        const auto site = static_cast<Site>(i);
        const auto relays = relays_of(world, site);
        const auto children = children_of(world, relays);
        bool anybody = false;
        for (const auto place : world.members_of(site)) {
            if (!world.running(place)) continue;
            anybody = true;
            if (std::binary_search(relays.begin(), relays.end(), world.id(place))) {
                ++sum.relays;
                sum.relays_linked += meshed(world, place, relays) ? 1 : 0;
            } else {
                ++sum.leaves;
                sum.leaves_attached += attached(world, place, relays, children) ? 1 : 0;
            }
        }
        if (!anybody) continue;
        ++sum.groups;
        sum.groups_joined += joined(world, site, relays) ? 1 : 0;
    }
    return sum;
}

std::string text_of(const Settled& one) {
    std::string text;
    const auto count = [&](std::string_view what, std::size_t all, std::size_t well, std::string_view how) {
        if (all == 0) return;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", all, what);
        if (well != all) text += fmt::format(" ({} {})", well, how);
    };
    count("relays", one.relays, one.relays_linked, "linked with all others");
    count("leaves", one.leaves, one.leaves_attached, "attached");
    if (one.groups != 1) count("groups", one.groups, one.groups_joined, "joined");
    return text;
}

bool settle(World& world, proto::Duration at_most) {
    const proto::Duration step = std::chrono::milliseconds(world.nodes() < many ? 10 : 100);
    const auto until = world.now().mono + at_most;
    while (!settled(world).all()) {
        if (world.failed() || world.now().mono >= until) return false;
        world.run(step);
    }
    return true;
}

}  // namespace mco::mesh::sim
