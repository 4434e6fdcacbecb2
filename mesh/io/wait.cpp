#include <zmq.h>

#include <algorithm>
#include <ctime>

#include "mesh/io/dial_link.hpp"
#include "mesh/io/poll_timeout.hpp"

namespace mco::mesh::io {

namespace {

proto::Duration read_clock(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::duration_cast<proto::Duration>(std::chrono::seconds(time.tv_sec) +
                                                       std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

proto::Now sample_clocks() {
    return {proto::Instant(read_clock(CLOCK_MONOTONIC)), proto::WallTime(read_clock(CLOCK_REALTIME))};
}

long poll_timeout(proto::Instant now, std::optional<proto::Instant> deadline, std::chrono::milliseconds longest) {
    const bool limited = longest.count() >= 0;
    if (!deadline) return limited ? static_cast<long>(longest.count()) : -1;
    if (*deadline <= now) return 0;
    // Upwards: a wait that ends a little early would be repeated at once, many times.
    const auto until = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now);
    return static_cast<long>((limited ? std::min(until, longest) : until).count());
}

proto::Now wait(std::span<DialLink* const> links, std::span<const int> descriptors, std::chrono::milliseconds longest) {
    std::vector<zmq_pollitem_t> items;
    std::optional<proto::Instant> deadline;
    std::vector<void*> handles;
    for (const auto* link : links) {
        link->append_handles(handles);
        const auto next = link->next_deadline();
        if (next && (!deadline || *next < *deadline)) deadline = next;
    }
    for (void* handle : handles) items.push_back({handle, 0, ZMQ_POLLIN, 0});
    for (const int descriptor : descriptors) items.push_back({nullptr, descriptor, ZMQ_POLLIN, 0});
    // An interrupted wait is a wait that ended early.
    zmq_poll(items.data(), static_cast<int>(items.size()), poll_timeout(sample_clocks().mono, deadline, longest));
    return sample_clocks();
}

}  // namespace mco::mesh::io
