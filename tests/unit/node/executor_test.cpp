#include "node/executor.hpp"

#include <poll.h>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <utility>

#include <doctest/doctest.h>

#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using test::ask;
using test::at;

struct Shop : test::House {
    security::ReplayWindow replay;
    Counters counters;
    Admission admission{trust, replay, counters};

    std::shared_ptr<const AdmittedCall> call(std::chrono::milliseconds ttl = 60s, proto::Now now = at(0s)) {
        auto asked = ask(alice, "probe", "look");
        asked.route.ttl_ms = static_cast<std::uint32_t>(ttl.count());
        auto decision = admission.decide(now, asked.route.request, asked.sealed(alice), {view, registry, policy});
        REQUIRE(std::holds_alternative<AdmittedCall>(decision));
        return std::make_shared<const AdmittedCall>(std::get<AdmittedCall>(std::move(decision)));
    }
};

// Blocks until the executor has something to collect; a run that hangs is ended by the test's time limit.
std::vector<Executor::Finished> wait_for(Executor& executor, proto::Now now) {
    pollfd ready{executor.descriptor(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, -1) == 1);
    return executor.collect(now);
}

TEST_CASE("what is over at once is run where it is asked for, without a worker; nothing else is") {
    Shop shop;
    const auto now = at(0s);
    CHECK_FALSE(Executor::run(shop.call(), now).has_value());
    shop.probe.quick = true;
    shop.probe.work = [](const Call& call, std::stop_token) {
        return ActionReply{.status = proto::StatusCode::ok, .message = "OK", .data = {{"who", call.caller}}};
    };
    const auto finished = Executor::run(shop.call(), now);
    REQUIRE(finished.has_value());
    CHECK(finished->end == Executor::End::done);
    CHECK(finished->reply.data == proto::Value::Map{{"seen", "nothing"}, {"who", "cert=alice"}});
}

TEST_CASE("an action's answer comes back with the defaults of its DDL and the time it took") {
    Shop shop;
    shop.probe.work = [](const Call& call, std::stop_token) {
        return ActionReply{.status = proto::StatusCode::ok, .message = "OK", .data = {{"who", call.caller}}};
    };
    Executor executor({});
    CHECK_FALSE(executor.next_deadline().has_value());
    REQUIRE(executor.start(shop.call()) == WorkerPool::Posted::accepted);
    CHECK(executor.unfinished() == 1);
    const auto finished = wait_for(executor, at(2s));
    REQUIRE(finished.size() == 1);
    CHECK(finished[0].end == Executor::End::done);
    CHECK(finished[0].reply.data == proto::Value::Map{{"seen", "nothing"}, {"who", "cert=alice"}});
    CHECK(finished[0].took == 2s);
    CHECK(executor.unfinished() == 0);
    CHECK_FALSE(executor.next_deadline().has_value());
}

TEST_CASE("executors that share their workers get their own answers; one that is stopped leaves the others theirs") {
    Shop shop;
    shop.probe.work = [](const Call& call, std::stop_token) { return ActionReply{.message = call.caller, .data = {}}; };
    std::optional<WorkerPool> pool(std::in_place, 1, 8);
    Executor one(*pool), two(*pool);
    REQUIRE(one.start(shop.call()) == WorkerPool::Posted::accepted);
    REQUIRE(wait_for(one, at(1s)).size() == 1);
    one.stop();
    REQUIRE(two.start(shop.call()) == WorkerPool::Posted::accepted);
    CHECK(wait_for(two, at(1s)).size() == 1);
    CHECK(one.collect(at(1s)).empty());
    CHECK(pool->threads() == 1);
    pool.reset();
}

TEST_CASE("a stuck action is answered for when the timeout of its DDL has passed, and its late answer is dropped") {
    Shop shop;
    std::latch started(1), let_go(1);
    std::atomic<bool> asked_to_stop = false;
    shop.probe.work = [&](const Call&, std::stop_token stop) {
        started.count_down();
        let_go.wait();
        asked_to_stop = stop.stop_requested();
        return ActionReply{};
    };
    Executor executor({.workers_max = 1, .queue_max = 4});
    REQUIRE(executor.start(shop.call()) == WorkerPool::Posted::accepted);
    started.wait();
    CHECK(executor.next_deadline() == at(10s).mono);
    CHECK(executor.elapse(at(10s - 1us)).empty());
    const auto finished = executor.elapse(at(10s));
    REQUIRE(finished.size() == 1);
    CHECK(finished[0].end == Executor::End::timed_out);
    CHECK(finished[0].reply.message.starts_with("timed out"));
    CHECK(finished[0].reply.status == proto::StatusCode::aborted);
    CHECK(finished[0].reply.data == proto::Value::Map{{"seen", "nothing"}});
    CHECK(executor.elapse(at(20s)).empty());
    CHECK(executor.busy() == 1);
    let_go.count_down();
    CHECK(wait_for(executor, at(21s)).empty());
    CHECK(asked_to_stop);
}

TEST_CASE("a call whose life ends while it waits for a worker is never started") {
    Shop shop;
    std::latch started(1), let_go(1);
    std::atomic<int> runs = 0;
    shop.probe.work = [&](const Call&, std::stop_token) {
        if (runs++ == 0) {
            started.count_down();
            let_go.wait();
        }
        return ActionReply{};
    };
    Executor executor({.workers_max = 1, .queue_max = 4});
    REQUIRE(executor.start(shop.call()) == WorkerPool::Posted::accepted);
    started.wait();
    // Made 60 s ago with a life of 1 s: by clocks that may be a minute apart it lives for one second more.
    REQUIRE(executor.start(shop.call(1s, at(60s))) == WorkerPool::Posted::accepted);
    CHECK(executor.next_deadline() == at(10s).mono);
    auto finished = executor.elapse(at(10s));  // the first is out of time
    REQUIRE(finished.size() == 1);
    CHECK(executor.next_deadline() == at(61s).mono);
    CHECK(executor.elapse(at(61s - 1us)).empty());
    finished = executor.elapse(at(61s));
    REQUIRE(finished.size() == 1);
    CHECK(finished[0].end == Executor::End::too_late);
    CHECK(finished[0].reply.status == proto::StatusCode::other);
    let_go.count_down();
    CHECK(wait_for(executor, at(62s)).empty());

    // The pool works on in order: once a third call was run, the second was passed over.
    REQUIRE(executor.start(shop.call(60s, at(62s))) == WorkerPool::Posted::accepted);
    CHECK(wait_for(executor, at(62s)).size() == 1);
    CHECK(runs == 2);
}

TEST_CASE("a waiting call can be withdrawn, a running one cannot") {
    Shop shop;
    std::latch started(1), let_go(1);
    std::atomic<int> runs = 0;
    shop.probe.work = [&](const Call&, std::stop_token) {
        if (runs++ == 0) {
            started.count_down();
            let_go.wait();
        }
        return ActionReply{};
    };
    Executor executor({.workers_max = 1, .queue_max = 4});
    const auto first = shop.call(), second = shop.call();
    REQUIRE(executor.start(first) == WorkerPool::Posted::accepted);
    started.wait();
    REQUIRE(executor.start(second) == WorkerPool::Posted::accepted);
    CHECK_FALSE(executor.withdraw(at(1s), first->subject().request).has_value());
    const auto withdrawn = executor.withdraw(at(1s), second->subject().request);
    REQUIRE(withdrawn.has_value());
    CHECK(withdrawn->end == Executor::End::withdrawn);
    CHECK_FALSE(executor.withdraw(at(1s), second->subject().request).has_value());
    let_go.count_down();
    CHECK(wait_for(executor, at(2s)).size() == 1);
    CHECK(executor.unfinished() == 0);
}

TEST_CASE("a full queue takes nothing more, and what was taken is run") {
    Shop shop;
    std::latch started(1), let_go(1);
    shop.probe.work = [&](const Call&, std::stop_token) {
        if (!started.try_wait()) started.count_down();
        let_go.wait();
        return ActionReply{};
    };
    Executor executor({.workers_max = 1, .queue_max = 1});
    REQUIRE(executor.start(shop.call()) == WorkerPool::Posted::accepted);
    started.wait();
    CHECK(executor.start(shop.call()) == WorkerPool::Posted::accepted);
    CHECK(executor.start(shop.call()) == WorkerPool::Posted::full);
    CHECK(executor.unfinished() == 2);
    let_go.count_down();
    std::size_t finished = 0;
    while (finished < 2) finished += wait_for(executor, at(1s)).size();
    CHECK(executor.unfinished() == 0);
}

TEST_CASE("stopping asks running actions to end and takes no more") {
    Shop shop;
    std::latch started(1);
    shop.probe.work = [&](const Call&, std::stop_token stop) {
        std::latch stopped(1);
        const std::stop_callback on_stop(stop, [&] { stopped.count_down(); });
        started.count_down();
        stopped.wait();
        return ActionReply{.status = proto::StatusCode::aborted, .message = "stopped", .data = {}};
    };
    Executor executor({});
    REQUIRE(executor.start(shop.call()) == WorkerPool::Posted::accepted);
    started.wait();
    executor.stop();
    CHECK(executor.start(shop.call()) == WorkerPool::Posted::stopped);
    const auto finished = wait_for(executor, at(1s));
    REQUIRE(finished.size() == 1);
    CHECK(finished[0].reply.message == "stopped");
}

}  // namespace
}  // namespace mco::node
