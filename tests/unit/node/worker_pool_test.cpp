#include "node/worker_pool.hpp"

#include <latch>

#include <doctest/doctest.h>

namespace mco::node {
namespace {

TEST_CASE("threads start when they are needed, and not before") {
    std::latch done(1);
    WorkerPool pool(2, 8);
    CHECK(pool.threads() == 0);
    CHECK(pool.post([&] { done.count_down(); }) == WorkerPool::Posted::accepted);
    done.wait();
    CHECK(pool.threads() == 1);
}

TEST_CASE("as many jobs run at once as there may be threads, and the others wait") {
    std::latch both(2), let_go(1), third(1);
    WorkerPool pool(2, 8);
    for (int i = 0; i < 2; ++i) {
        CHECK(pool.post([&] {
            both.count_down();
            let_go.wait();
        }) == WorkerPool::Posted::accepted);
    }
    both.wait();  // would hang with one thread
    CHECK(pool.post([&] { third.count_down(); }) == WorkerPool::Posted::accepted);
    CHECK(pool.threads() == 2);
    CHECK(pool.busy() == 2);
    CHECK_FALSE(third.try_wait());
    let_go.count_down();
    third.wait();
    CHECK(pool.threads() == 2);
}

TEST_CASE("the queue takes what it may hold and not one more") {
    std::latch started(1), let_go(1);
    WorkerPool pool(1, 2);
    CHECK(pool.post([&] {
        started.count_down();
        let_go.wait();
    }) == WorkerPool::Posted::accepted);
    started.wait();
    CHECK(pool.post([] {}) == WorkerPool::Posted::accepted);
    CHECK(pool.post([] {}) == WorkerPool::Posted::accepted);
    CHECK(pool.post([] {}) == WorkerPool::Posted::full);
    let_go.count_down();
}

TEST_CASE("a stopped pool forgets what waits and finishes what runs") {
    bool finished = false, forgotten = true;
    {
        std::latch started(1), let_go(1);
        WorkerPool pool(1, 2);
        pool.post([&] {
            started.count_down();
            let_go.wait();
            finished = true;
        });
        started.wait();
        pool.post([&] { forgotten = false; });
        pool.stop();
        CHECK(pool.post([] {}) == WorkerPool::Posted::stopped);
        let_go.count_down();
    }  // waits for the job in hand
    CHECK(finished);
    CHECK(forgotten);
}

}  // namespace
}  // namespace mco::node
