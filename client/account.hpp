#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/gather.hpp"
#include "client/target.hpp"
#include "client/terminal.hpp"
#include "proto/ledger.hpp"

namespace mco::client {

// MCollective's status of a command, and 5 for what it could not see.
enum class ExitStatus : int {
    ok = 0,
    unusable = 1,    // usage, configuration, DDL, nobody reachable, refused; or nobody matched
    failed = 2,      // some reply has a status other than 0
    silent = 3,      // somebody may have matched, nobody replied
    no_replies = 4,  // the same where the names were given, and for ping
    incomplete = 5,  // all replies are fine, but some expected node is missing or the account was not proved
};

// A request's account as far as it concerns the operator: who could not have been meant is left out.
struct Account {
    struct Absent {
        std::string node;                            // visible; a whole group: "dc3 (400 nodes):"
        std::string why;                             // a sentence
        std::optional<proto::Missing> missing = {};  // as the entry said it; none: a name that nobody has
    };
    proto::Ledger ledger;
    std::vector<Absent> absent;        // by name
    std::vector<std::string> trouble;  // visible lines
    std::uint32_t replies = 0, failures = 0;
    proto::Duration search{0};  // how long it took to find the nodes, where that was a request of its own
    std::uint32_t unknown = 0;  // of the absent: names that nobody in the mesh has

    bool whole() const { return absent.empty() && trouble.empty(); }
    std::uint32_t matched() const {
        return ledger.matched() + unknown;
    }  // at most: a missing node may not have matched
};
// Missing nodes whose names the filter cannot mean become `not_matched`, and so does a missing group when every literal name
// was found elsewhere. Added as absent are given names that nobody in the mesh has, whoever did not answer when the nodes were
// looked for, and whose turn did not come.
Account settle(const Gathered& gathered, const Target& target);

ExitStatus exit_status(const Account& account, Choice choice);
bool means_nobody(const Account& account, Choice choice);  // the filter meant no node, and that is proved
// MCollective's sentence for that, and what the nodes lack as far as it is known.
std::string nobody_lines(const Account& account, const Target& target);

// "No response from:" with a line a node, "" if there are none.
std::string absent_block(const Account& account, const Terminal& terminal);
// "1204 expected = 1192 ok + 4 denied + 8 missing (5 down, 3 timeout)", and what is wrong with it: lines for the end of the
// statistics, or for stderr. "" if it is not to be shown.
enum class Show : std::uint8_t {
    if_not_whole,  // somebody is missing, or it was not proved that nobody is
    if_not_good,   // that, or a reply failed
    always,
};
std::string ledger_lines(const Account& account, Show show);

}  // namespace mco::client
