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
    const auto found = entries_.find(request);
    const auto seen = [&](const Entry& entry) { return entry.caller == caller; };
    if (found != entries_.end()) {
        const auto entry = std::find_if(found->second.begin(), found->second.end(), seen);
        if (entry != found->second.end() && entry->fate == Fate::interrupted) return Verdict::interrupted;
    }
    // Times first, and those that are absurd before any sum is made of them.
    if (ttl > request_ttl_max) return Verdict::ttl_too_long;
    if (ttl <= std::chrono::milliseconds::zero()) return Verdict::too_old;
    if (created > now + clock_skew_max) return Verdict::from_the_future;
    if (created < now - ttl - clock_skew_max) return Verdict::too_old;
    const auto until = created + ttl + clock_skew_max;
    forget_expired(now);
    if (until <= forgotten_) return Verdict::too_old;

    if (const auto known = entries_.find(request); known != entries_.end()) {
        if (std::any_of(known->second.begin(), known->second.end(), seen)) return Verdict::seen;
    }
    const auto share = std::max<std::size_t>(entries_max_ / 4, 1);
    const auto mine = per_caller_.find(caller);
    if (expiry_.size() >= entries_max_ || (mine != per_caller_.end() && mine->second >= share)) return Verdict::full;

    remember(request, {caller, until});
    return Verdict::fresh;
}

void ReplayWindow::remember(const proto::RequestId& request, const Entry& entry) {
    entries_[request].push_back(entry);
    ++per_caller_[entry.caller];
    expiry_.emplace_back(entry.until, request);
    std::push_heap(expiry_.begin(), expiry_.end(), later);
}

void ReplayWindow::restore(const proto::Serial& caller, const proto::RequestId& request, proto::WallTime until, Fate fate) {
    if (expiry_.size() < entries_max_) remember(request, {caller, until, fate});
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
