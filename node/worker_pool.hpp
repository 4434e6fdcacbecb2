#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace mco::node {

// Threads for what may block. They start when first needed, so an idle daemon has none; a job that does not end keeps its
// thread, and nothing else. post() and stop() from one thread, the owner's.
class WorkerPool {
 public:
    using Job = std::function<void()>;  // must not throw

    WorkerPool(std::size_t workers_max, std::size_t queue_max) : workers_max_(workers_max), queue_max_(queue_max) {}
    ~WorkerPool();  // stop(), then waits for the jobs in hand
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    enum class Posted { accepted, full, stopped };
    Posted post(Job job);
    void stop();  // forgets queued jobs and takes no more; does not wait

    std::size_t threads() const { return workers_.size(); }
    std::size_t busy() const;  // jobs in hand

 private:
    bool hire();  // one more thread, if the machine has one
    void work(std::stop_token stop);

    const std::size_t workers_max_, queue_max_;
    mutable std::mutex mutex_;
    std::condition_variable_any wanted_;
    std::deque<Job> queue_;
    std::size_t busy_ = 0;
    bool stopped_ = false;
    std::vector<std::jthread> workers_;  // last: they end before what they use
};

}  // namespace mco::node
