#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "client/account.hpp"
#include "client/gather.hpp"
#include "client/results.hpp"

namespace mco::client {

// What nodes counted since they started (agent mesh, action counters), added up. A value; all texts are foreign and raw.
struct MeshCounters {
    struct Sum {
        std::int64_t total = 0;  // stays at its largest value rather than overflow
        std::uint32_t nodes = 0;  // that counted any
        std::string worst;        // who counted most, the first by name; empty: nobody any
        std::int64_t most = 0;
    };
    std::map<std::string, Sum> sums;                                 // by counter, those at 0 too
    std::map<std::string, std::map<std::string, std::int64_t>> nodes;  // by node and counter
};
MeshCounters add_counters(const Gathered& gathered);

// A table of those that are not 0.
std::string counters_table(const MeshCounters& counters);
// One object: counters (with all at 0), nodes, refused, missing, ledger, trouble. Keys are only ever added.
std::string counters_json(const MeshCounters& counters, const Gathered& gathered, const Account& account,
                          JsonForm form);

}  // namespace mco::client
