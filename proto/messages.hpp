#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/ids.hpp"
#include "proto/ledger.hpp"
#include "proto/sealed.hpp"
#include "proto/time.hpp"

// The wire format: this header and sealed.hpp are its only description. codec.hpp turns these structs into octets and back.
//
// Every message on a link is one msgpack array [version, type, fields...] in one ZeroMQ frame: fields in the order of the
// struct, ids and octet strings as bin, text as str (UTF-8), enums and counts as unsigned integers, durations and times
// as integers in microseconds unless the name says otherwise, structs and vectors as arrays. Maps occur only inside
// Value; their keys are str, in ascending order of octets, so none is there twice. Integers, counts and lengths are in
// their shortest form, real numbers in 64 bits and never NaN: one meaning has exactly one octet string. Anything else is
// malformed: extra or missing fields, trailing octets, another type, an enum out of range, more than limits.hpp allows.
// On the fan-out plane a topic frame goes first.
//
// Two layers: the *outer* messages below are read by every relay; *sealed* octets (request, reply, peer record,
// certificate) are signed or boxed by security/ and pass through relays unchanged.
namespace mco::proto {

inline constexpr std::uint8_t wire_version = 1;

// ---------------------------------------------------------------------------------------------- HELLO (types 1-5)

// Dialler first: Hello, HelloReply, HelloProof, Welcome. Until HelloProof is verified the acceptor reads nothing else, until
// HelloReply is verified the dialler sends nothing else. Each proof signs
// "mco-hello-v1\0" || direction || BLAKE2b(earlier frames of both sides) || both curve keys || both nonces.
struct Hello {
    std::uint8_t version_min = wire_version;
    std::uint8_t version_max = wire_version;
    CertificateChain chain;
    Nonce nonce{};
    std::uint64_t revocations = 0;             // numbers of the revocation lists held, added up; 0: none
};
struct HelloReply {
    std::uint8_t version = wire_version;       // chosen
    CertificateChain chain;
    Nonce nonce{};
    std::uint64_t revocations = 0;
    Signature proof{};
};
struct HelloProof {
    Signature proof{};
    Bytes record;                              // packed SealedRecord of the dialler; empty for callers
};
struct Welcome {
    Bytes record;                              // packed SealedRecord of the acceptor
    WallTime clock{};
};
// The last word before a link is closed; only to a peer whose key is proved, otherwise silence.
struct Refusal {
    Errc code = Errc::denied;
    std::string reason;
};

// A link between groups is several connections, because each may have little under way at first. The dialler names the link
// on its first connection (number 0), joins the others to it (1, 2, ...), and uses those that the acceptor repeats. From then
// on messages are spread over them, each behind a frame with its number in the order of sending: 8 octets, big endian.
struct Lane {
    std::uint64_t link = 0;                    // the dialler's choice, at random
    std::uint8_t number = 0;
};

// ---------------------------------------------------------------------------------------------- mesh (types 16-)

enum class MemberState : std::uint8_t { up = 0, down = 1, left = 2 };
struct RosterEntry {
    Bytes record;                              // packed SealedRecord
    MemberState state = MemberState::up;       // as the sender sees it
    std::uint32_t since_ms = 0;                // for how long
};
// Of one group. Relays send each other everything when a link comes up or digests differ, and news as they learn them; a
// leaf is sent the relays only.
struct Roster {
    std::vector<RosterEntry> entries;
};
// Which members of the group are relays, as the sender computes it; the receiver is a leaf unless it is among them.
struct Relays {
    std::uint32_t members = 0;                 // of the group, as whoever computed it knew them
    std::vector<PeerId> relays;                // ascending
};
// A leaf says what it wants from a relay; only the children of a primary are asked by it. The last word holds.
enum class Standing : std::uint8_t { none = 0, primary = 1, standby = 2 };
struct Attach {
    Standing standing = Standing::none;
    std::uint64_t relays = 0;                  // a digest of those it knows: another one than the relay's own is mended
};
// "Not here." To a leaf, request zero: this relay takes no more children. To a caller: these relays take requests.
struct Redirect {
    RequestId request{};
    std::vector<Bytes> records;                // packed SealedRecords
};
// What a group tells of itself to others, through its gateways.
struct CollectiveCount {
    std::string collective;
    std::uint32_t members = 0;
};
struct GroupSummary {
    std::string group;
    std::uint64_t version = 0;                 // microseconds since the epoch, when it was made; the newest wins
    std::vector<CollectiveCount> collectives;
    std::vector<Bytes> gateways;               // packed SealedRecords, the one to be asked first in front
};
struct Groups {
    std::vector<GroupSummary> groups;
};

// Narrows on its way, so nothing goes in circles: client -> entry; accountant -> relays of its group; relay -> its leaves;
// gateway -> gateway of another group, which becomes that group's accountant; the same to a second gateway there, which does
// so only if the first one does not.
enum class Scope : std::uint8_t { inject = 0, local = 1, deliver = 2, group = 3, standby = 4 };
struct Request {
    Scope scope = Scope::inject;
    std::uint8_t attempt = 1;                  // a higher one: forget the old way of reply, send again what is known here
    PeerId accountant{};                       // to whom to report (all but inject)
    PeerId gateway{};                          // local: the relay that is to ask the other groups; zero: nobody
    std::uint32_t left_ms = 0;                 // until the deadline, as the sender sees it
    std::uint32_t sequence = 0;                // fan-out plane: counts up per (publisher, topic); 0 on a link
    Bytes sealed;                              // packed SealedRequest
};
// "I have it and am alive." To a client: how many nodes are expected.
struct Ack {
    RequestId request{};
    std::uint8_t attempt = 1;
    std::uint32_t expected = 1;
};
struct Answer {
    PeerId node{};
    Outcome outcome = Outcome::ok;
    Bytes sealed;                              // packed SealedReply; empty when the caller may not know more
};
// Answers without octets, of many nodes at once.
struct Bare {
    Outcome outcome = Outcome::ok;
    std::vector<PeerId> nodes;
};
struct Missing {
    PeerId node{};                             // zero: a whole group
    std::string name;                          // of the node, or of the group
    Reason reason = Reason::down;
    Outcome outcome = Outcome::unreachable;
    std::uint32_t since_ms = 0;                // down: for how long
    std::uint32_t nodes = 1;                   // how many: of a group as many as it last had
};
// The account of another group, cumulative, or of the gateway's own part; closed in the last one.
struct GroupLedger {
    std::string group;
    Ledger ledger;
};
// The only upward data. Idempotent: nodes are counted once. `ledger` is cumulative for the sender's subtree (to a client:
// with all groups), and closed in the last one.
struct Up {
    RequestId request{};
    std::uint8_t attempt = 1;
    std::uint32_t sequence = 0;                // from 1; a receiver that sees a gap polls
    std::vector<Answer> answers;
    std::vector<Bare> bare;
    std::vector<Missing> missing;
    Ledger ledger;
    std::vector<GroupLedger> groups;           // from a gateway to its accountant, its own first; empty: it knows of no other
};
// To a relay, a gateway or an entry: this much of what it told of the request was taken, so it may tell that much more.
struct Credit {
    RequestId request{};
    std::uint32_t octets = 0;                  // of sealed answers
};
// Fan-out plane, to leaves that have the sender as standby: "I have it." With `orphans_of`: whoever waited for that relay,
// which is lost, may report here; on a link the same.
struct IHave {
    RequestId request{};
    std::uint8_t attempt = 1;
    PeerId orphans_of{};
};
// "Send it to me, and wait for me." With request zero: all that is open and that I have not spoken about.
struct Fetch {
    RequestId request{};
};
// Accountant to relays: this one is lost; call its leaves.
struct Orphans {
    RequestId request{};
    PeerId relay{};
};
struct Poll {
    RequestId request{};
    std::uint8_t attempt = 1;
};
enum class Progress : std::uint8_t { unknown = 0, working = 1, done = 2 };
struct Status {
    RequestId request{};
    std::uint8_t attempt = 1;
    Progress progress = Progress::unknown;
};
struct Cancel {
    RequestId request{};
};
// Proof of life of the program (libzmq's heartbeats only prove its I/O thread), round-trip time, and anti-entropy.
struct Ping {
    std::uint64_t token = 0;                   // the sender's own; comes back unchanged
    std::uint64_t roster_digest = 0;
};
struct Pong {
    std::uint64_t token = 0;
};
// Said before leaving on purpose; the peer then is not missed.
struct Bye {
    std::string reason;
};
// A request that was not taken. To the caller's link only.
struct Refused {
    RequestId request{};
    Errc code = Errc::denied;
    std::string reason;
};

// Signed lists of who is revoked, one an authority: from whoever has a newer one, when a link comes up and when it learns one.
struct Revocations {
    std::vector<Bytes> lists;                  // packed RevocationLists
};

using Message = std::variant<Hello, HelloReply, HelloProof, Welcome, Refusal, Roster, Request, Ack, Up, Poll, Status, Cancel,
                             Ping, Pong, Bye, Refused, Relays, Attach, Redirect, Groups, IHave, Fetch, Orphans,
                             Lane, Credit, Revocations>;

}  // namespace mco::proto
