#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/ids.hpp"
#include "proto/time.hpp"

namespace mco::security {

// Which connections libzmq may complete: the answers of our ZAP handler. One thread, never blocks.
//
// The link socket must let strangers in far enough to say HELLO, so an unknown key passes under a token bucket for its
// source address; the fan-out socket only serves keys whose HELLO was verified. "Not now" is 300 (libzmq's client tries
// again by itself), "never" is 400.
class LinkGate {
 public:
    enum class Plane : std::uint8_t { link, fanout };
    enum class Answer : std::uint16_t { welcome = 200, not_now = 300, never = 400 };
    struct Rate {
        std::uint32_t burst = 200;        // new keys from one address at once
        std::uint32_t per_second = 50;    // refill
        std::size_t sources_max = 4'096;  // addresses remembered; full: strangers wait
    };

    LinkGate() : LinkGate(Rate{}) {}
    explicit LinkGate(Rate rate) : rate_(rate) {}

    Answer decide(Plane plane, const proto::CurvePublicKey& key, std::string_view address, proto::Instant now);

    void admit(const proto::CurvePublicKey& key);    // its HELLO was verified; counted, so admit twice, release twice
    void release(const proto::CurvePublicKey& key);  // that link ended
    void ban(const proto::CurvePublicKey& key);      // revoked

 private:
    struct Bucket {
        std::uint64_t micro_tokens = 0;
        proto::Instant refilled{};
    };
    Rate rate_;
    std::unordered_map<proto::CurvePublicKey, std::uint32_t> admitted_;  // value 0: banned
    bool take_token(std::string_view address, proto::Instant now);
    void forget_full_buckets(proto::Instant now);
    std::unordered_map<std::string, Bucket> buckets_;
    proto::Instant swept_{};  // when buckets were last forgotten
};

}  // namespace mco::security
