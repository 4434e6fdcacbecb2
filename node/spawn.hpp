#pragma once

#include <sys/types.h>

#include "node/child_process.hpp"
#include "node/descriptor.hpp"
#include "proto/error.hpp"

namespace mco::node {

// What a child has for stdin, stdout and stderr. They stay the caller's.
struct Streams {
    int in = -1, out = -1, err = -1;
};

// A process that was started and not yet reaped: until reap(), its number and its group are nobody else's. Whoever drops
// one that is not reaped kills its group and waits.
class Spawned {
 public:
    Spawned(pid_t pid, Descriptor ended) : pid_(pid), ended_(std::move(ended)) {}
    Spawned(Spawned&& other) noexcept : pid_(std::exchange(other.pid_, -1)), ended_(std::move(other.ended_)) {}
    Spawned& operator=(Spawned&&) = delete;
    ~Spawned();

    pid_t pid() const { return pid_; }
    int descriptor() const { return ended_.get(); }  // readable once it has ended
    void signal_group(int number) const;
    int reap();  // waits for the end; the raw status of wait(2). Once only.

 private:
    pid_t pid_;
    Descriptor ended_;
};

// Starts `child` (its argv, environment, folder and user; the rest is for whoever waits) and returns when the program
// runs or could not be run. Any thread. Errors as run_process().
proto::Result<Spawned> spawn(const ChildProcess& child, const Streams& streams);

// Both ends close on exec. overloaded: no descriptor to be had.
struct Pipe {
    Descriptor read_end, write_end;
};
proto::Result<Pipe> make_pipe();

}  // namespace mco::node
