#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesh/core/effect.hpp"
#include "mesh/core/gather.hpp"
#include "mesh/core/record.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"

// Private to the engine: what its tables hold. What happens to them is in the files that engine_state.hpp names.
namespace mco::mesh::table {

// What a node may say of itself; the rest is said by those who wait for it.
constexpr bool is_answer(proto::Outcome outcome) {
    switch (outcome) {
        case proto::Outcome::ok:
        case proto::Outcome::failed:
        case proto::Outcome::denied:
        case proto::Outcome::not_matched:
        case proto::Outcome::cancelled:
            return true;
        case proto::Outcome::unreachable:
        case proto::Outcome::lost:
        case proto::Outcome::expired:
            return false;
    }
    return false;
}

struct Timer {
    enum class Kind : std::uint8_t {
        tick,      // pings, and another way for dials that lead nowhere
        silence,   // link
        review,    // peer: is it still without a link, is a dial still needed
        bench,     // peer: down for so long that another is relay in its place
        recall,    // what was remembered from before has had its time
        homeless,  // a leaf for so long without any relay that it has to be one itself
        forget,    // peer: down or gone for long
        gossip,    // news of a large group
        summary,   // what other groups are to know
        ack,       // request, as member or relay: working for a while
        deadline,  // request, as accountant or relay, and so on
        flush,
        patience,  // request and child: silence, or the next poll
        branch,    // request and gateway of another group: the same
        i_have,    // request: tell those we are standby of
        orphans,   // request: nobody is left to report, and somebody is owed
        lazy,      // request: the primary had its time
        standby,   // request: the first gateway had its time
        remember,  // the oldest finished request
    };
    Kind kind = Kind::tick;
    proto::RequestId request{};
    proto::PeerId peer{};
    LinkId link = 0;
    friend auto operator<=>(const Timer&, const Timer&) = default;
};

struct Link {
    proto::PeerId peer{};
    Side side = Side::accepted;
    bool caller = false;
    bool ending = false;            // we undialled it: nothing is sent on it any more
    proto::CurvePublicKey key{};    // of nodes
    std::uint64_t incarnation = 0;  // of nodes: the process at the other end
    bool spoke = false;             // something came: it is up at the other end too
    proto::Instant since{}, heard{};
    std::uint64_t ping_token = 0;  // 0: none is out
    proto::Instant pinged{};
    std::optional<proto::Instant> roster_sent;
    std::size_t differed = 0;  // so often in a row its pings told that its roster is another one
    bool greeted = false;
};
// What we have to do with another peer, beside its place in the roster. At most one link a side.
struct Peer {
    std::vector<LinkId> links;
    std::vector<std::string> topics;  // confirmed subscriptions to our fan-out, sorted
    std::optional<Address> following;
    std::vector<std::string> following_topics;
    std::map<std::string, std::uint32_t, std::less<>> sequences;  // of its publications, by topic, as we follow it
    proto::Instant known_since{};
    proto::Instant turned{};  // when the first link came, or the last one went
    proto::Instant heard{};   // on any link
    std::chrono::microseconds round_trip{0};
    std::uint32_t flaps = 0;                                     // how often the last link went
    proto::Standing standing = proto::Standing::none;            // it is our leaf, as it says
    proto::Instant attached_at{};                                // of the standing
    proto::Standing attached = proto::Standing::none;            // we are its leaf, as it was told
    proto::Instant shunned_until{};                              // as home
};

struct Group {
    std::uint64_t version = 0;
    std::vector<proto::CollectiveCount> collectives;
    std::vector<SharedRecord> gateways;
};

// Somebody whose word we wait for: a leaf of ours for itself, a relay for itself and its leaves.
struct Child {
    enum class Phase : std::uint8_t { unlinked, asked, asked_again, working };
    Phase phase = Phase::unlinked;
    bool relay = false;
    bool told_own = false;  // a gateway that still waits for other groups, and for nobody of ours
    bool polled = false;    // and not answered yet
    proto::Instant polled_at{};
    int unanswered = 0;
};
// To whom an account is told.
struct Parent {
    proto::PeerId peer{};
    LinkId link = 0;           // of a caller; 0: it went away. Peers are told on whatever link they have
    bool caller = false;
    std::uint8_t attempt = 1;  // its newest
    bool spoken = false;       // Ack or Up was sent
    std::uint32_t sequence = 0;
    std::size_t answers_told = 0, missing_told = 0;  // the first so many
    std::size_t octets_told = 0, untaken = 0;        // of sealed answers; those it has not given credit for yet
    bool closing_told = false;
};
// Another group's part, at the gateway that asks there.
struct Branch {
    struct Asked {
        bool acknowledged = false, polled = false;
        int unanswered = 0;
        proto::Instant polled_at{};
    };
    std::map<proto::PeerId, Asked> asked;    // its gateways, until they are lost
    std::set<proto::PeerId> tried;
    proto::Ledger ledger;                    // as told
    std::set<proto::PeerId> heard;           // whose answers came here
    proto::Ledger written;                   // of them
    bool acknowledged = false;
};
struct Account {
    explicit Account(std::span<const proto::PeerId> expected) : gather(expected) {}
    bool whole = false;        // we account for our group; otherwise for our own children and ourselves
    bool closed = false;
    std::vector<Parent> parents;
    proto::PeerId caller{};    // who may cancel it; zero: it came from a peer
    std::string collective;
    std::uint8_t attempt = 1;  // told to children
    proto::Instant opened{}, deadline{};
    proto::Bytes sealed;
    Gather gather;             // of our group
    std::map<proto::PeerId, Child> children;
    std::set<proto::PeerId> adopted;                   // fetched it after the account was closed
    std::map<proto::PeerId, proto::Missing> excuses;   // what relays say of theirs, while others may still bring them
    std::set<proto::PeerId> visited;                   // leaves that we dialled ourselves, nobody else being left to ask
    bool relay_lost = false;
    // Other groups.
    std::set<proto::PeerId> gateways_tried;
    proto::PeerId gateway{};                           // who asks them: one of our group, perhaps ourselves; zero: nobody
    std::map<std::string, Branch> branches;            // if that is us
    std::map<std::string, proto::Ledger> abroad;       // what is known of each
    std::map<std::string, proto::Ledger> told_before;  // answers from each, of gateways that were lost
    std::map<proto::PeerId, proto::Outcome> foreign;   // answers from there
    std::map<std::string, std::map<proto::PeerId, proto::Missing>> foreign_missing;  // by the group or who told it
    // Everything there is to tell, in the order it became known.
    std::vector<proto::Answer> answers;
    std::vector<proto::Missing> missing;
    std::size_t untold_bytes = 0;
    std::size_t octets = 0;                        // of all sealed answers
    std::map<proto::PeerId, std::size_t> taken;    // of those, since credit was given for them
};

inline std::size_t octets_of(const proto::Up& up) {
    std::size_t octets = 0;
    for (const auto& answer : up.answers) octets += answer.sealed.size();
    return octets;
}

struct Reporter {
    proto::PeerId accountant{};
    std::uint8_t attempt = 1;
    bool spoken = false;  // Ack or Up was sent
};
// Our own part in a request: performed once, told to everybody that asked.
struct Duty {
    proto::Progress progress = proto::Progress::working;
    proto::Outcome outcome = proto::Outcome::ok;
    proto::Bytes reply;
    bool withdrawn = false;
    bool published = false;  // it came by fan-out when it came first
    std::vector<Reporter> to;  // oldest first
};

// Finished requests, in the order in which they finished, which is that in which they expire.
struct Remembered {
    enum class What : std::uint8_t { account, duty };
    proto::Instant until{};
    What what = What::account;
    proto::RequestId request{};
};

}  // namespace mco::mesh::table
