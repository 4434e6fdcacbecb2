#pragma once

#include <sys/types.h>

#include <cstddef>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "bench/floor.hpp"

namespace mco::bench {

// The agents of a floor: one thread, or a process each. Made before the hub has a libzmq context, because processes are forked then;
// they begin when they are told where the hub is, and end with the crew.
class Crew {
 public:
    // `work` is run by the thread or each process, for so many agents, until it is to stop; processes are killed instead.
    using Work = void (*)(const std::string& hub, std::size_t agents, const FloorShape& shape, const std::stop_token& stop);
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
