#include "security/pair_keys.hpp"

#include <sodium.h>

#include <utility>

namespace mco::security {

static_assert(BoxKey::size() == crypto_box_BEFORENMBYTES);

const BoxKey* PairKeys::with(const proto::SealPublicKey& theirs) {
    if (const auto found = keys_.find(theirs); found != keys_.end()) return &found->second;
    if (theirs.is_zero() || sodium_is_zero(mine_.data(), mine_.size()) != 0) return nullptr;
    BoxKey key;
    if (crypto_box_beforenm(key.data(), theirs.octets.data(), mine_.data()) != 0) return nullptr;
    if (keys_.size() >= most_ && !in_order_.empty()) {
        keys_.erase(in_order_.front());
        in_order_.pop_front();
    }
    in_order_.push_back(theirs);
    return &keys_.emplace(theirs, std::move(key)).first->second;
}

}  // namespace mco::security
