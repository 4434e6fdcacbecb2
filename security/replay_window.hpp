#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "proto/ids.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"

namespace mco::security {

// Remembers which requests were let through, for as long as they could be let through again. One thread.
//
// A request is fresh iff now - ttl - 60 s <= created <= now + 60 s, ttl <= 300 s, and (caller, request) was not seen. Full
// means refuse, never forget a live entry: an attacker who fills the window can deny service, not replay. One caller gets
// at most a quarter, so that he denies it only to himself.
class ReplayWindow {
 public:
    enum class Verdict { fresh, seen, too_old, from_the_future, ttl_too_long, full, interrupted };

    explicit ReplayWindow(std::size_t entries_max = proto::limits::replay_entries_max) : entries_max_(entries_max) {}

    // Remembers the request if, and only if, the answer is fresh.
    Verdict admit(const proto::Serial& caller, const proto::RequestId& request, proto::WallTime created,
                  std::chrono::milliseconds ttl, proto::WallTime now);
    // What a journal remembers: from now on it was seen, or it ran when this program died. Beyond the bound it is forgotten.
    enum class Fate : std::uint8_t { ended, interrupted };
    void restore(const proto::Serial& caller, const proto::RequestId& request, proto::WallTime until, Fate fate);
    std::size_t size() const { return expiry_.size(); }

 private:
    void forget_expired(proto::WallTime now);

    struct Entry {
        proto::Serial caller;
        proto::WallTime until;
        Fate fate = Fate::ended;
    };
    void remember(const proto::RequestId& request, const Entry& entry);

    std::size_t entries_max_;
    std::unordered_map<proto::RequestId, std::vector<Entry>>
        entries_;  // callers may collide on an id by design of an attacker
    std::unordered_map<proto::Serial, std::size_t> per_caller_;
    std::vector<std::pair<proto::WallTime, proto::RequestId>> expiry_;  // heap, earliest first
    proto::WallTime forgotten_ = proto::WallTime::min();  // what ended by then is refused, even if the clock goes back
};

}  // namespace mco::security
