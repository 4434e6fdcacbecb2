#include "mesh/sim/invariants.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mesh/core/relays.hpp"
#include "mesh/sim/shape.hpp"
#include "mesh/sim/world.hpp"

namespace mco::mesh::sim {

namespace {

using Roster = std::map<proto::PeerId, proto::MemberState>;

Roster roster_of(const World& world, Place place) {
    Roster roster;
    for (const auto& view : world.engine(place).members()) roster.emplace(view.peer, view.state);
    return roster;
}

std::string text_of(const World& world, const Roster& roster) {
    std::string text;
    for (const auto& [peer, state] : roster)
        text += fmt::format(" {}{}", world.name(peer), state == proto::MemberState::up     ? ""
                                                       : state == proto::MemberState::down ? " (down)"
                                                                                           : " (left)");
    return text;
}

bool meant(const World& world, Place node, const std::string& collective) {
    const auto& record = world.record(node);
    return record.performs && std::find(record.collectives.begin(), record.collectives.end(), collective) != record.collectives.end();
}

// Who of its group is linked to `place`, and how.
const Engine::LinkView* view_of(const std::vector<Engine::LinkView>& links, const proto::PeerId& peer) {
    const auto found = std::find_if(links.begin(), links.end(), [&](const auto& one) { return one.peer == peer; });
    return found == links.end() ? nullptr : &*found;
}

std::vector<std::string> faults_of_relay(const World& world, Place place, const std::vector<proto::PeerId>& relays) {
    const auto& engine = world.engine(place);
    if (engine.role() != Engine::Role::relay) return {"should be a relay and is not: " + engine.describe()};
    std::vector<std::string> faults;
    const auto links = engine.links(world.now());
    for (const auto& peer : relays) {
        const auto other = *world.place_of(peer);
        if (other == place) continue;
        if (view_of(links, peer) == nullptr) {
            faults.push_back("has no link to " + world.name(other));
        } else if (!world.follows(other, place)) {
            faults.push_back("is not followed by " + world.name(other));
        }
    }
    return faults;
}

std::vector<std::string> faults_of_leaf(const World& world, Place place, const std::vector<proto::PeerId>& relays) {
    const auto& engine = world.engine(place);
    if (engine.role() != Engine::Role::leaf) return {"should be a leaf and is not: " + engine.describe()};
    if (relays.empty()) return {"has no relay to go to"};
    const auto home = homes(world.id(place), relays).front();
    const auto links = engine.links(world.now());
    const auto* view = view_of(links, home);
    if (view == nullptr) return {"has no link to its relay " + world.name(home)};
    if (view->standing != proto::Standing::primary) return {"is not attached to its relay " + world.name(home)};
    if (!world.follows(place, *world.place_of(home))) return {"does not follow its relay " + world.name(home)};
    return {};
}

}  // namespace

void Invariants::performed(Place node, std::uint64_t incarnation, const proto::RequestId& request) {
    if (++performed_[{node, request}][incarnation] > 1)
        complain(fmt::format("node{} performs {} twice", node + 1, request.hex().substr(0, 8)));
}

void Invariants::delivered(Place node, const proto::RequestId& request) { ++delivered_[{node, request}]; }

std::uint32_t Invariants::performances(Place node, const proto::RequestId& request) const {
    const auto found = performed_.find({node, request});
    std::uint32_t count = 0;
    if (found == performed_.end()) return count;
    for (const auto& [incarnation, times] : found->second) count += times;
    return count;
}

void Invariants::check_whole(const World& world) {
    for (std::size_t i = 0; i < world.groups().size(); ++i) {
        const auto relays = relays_of(world, static_cast<Site>(i));
        std::optional<Place> first;
        Roster known;
        for (const auto place : world.members_of(static_cast<Site>(i))) {
            if (!world.running(place)) continue;
            const bool relay = std::binary_search(relays.begin(), relays.end(), world.id(place));
            for (const auto& fault : relay ? faults_of_relay(world, place, relays) : faults_of_leaf(world, place, relays))
                complain(fmt::format("at the end {} {}", world.name(place), fault));
            if (world.engine(place).live_requests() != 0)
                complain(fmt::format("at the end {} has open accounts", world.name(place)));
            if (!relay) continue;
            auto roster = roster_of(world, place);
            for (const auto member : world.members_of(static_cast<Site>(i))) {
                const auto found = roster.find(world.id(member));
                if (found == roster.end() || (world.running(member) && found->second != proto::MemberState::up))
                    complain(fmt::format("at the end {} {} {}", world.name(place),
                                         found == roster.end() ? "does not know" : "believes to be gone:", world.name(member)));
            }
            if (!first) {
                first = place;
                known = std::move(roster);
            } else if (roster != known) {
                complain(fmt::format("at the end {} and {} have different rosters:{}\n{}", world.name(*first),
                                     world.name(place), text_of(world, known), text_of(world, roster)));
            }
        }
    }
    const auto shape = settled(world);
    if (shape.groups != shape.groups_joined)
        complain(fmt::format("at the end {} of {} groups know a way to all others", shape.groups_joined, shape.groups));
}

void Invariants::check_clients(const World& world) {
    for (const auto& [place, client] : world.clients()) {
        const auto entry = world.entry_of(place);
        if (!entry || !world.running(*entry) || client.closed() || client.refused() || client.gave_up() || client.plan().slow) continue;
        complain(fmt::format("{} still waits for {} at {}", world.name(place), world.name(client.plan().request),
                             world.name(*entry)));
    }
}

void Invariants::check_reached(const World& world) {
    const auto without_cause = [&](Place place, const std::string& who, proto::Outcome outcome) {
        if (outcome == proto::Outcome::unreachable || outcome == proto::Outcome::lost)
            complain(fmt::format("{} hears in {} that {} is {}, and it is not", world.name(place),
                                 world.name(world.clients().at(place).plan().request), who, proto::name(outcome)));
    };
    for (const auto& [place, client] : world.clients()) {
        for (const auto& [node, seen] : client.nodes()) without_cause(place, world.name(node), seen.outcome);
        for (const auto& [group, missing] : client.groups_missing()) without_cause(place, group, missing.outcome);
    }
}

void Invariants::check_complete(const World& world, Place place) {
    const auto& client = world.clients().at(place);
    const auto& request = client.plan().request;
    if (!client.closed() || client.closed()->missing() != 0) {
        std::string text = fmt::format("{} misses somebody in {}, though nothing failed: {}", world.name(place), world.name(request),
                                       client.closed()    ? proto::to_text(*client.closed())
                                       : client.refused() ? "refused"
                                                          : "no account");
        for (const auto& [node, seen] : client.nodes()) {
            if (seen.reason) text += fmt::format("\n  {} {} ({})", world.name(node), proto::name(seen.outcome), proto::name(*seen.reason));
        }
        for (const auto& [group, missing] : client.groups_missing())
            text += fmt::format("\n  {} of group {} {} ({})", missing.nodes, group, proto::name(missing.outcome), proto::name(missing.reason));
        return complain(std::move(text));
    }
    std::size_t due = 0;
    for (Place node = 0; node < world.nodes(); ++node) {
        const bool is_meant = world.running(node) && meant(world, node, client.plan().collective);
        due += is_meant ? 1 : 0;
        const auto found = client.nodes().find(world.id(node));
        const bool cancelled = found != client.nodes().end() && found->second.outcome == proto::Outcome::cancelled;
        if (is_meant != (found != client.nodes().end()))
            complain(fmt::format("{} is {} in {}", world.name(node), is_meant ? "left out" : "named without being meant", world.name(request)));
        if (!cancelled && performances(node, request) != (is_meant ? 1 : 0))
            complain(fmt::format("{} performed {} {} times", world.name(node), world.name(request), performances(node, request)));
    }
    if (client.closed()->expected != due)
        complain(fmt::format("{} expected {} nodes in {}, and there are {}", world.name(place), client.closed()->expected, world.name(request), due));
}

void Invariants::check_healthy(const World& world) {
    for (const auto& [place, client] : world.clients()) {
        check_complete(world, place);
        const auto entry = world.entry_of(place);
        for (Place node = 0; node < world.nodes(); ++node) {
            const auto& request = client.plan().request;
            // The entry has it from the client; relays need it for others of their group, leaves for themselves. The second
            // gateway is not counted, and where nobody is meant nobody is asked.
            const auto& collective = client.plan().collective;
            const bool group_meant = [&] {
                for (Place other = 0; other < world.nodes(); ++other) {
                    if (world.record(other).group == world.record(node).group && meant(world, other, collective)) return true;
                }
                return false;
            }();
            const bool relays = world.engine(node).role() == Engine::Role::relay;
            const bool needed = meant(world, node, collective) || (relays && group_meant);
            const std::uint32_t due = entry == node || !needed ? 0 : 1;
            const auto found = delivered_.find({node, request});
            const auto came = found == delivered_.end() ? 0 : found->second;
            const bool in_vain = relays && !group_meant && came <= 1;  // only its accountant knows that nobody is
            if (came != due && !in_vain)
                complain(fmt::format("{} came {} times to {}", world.name(request), came, world.name(node)));
        }
    }
}

}  // namespace mco::mesh::sim
