#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/filter.hpp"
#include "proto/ids.hpp"
#include "proto/time.hpp"
#include "proto/value.hpp"

// What is inside the octets that security/ signs or boxes. They are packed as messages.hpp says, without version and type,
// because who signs them has labels and versions of its own; relays pass them on unchanged.
namespace mco::proto {

// ---------------------------------------------------------------------------------------------- certificates

enum class CertificateRole : std::uint8_t { root = 0, issuer = 1, node = 2, proxy = 3, caller = 4 };
std::string_view name(CertificateRole role);

// What a signature by an authority or an issuer covers: "mco-cert-v1\0" followed by the packed body.
struct CertificateBody {
    std::uint8_t version = 1;
    Serial authority{};                        // serial of the root of this collective of machines
    Serial serial{};
    CertificateRole role = CertificateRole::node;
    std::string name;                          // 1-64 of [a-z0-9._-], begins with a letter or digit, no ".."
    SignPublicKey sign_key{};
    CurvePublicKey curve_key{};                // zero for root and issuer
    SealPublicKey seal_key{};                  // zero for root and issuer
    WallTime not_before{};
    WallTime not_after{};
    Serial issuer{};                           // serial of the signer; a root signs itself
    // Scope. Node, proxy: collectives they may join. Caller: collectives, agent/action globs, most targets (0: no limit).
    std::vector<std::string> collectives;      // empty: all
    std::vector<std::string> actions;          // "rpcutil/*", "*/status"; empty: all
    std::uint32_t targets_max = 0;
};
struct Certificate {
    Bytes body;                                // the exact octets signed
    Signature signature{};
};
// The certificate and, unless the root signed it, its issuer's. Leaf first; at most two.
struct CertificateChain {
    std::vector<Certificate> certificates;
};

// ---------------------------------------------------------------------------------------------- revocations

// Everybody whom one authority does not vouch for any more, signed by its root: "mco-crl-v1\0" || body. A whole list each time;
// the one with the higher number takes the other's place, for ever.
struct RevocationBody {
    std::uint8_t version = 1;
    Serial authority{};                        // serial of the root
    std::uint64_t number = 0;                  // from 1
    WallTime made{};
    std::vector<Serial> serials;               // of certificates, of issuers too
};
struct RevocationList {
    Bytes body;
    Signature signature{};
};

// ---------------------------------------------------------------------------------------------- peer records

// What a peer is willing to do for others of its group: as many as are needed, those with the smallest ids' hashes first.
enum class RelayWish : std::uint8_t { automatic = 0, always = 1, never = 2 };

// One peer's word about itself, signed by its owner ("mco-peer-v1\0" || body), so it may be passed on by anybody.
// The newest (incarnation, sequence) wins.
struct PeerRecordBody {
    PeerId peer{};
    std::string name;
    std::uint64_t incarnation = 0;             // start of the process, microseconds since the epoch
    std::uint32_t sequence = 0;
    std::string group;
    std::string link_endpoint;                 // "tcp://192.0.2.7:21000": its ROUTER; empty: cannot be dialled
    std::string fanout_endpoint;               // its XPUB
    CurvePublicKey curve_key{};
    std::vector<std::string> collectives;
    std::string software;                      // "mcod 0.1.0"
    RelayWish relay = RelayWish::automatic;
    bool performs = true;                      // false: a proxy, which no request is for
};
struct SealedRecord {
    Bytes body;
    Signature signature{};
    CertificateChain chain;                    // of the owner: a receiver needs nobody else to check it
};

// ---------------------------------------------------------------------------------------------- request and reply

// What relays need. Certificate and signature are part of it, so that a relay can refuse forgeries without the body.
struct Route {
    std::uint8_t algorithm = 1;
    std::string collective;
    RequestId request{};
    WallTime created{};
    std::uint32_t ttl_ms = 0;                  // after created + ttl it must not start any more
    std::uint32_t timeout_ms = 0;              // how long answers are awaited
    SealPublicKey reply_key{};                 // fresh for this request
    KeyId body_key{};                          // the collective key that the body is sealed with; zero: everybody on the way can read it
    CertificateChain caller;
};
enum class Purpose : std::uint8_t {
    perform = 0,
    judge = 1,                                 // every check is made, and only what came of it is answered: nothing is performed
};
struct RequestBody {
    std::string agent;
    std::string action;
    Filter filter;
    Value arguments = Value::Map{};
    bool wants_reply = true;                   // false: fire and forget
    Purpose purpose = Purpose::perform;
    RequestId whole{};                         // of a batch: what all its requests are called in audit trails; else 0
};
// Signature by the caller over "mco-req-v1\0" || collective || BLAKE2b(route) || body.
struct SealedRequest {
    Bytes route;                               // packed Route
    Bytes body;                                // packed RequestBody; with a body key 24 octets of nonce, then its box
    Signature signature{};
};

// MCollective's status codes.
enum class StatusCode : std::uint8_t { ok = 0, aborted = 1, unknown_action = 2, missing_data = 3, invalid_data = 4, other = 5 };

// Inside the box: from the node's seal key to the request's reply key.
struct ReplyBody {
    RequestId request{};
    Digest request_digest{};                   // BLAKE2b of the whole sealed request
    Serial node{};                             // certificate serial of the sender
    std::uint32_t sequence = 0;
    StatusCode status = StatusCode::ok;
    std::string message;                       // "OK" when there is nothing to say
    Value data;
};
struct SealedReply {
    RequestId request{};
    CertificateChain node;
    std::array<std::uint8_t, 24> nonce{};
    Bytes box;
};

}  // namespace mco::proto
