#include "security/link_gate.hpp"

#include <algorithm>
#include <chrono>

namespace mco::security {
namespace {

constexpr std::uint64_t micro = 1'000'000;
constexpr auto sweep_interval = std::chrono::seconds(1);  // a flood of addresses must not make every answer a sweep

}  // namespace

LinkGate::Answer LinkGate::decide(Plane plane, const proto::CurvePublicKey& key, std::string_view address,
                                  proto::Instant now) {
    if (key.is_zero()) return Answer::never;
    const auto known = admitted_.find(key);
    if (known != admitted_.end()) return known->second == 0 ? Answer::never : Answer::welcome;
    switch (plane) {
        case Plane::fanout:
            return Answer::not_now;
        case Plane::link:
            return take_token(address, now) ? Answer::welcome : Answer::not_now;
    }
    return Answer::not_now;
}

void LinkGate::admit(const proto::CurvePublicKey& key) {
    const auto [at, fresh] = admitted_.try_emplace(key, 1U);
    if (!fresh && at->second != 0) ++at->second;
}

void LinkGate::release(const proto::CurvePublicKey& key) {
    const auto at = admitted_.find(key);
    if (at == admitted_.end() || at->second == 0) return;
    if (--at->second == 0) admitted_.erase(at);
}

void LinkGate::ban(const proto::CurvePublicKey& key) { admitted_[key] = 0; }

// Integers only: millionths of a token, so that a microsecond is worth exactly `per_second` of them.
bool LinkGate::take_token(std::string_view address, proto::Instant now) {
    const std::uint64_t most = rate_.burst * micro;
    auto at = buckets_.find(std::string(address));
    if (at == buckets_.end()) {
        if (buckets_.size() >= rate_.sources_max) forget_full_buckets(now);
        if (buckets_.size() >= rate_.sources_max) return false;
        at = buckets_.emplace(address, Bucket{most, now}).first;
    }
    auto& bucket = at->second;
    if (now > bucket.refilled) {
        const auto elapsed = static_cast<std::uint64_t>((now - bucket.refilled).count());
        const auto longest = rate_.per_second == 0 ? 0 : most / rate_.per_second + 1;  // then it is full: no overflow
        bucket.micro_tokens = std::min(most, bucket.micro_tokens + std::min(elapsed, longest) * rate_.per_second);
        bucket.refilled = now;
    }
    if (bucket.micro_tokens < micro) return false;
    bucket.micro_tokens -= micro;
    return true;
}

// A bucket that would be full again says nothing that a new one does not.
void LinkGate::forget_full_buckets(proto::Instant now) {
    if (rate_.per_second == 0 || now - swept_ < sweep_interval) return;
    swept_ = now;
    const auto idle = proto::Duration(static_cast<std::int64_t>(rate_.burst * micro / rate_.per_second));
    std::erase_if(buckets_, [&](const auto& entry) { return now - entry.second.refilled >= idle; });
}

}  // namespace mco::security
