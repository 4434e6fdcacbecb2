#pragma once

#include <chrono>
#include <optional>

#include "proto/time.hpp"

namespace mco::node {

// The service manager that started this process, if one did and wants to be told (sd_notify: $NOTIFY_SOCKET,
// $WATCHDOG_USEC). Without one every word is spoken to nobody. The reactor's thread: only a loop that still turns may say
// that it does.
class Supervisor {
 public:
    explicit Supervisor(proto::Instant now);

    bool listens() const { return listens_; }                // whether somebody waits for ready()
    void ready();
    void stopping(std::chrono::seconds longest);             // how long what runs may take to end
    void elapse(proto::Instant now);                         // when next_deadline() has passed: says that we live
    std::optional<proto::Instant> next_deadline() const;     // none: nobody watches

 private:
    bool listens_ = false;
    std::chrono::microseconds interval_{0};  // half of what the watchdog allows; 0: there is none
    proto::Instant due_;
};

}  // namespace mco::node
