#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mco::proto {

// What became of one node in one request. Exactly one holds at the end.
enum class Outcome : std::uint8_t {
    ok = 0,           // answered, status 0
    failed = 1,       // answered, another status
    denied = 2,       // refused by admission: signature, policy, certificate
    not_matched = 3,  // the filter does not mean this node
    unreachable = 4,  // never accepted the request: it did not run
    lost = 5,         // accepted, then fell silent: it may have run
    expired = 6,      // no outcome before the deadline: it may have run
    cancelled = 7,
};
inline constexpr std::size_t outcome_count = 8;
std::string_view name(Outcome outcome);

// Why a node is missing (outcome unreachable, lost or expired). The same numbers cross the wire.
enum class Reason : std::uint8_t {
    down = 0,        // known to be down before the request; `since` tells since when
    no_link = 1,     // in the roster, but nobody here has a link to it
    no_ack = 2,      // linked, but did not acknowledge: frozen or overloaded
    link_lost = 3,   // the link broke during the request
    silent = 4,      // acknowledged, then stopped answering polls
    timeout = 5,     // alive and working, but the deadline came first
    overloaded = 6,  // refused for load
    orphaned = 7,    // its relay was lost during the request, and nobody else heard of it
    group_unreachable = 8,  // a whole group: none of its gateways answered
};
std::string_view name(Reason reason);       // "down", "no_link", ...: stable, for scripts
std::string_view sentence(Reason reason);   // for people, and says whether it may have run

enum class Closure : std::uint8_t { open = 0, closed = 1 };

// The account of one request over one set of nodes. When closed, the counts sum to `expected`.
struct Ledger {
    std::uint32_t expected = 0;
    std::array<std::uint32_t, outcome_count> counts{};
    Closure closure = Closure::open;

    std::uint32_t count(Outcome outcome) const { return counts[static_cast<std::size_t>(outcome)]; }
    void add(Outcome outcome) { ++counts[static_cast<std::size_t>(outcome)]; }
    std::uint32_t accounted() const;           // sum of all counts
    std::uint32_t matched() const;             // expected less not_matched
    std::uint32_t missing() const;             // unreachable + lost + expired
    bool balanced() const;                     // accounted <= expected, and equal when closed
    void merge(const Ledger& subtree);         // adds; the result is closed only if both are
    friend bool operator==(const Ledger&, const Ledger&) = default;
};

// "5 expected = 3 ok + 1 failed + 1 missing"; outcomes that did not occur are left out.
std::string to_text(const Ledger& ledger);

}  // namespace mco::proto
