// A mesh that grows: machines are started one after the other, and each finds its place once.

#include <map>
#include <variant>

#include <doctest/doctest.h>

#include "mesh/core/relays.hpp"
#include "mesh/sim/world.hpp"

namespace {

using namespace mco::mesh;
using namespace mco::mesh::sim;
using namespace std::chrono_literals;

TEST_CASE("in a group that grows nobody is a relay and a leaf by turns, and each relay knows all in the end") {
    for (const std::uint64_t seed : {1, 2, 3}) {
        constexpr std::size_t nodes = 150;
        World world({.nodes = 1, .seed = seed, .trace_max = 0, .check = false, .character = {}});
        std::map<Place, std::size_t> turns;  // into a relay
        world.set_observer({.effect =
                                [&](Place node, const Effect& effect, Place) {
                                    const auto* notice = std::get_if<Notice>(&effect);
                                    if (notice != nullptr && notice->kind == NoticeKind::became_relay) ++turns[node];
                                },
                            .received = {}});
        while (world.nodes() < nodes) {
            world.start(world.add_node());
            world.run(50ms);
        }
        world.run(30s);
        CAPTURE(seed);
        std::size_t all = 0, relays = 0;
        for (const auto& [node, count] : turns) {
            all += count;
            CHECK(count <= 4);
        }
        CHECK(all <= nodes / 2);
        for (Place node = 0; node < world.nodes(); ++node) {
            if (world.engine(node).role() != Engine::Role::relay) continue;
            ++relays;
            CHECK(world.engine(node).members().size() == nodes);
        }
        CHECK(relays == relays_wanted(nodes));
    }
}

}  // namespace
