#pragma once

#include <vector>

#include "bench/fleet.hpp"

namespace mco::bench {

// A process of an emulated fleet, with its share of the nodes on one reactor, until TERM. The first process has the first nodes; after
// them the processes take turns, so that those which relay are everywhere. Tells in lines on `news`: "seed ENDPOINT KEY" for each
// of the first nodes (of the first shard only), then "figures ..." every now and then, "problem ..." before it ends with one.
struct ShardPlan {
    const EmulatedFleet::Plan& fleet;
    const Estate& estate;
    std::vector<mesh::Address> seeds;  // empty: this is the first shard, and makes them
    std::size_t index = 0;  // of the process
    int news = -1;
};
void run_shard(const ShardPlan& plan);

// How many of the first nodes are others' seeds.
std::size_t seeds_of(const EmulatedFleet::Plan& plan);

std::string to_line(const EmulatedFleet::Figures& figures);
bool from_line(const std::string& line, EmulatedFleet::Figures& figures);

}  // namespace mco::bench
