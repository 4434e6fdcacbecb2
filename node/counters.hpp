#pragma once

#include <cstdint>

namespace mco::node {

// Since the start of the daemon, by the names MCollective's daemon_stats gives them. Every request that reaches this
// node's admission is counted once in `total`, once in validated or unvalidated, and once in what became of it.
struct Counters {
    std::uint64_t total = 0;
    std::uint64_t validated = 0;  // signature and certificate held
    std::uint64_t unvalidated = 0;
    std::uint64_t passed = 0;  // the filter means this node
    std::uint64_t filtered = 0;
    std::uint64_t ttlexpired = 0;  // too old, from the future, or with too long a life
    std::uint64_t replayed = 0;
    std::uint64_t denied = 0;   // certificate scope or policy
    std::uint64_t invalid = 0;  // unknown action, wrong arguments, a filter that does not compile
    std::uint64_t overloaded = 0;
    std::uint64_t timed_out = 0;  // actions that outlived their DDL's timeout
    std::uint64_t replies = 0;    // sealed and handed to the mesh
    std::uint64_t audit_failures = 0;
    std::uint64_t journal_failures = 0;
    std::uint64_t data_failures = 0;  // filters that did not match because a data source failed
};

}  // namespace mco::node
