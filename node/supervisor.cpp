#include "node/supervisor.hpp"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include <fmt/format.h>

namespace mco::node {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds interval_min = 1ms;  // a watchdog of nanoseconds must not turn the loop into a spin
constexpr auto last_frames = 5s;                         // what is left to do when the actions have ended

}  // namespace

Supervisor::Supervisor(proto::Instant now) : listens_(std::getenv("NOTIFY_SOCKET") != nullptr), due_(now) {
    std::uint64_t allowed = 0;
    if (listens_ && ::sd_watchdog_enabled(0, &allowed) > 0)
        interval_ = std::max(std::chrono::microseconds(allowed / 2), interval_min);
}

void Supervisor::ready() { ::sd_notify(0, "READY=1\nSTATUS=takes part in the mesh"); }

void Supervisor::stopping(std::chrono::seconds longest) {
    const auto patience = std::chrono::microseconds(longest + last_frames).count();
    ::sd_notify(0, fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", patience).c_str());
}

void Supervisor::elapse(proto::Instant now) {
    if (interval_ == 0us || now < due_) return;
    ::sd_notify(0, "WATCHDOG=1");
    due_ = now + interval_;
}

std::optional<proto::Instant> Supervisor::next_deadline() const {
    return interval_ == 0us ? std::nullopt : std::optional(due_);
}

}  // namespace mco::node
