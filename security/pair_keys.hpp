#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "proto/ids.hpp"
#include "security/keys.hpp"

namespace mco::security {

using BoxKey = Secret<struct BoxKeyTag, 32>;

// The keys that our seal secret makes with others' public ones, kept: agreeing on one takes tens of microseconds, finding it a fraction
// of one. Whoever has the secret can compute them all, so keeping them gives nothing away. One thread.
class PairKeys {
 public:
    // `mine` must outlive it. At most `most` are kept; then the one that was made first makes room.
    PairKeys(const SealSecret& mine, std::size_t most) : mine_(mine), most_(most) {}

    // Null: a key that makes every secret equal (zero, small order). Valid until the next call.
    const BoxKey* with(const proto::SealPublicKey& theirs);
    std::size_t kept() const { return keys_.size(); }

 private:
    const SealSecret& mine_;
    std::size_t most_;
    std::unordered_map<proto::SealPublicKey, BoxKey> keys_;
    std::deque<proto::SealPublicKey> in_order_;  // in which they were made
};

}  // namespace mco::security
