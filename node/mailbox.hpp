#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

namespace mco::node {

// How other threads hand things to the reactor. put() from any thread; descriptor() becomes readable; the reactor takes
// everything at once. Bounded by its users: a worker puts one thing per job, and jobs are bounded by the pool.
template <typename T>
class Mailbox {
 public:
    Mailbox() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (descriptor_ < 0) std::abort();  // no descriptors left at start: nothing could work
    }
    ~Mailbox() { ::close(descriptor_); }
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    void put(T thing) {
        {
            const std::lock_guard lock(mutex_);
            things_.push_back(std::move(thing));
        }
        const std::uint64_t one = 1;
        while (::write(descriptor_, &one, sizeof one) < 0 && errno == EINTR) {}
    }
    std::vector<T> take() {
        std::uint64_t count = 0;
        while (::read(descriptor_, &count, sizeof count) < 0 && errno == EINTR) {}
        const std::lock_guard lock(mutex_);
        return std::exchange(things_, {});
    }
    int descriptor() const { return descriptor_; }

 private:
    int descriptor_;
    std::mutex mutex_;
    std::vector<T> things_;
};

}  // namespace mco::node
