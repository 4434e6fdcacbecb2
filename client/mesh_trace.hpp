#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/account.hpp"
#include "client/gather.hpp"
#include "client/results.hpp"
#include "client/terminal.hpp"

namespace mco::client {

// The ways of one request from the client to the nodes that answered (agent mesh, action trace), put together from what
// each says of where it came from. Who did not answer, and a proxy, which never does, is known from those it passed the
// request to and from who passed it on; what nobody said stays unknown. A value; all texts are foreign and raw.
struct Trace {
    struct Hop {
        std::string to;                // empty: it is not known what lies between, if anything does
        std::string role, group;       // "leaf", "relay", "gateway", "proxy"; empty: not known
        std::string way;               // "client", "fanout", "link"; empty: not known
        std::optional<double> rtt_ms;  // round trip of the link it came on, as last measured; none: not measured
    };
    struct Path {
        std::string node;
        std::vector<Hop> hops;          // from the client's entry to the node
        std::optional<double> took_ms;  // in the node itself
        double total_ms = 0;            // at the client, from sending the request to the opened answer
    };
    std::string entry;         // empty: none acknowledged
    std::vector<Path> paths;   // by node
};
Trace trace_request(const Gathered& gathered);

// A line a node where they are few, a tree otherwise.
std::string trace_text(const Trace& trace);
// One object: entry, paths, refused, missing, ledger, trouble. Keys are only ever added.
std::string trace_json(const Trace& trace, const Gathered& gathered, const Account& account, JsonForm form);

}  // namespace mco::client
