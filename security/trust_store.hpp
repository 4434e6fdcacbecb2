#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proto/limits.hpp"
#include "proto/messages.hpp"
#include "proto/time.hpp"

namespace mco::security {

// A verified somebody. Made by TrustStore only from a chain that held at that moment; expiry is re-checked at use.
struct Principal {
    proto::Serial serial{};
    proto::PeerId peer{};
    proto::CertificateRole role = proto::CertificateRole::node;
    std::string name;
    proto::SignPublicKey sign_key{};
    proto::CurvePublicKey curve_key{};
    proto::SealPublicKey seal_key{};
    proto::WallTime not_after{};
    proto::Serial issuer{};  // zero: a root signed it
    std::vector<std::string> collectives;
    std::vector<std::string> actions;
    std::uint32_t targets_max = 0;

    bool may_join(std::string_view collective) const;                      // empty list: all
    bool may_call(std::string_view agent, std::string_view action) const;  // globs "agent/action"; empty list: all
};

// The roots this process believes in, and every decision about certificates. One thread.
//
// Rules, each with its own sentence in the error: the chain ends at a root we hold; depth at most 2; every signature holds
// over the exact octets; roles nest (a root signs issuers and leaves, an issuer signs leaves only, and no wider in scope
// than itself); names, times (60 s of skew) and versions are right; nobody on the chain is revoked. What a signature proves
// is cached by the digest of the chain's octets, bounded; times and revocation are checked at each call.
//
// The error's code: `malformed`, `unsupported` (version), `unauthenticated` (authority, signature), `denied` (roles, scope,
// revoked), `expired`, `invalid` (not valid yet: somebody's clock).
class TrustStore {
 public:
    static constexpr std::size_t roots_max = proto::limits::roots_max;
    static constexpr std::size_t known_max = 16'384;  // chains remembered, oldest forgotten: two of the largest group

    // Roots as read from the trust file; at least one, at most roots_max.
    static proto::Result<TrustStore> make(std::vector<proto::Certificate> roots);

    proto::Result<Principal> verify(const proto::CertificateChain& chain, proto::WallTime now);

    // Who a chain speaks of, signatures and roles checked, but neither times nor revocation. It gives no authority: it only
    // tells whose key must sign a proof before a HELLO may be refused with a reason.
    proto::Result<Principal> identify(const proto::CertificateChain& chain);

    // A packed RevocationList. Signed by a root we hold, and its number higher than that of the list we have of it: then it takes the
    // other's place. `known`: the very list we have, or an older one, which is no error: it is how lists meet. Errors: malformed,
    // `not_found` (no root of ours), unauthenticated, `denied` for another list under the same number: then an authority's folder was copied.
    enum class Adopted : std::uint8_t { known, newer };
    proto::Result<Adopted> adopt(proto::BytesView list);
    std::vector<proto::Bytes> revocation_lists() const;  // packed, one of each root that has one
    bool revoked(const proto::Serial& serial) const;
    bool revoked(const Principal& principal) const { return revoked(principal.serial) || revoked(principal.issuer); }
    std::uint64_t revocations_version() const;  // numbers of the lists, added up
    std::size_t revocations() const { return revoked_.size(); }
    std::size_t known() const { return known_.size(); }  // chains remembered

    // Signed octets, by their digest, whose signature held: what comes on several ways, or again and again, is verified once. The
    // oldest is forgotten. Says nothing of chains, times or revocation.
    static constexpr std::size_t held_max = 1'024;
    bool held(const proto::Digest& octets) const { return held_.contains(octets); }
    void remember_held(const proto::Digest& octets);

 private:
    struct Root {
        proto::Certificate certificate;
        proto::CertificateBody body;
        proto::Bytes list = {};  // packed RevocationList; empty: none yet
        std::uint64_t list_number = 0;
        std::vector<proto::Serial> serials = {};
    };
    struct Validity {  // of one certificate of a chain
        std::string name;
        proto::Serial serial{};
        proto::WallTime not_before{}, not_after{};
    };
    struct Known {
        Principal principal;
        std::vector<Validity> validities;  // root first
    };
    TrustStore() = default;
    proto::Result<const Known*> look_up(const proto::CertificateChain& chain);
    proto::Result<Known> examine(const proto::CertificateChain& chain) const;

    std::vector<Root> roots_;
    std::unordered_set<proto::Serial> revoked_;
    std::unordered_map<proto::Digest, Known> known_;
    std::list<proto::Digest> known_order_;  // oldest first; bounded
    std::unordered_set<proto::Digest> held_;
    std::list<proto::Digest> held_order_;  // likewise
};

}  // namespace mco::security
