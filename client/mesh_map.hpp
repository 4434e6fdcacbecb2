#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/account.hpp"
#include "client/gather.hpp"

namespace mco::client {

// What nodes say of themselves and of their links (agent mesh, action links), put together. Who did not answer, and a
// proxy, which never does, is known from what its peers say. A value; all texts are foreign and raw.
struct MeshMap {
    struct Link {
        std::string peer;
        std::string side;              // "dialled", "accepted": who holds this view
        std::string standing;          // "primary", "standby", "none"
        std::optional<double> rtt_ms;  // none: not measured yet
        std::int64_t up_s = 0;
        std::int64_t silent_s = 0;  // age of the peer's last proof of life
        std::int64_t flaps = 0;     // how often it was lost before
        // Lost often, and again not long ago: somebody should look at the network between the two.
        bool flapping() const { return flaps >= 3 && up_s < 3600; }
    };
    enum class Known : std::uint8_t { answered, refused, missing, by_peers };
    struct Node {
        Known known = Known::by_peers;
        std::string why;  // refused, missing: a sentence
        std::string group, role, version;
        bool gateway = false, proxy = false;
        std::optional<std::int64_t> started;  // seconds since 1970
        std::optional<std::int64_t> members;  // of its group, that it knows
        std::vector<Link> links;              // its own view, by peer; empty unless answered
        std::int64_t links_left_out = 0;
        std::string primary, standby;  // relays it is attached to, by its own word or theirs

        bool relay() const { return role == "relay"; }
    };
    struct Group {
        std::vector<std::string> gateways, relays, proxies;  // by name: gateways are not repeated among relays
        std::vector<std::string> lonely;  // leaves without a primary, and nodes whose role nobody knows
        std::map<std::string, std::vector<std::string>> leaves;  // by their primary
        std::int64_t members = 0;                                // as another group last heard; 0: nobody said
        std::string missing;                                     // why the whole group is missing; empty: it is not
        std::size_t nodes = 0;                                   // that are drawn, proxies not counted
    };
    std::map<std::string, Node> nodes;    // by name
    std::map<std::string, Group> groups;  // by name; "": of nodes that nobody placed
    std::string version;                  // what most nodes run

    // What is known of a link of one to the other: its own view, or else the other's. nullptr: neither has it.
    const Link* link(const std::string& from, const std::string& to) const;
};

MeshMap map_mesh(const Gathered& gathered, const Account& account);

}  // namespace mco::client
