#include "mesh/core/deadline_queue.hpp"

#include <doctest/doctest.h>

#include "tests/unit/mesh/rig.hpp"

namespace {

using mco::mesh::DeadlineQueue;
using mco::proto::Instant;
using namespace std::chrono_literals;

TEST_CASE("nothing waits in an empty queue") {
    DeadlineQueue<int> queue;
    CHECK(!queue.next());
    CHECK(!queue.take_due(Instant::max()));
    queue.cancel(1);
    CHECK(queue.size() == 0);
}

TEST_CASE("a deadline is due at its instant, and not before") {
    DeadlineQueue<int> queue;
    queue.set(1, Instant(5ms));
    CHECK(!queue.take_due(Instant(5ms) - 1us));
    CHECK(queue.take_due(Instant(5ms)) == 1);
    CHECK(!queue.take_due(Instant(6ms)));
}

TEST_CASE("the earliest comes first, and equal ones in the order in which they were set") {
    DeadlineQueue<int> queue;
    queue.set(9, Instant(2ms));
    queue.set(3, Instant(2ms));
    queue.set(7, Instant(1ms));
    CHECK(queue.next() == Instant(1ms));
    CHECK(queue.take_due(Instant(9ms)) == 7);
    CHECK(queue.take_due(Instant(9ms)) == 9);
    CHECK(queue.take_due(Instant(9ms)) == 3);
}

TEST_CASE("setting again replaces, cancelling removes") {
    DeadlineQueue<int> queue;
    queue.set(1, Instant(1ms));
    queue.set(1, Instant(8ms));
    CHECK(queue.size() == 1);
    CHECK(queue.next() == Instant(8ms));
    CHECK(queue.contains(1));
    queue.cancel(1);
    CHECK(!queue.contains(1));
    CHECK(!queue.next());
}

}  // namespace
