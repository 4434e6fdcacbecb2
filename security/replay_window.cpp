#include "security/replay_window.hpp"

#include <algorithm>

namespace mco::security {
namespace {

using proto::limits::clock_skew_max;
using proto::limits::request_ttl_max;

// A heap with the earliest on top.
constexpr auto later = [](const auto& a, const auto& b) { return a.first > b.first; };

}  // namespace

ReplayWindow::Verdict ReplayWindow::admit(const proto::Serial& caller, const proto::RequestId& request,
                                          proto::WallTime created, std::chrono::milliseconds ttl, proto::WallTime now) {
    // Times first, and those that are absurd before any sum is made of them.
    if (ttl > request_ttl_max) return Verdict::ttl_too_long;
    if (ttl <= std::chrono::milliseconds::zero()) return Verdict::too_old;
    if (created > now + clock_skew_max) return Verdict::from_the_future;
    if (created < now - ttl - clock_skew_max) return Verdict::too_old;
    const auto until = created + ttl + clock_skew_max;
    forget_expired(now);
    if (until <= forgotten_) return Verdict::too_old;

    if (const auto found = entries_.find(request); found != entries_.end()) {
        const bool seen = std::any_of(found->second.begin(), found->second.end(),
                                      [&](const Entry& entry) { return entry.caller == caller; });
        if (seen) return Verdict::seen;
    }
    const auto share = std::max<std::size_t>(entries_max_ / 4, 1);
    const auto mine = per_caller_.find(caller);
    if (expiry_.size() >= entries_max_ || (mine != per_caller_.end() && mine->second >= share)) return Verdict::full;

    entries_[request].push_back({caller, until});
    ++per_caller_[caller];
    expiry_.emplace_back(until, request);
    std::push_heap(expiry_.begin(), expiry_.end(), later);
    return Verdict::fresh;
}

// An entry goes when its request could no longer pass the test of time, so one tick after `until`.
void ReplayWindow::forget_expired(proto::WallTime now) {
    while (!expiry_.empty() && expiry_.front().first < now) {
        const auto until = expiry_.front().first;
        const auto request = expiry_.front().second;
        std::pop_heap(expiry_.begin(), expiry_.end(), later);
        expiry_.pop_back();
        forgotten_ = std::max(forgotten_, until);
        const auto found = entries_.find(request);
        auto& entries = found->second;
        const auto gone =
            std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.until == until; });
        const auto count = per_caller_.find(gone->caller);
        if (--count->second == 0) per_caller_.erase(count);
        entries.erase(gone);
        if (entries.empty()) entries_.erase(found);
    }
}

}  // namespace mco::security
