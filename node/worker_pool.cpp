#include "node/worker_pool.hpp"

#include <pthread.h>

#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace mco::node {

WorkerPool::~WorkerPool() { stop(); }

WorkerPool::Posted WorkerPool::post(Job job) {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return Posted::stopped;
        if (queue_.size() >= queue_max_) return Posted::full;
        queue_.push_back(std::move(job));
        // Another thread only if the ones there are would not come to it at once.
        if (busy_ + queue_.size() > workers_.size() && workers_.size() < workers_max_ && !hire() && workers_.empty()) {
            queue_.pop_back();
            return Posted::full;
        }
    }
    wanted_.notify_one();
    return Posted::accepted;
}

bool WorkerPool::hire() {
    try {
        workers_.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
    } catch (const std::system_error&) {  // the machine has no thread to give: those there are must do
        return false;
    }
    ::pthread_setname_np(workers_.back().native_handle(), fmt::format("worker/{}", workers_.size()).c_str());
    return true;
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        queue_.clear();
    }
    for (auto& worker : workers_) worker.request_stop();
}

std::size_t WorkerPool::busy() const {
    const std::lock_guard lock(mutex_);
    return busy_;
}

void WorkerPool::work(std::stop_token stop) {
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            if (!wanted_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
            job = std::move(queue_.front());
            queue_.pop_front();
            ++busy_;
        }
        job();
        job = nullptr;  // what it holds goes before it counts as done
        const std::lock_guard lock(mutex_);
        --busy_;
    }
}

}  // namespace mco::node
