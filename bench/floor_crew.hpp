#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "bench/floor.hpp"

namespace mco::bench {

// The agents of a floor: one thread, or a process each. Made before the hub has a libzmq context, because processes are forked then;
// they begin when they are told where the hub is, and the crew ends when all of them have: the hub dismisses them before.
class Crew {
 public:
    // `work` is run by each thread or process, for so many agents, until the hub dismisses them.
    using Work = void (*)(const std::string& hub, std::size_t agents, const FloorShape& shape);
    Crew(const FloorShape& shape, Work work);  // shape must outlive it
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    bool start(const std::string& hub);  // at most 500 octets; false: a process could not be told

 private:
    void fork_one();

    const FloorShape& shape_;
    Work work_;
    std::vector<int> pipes_;
    std::vector<pid_t> children_;
    std::jthread thread_;
};

}  // namespace mco::bench
