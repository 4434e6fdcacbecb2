#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <sys/types.h>

#include "proto/error.hpp"
#include "proto/time.hpp"

namespace mco::node {

// Another program, run to its end in a process group of its own with nothing inherited: no descriptor, no environment but
// the one given, no signal mask. Never a shell.
struct ChildProcess {
    std::vector<std::string> argv;  // argv[0]: an absolute path, or a name looked up in the PATH of `environment`
    std::map<std::string, std::string> environment;
    std::string folder = "/";  // where it starts
    std::string input;         // its stdin; empty: /dev/null
    struct User {
        uid_t uid = 0;
        gid_t gid = 0;  // supplementary groups are dropped
    };
    std::optional<User> run_as;           // only root may say so
    std::size_t output_max = 1'048'576;   // octets kept of each stream; more is read and dropped, so that nobody blocks
    proto::Duration timeout{};            // then TERM to the group, and KILL after `grace`
    proto::Duration grace = std::chrono::seconds(2);
};

struct ProcessEnd {
    enum class Why : std::uint8_t { exited, signalled, timed_out, stopped };
    Why why = Why::exited;
    int code = 0;  // exit status, or the number of the signal
    std::string out, err;
    bool out_truncated = false, err_truncated = false;
    bool ok() const { return why == Why::exited && code == 0; }
};

// Blocks until the child has ended and its group is gone, so call it from a worker thread. `stop` ends it as a timeout does.
// Descendants that hold its output open are not waited for beyond `grace`. Errors: not_found (no such program), denied
// (not executable, or run_as without the right), overloaded (no process or descriptor to be had).
proto::Result<ProcessEnd> run_process(const ChildProcess& child, std::stop_token stop);

}  // namespace mco::node
