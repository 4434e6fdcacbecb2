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

// Another program, run to its end in a session and process group of its own with nothing inherited: no descriptor, no
// environment but the one given, no signal mask or ignored signal, umask 022. Never a shell.
struct ChildProcess {
    std::vector<std::string> argv;  // argv[0]: a path, or a name looked up in the PATH of `environment`
    std::map<std::string, std::string> environment;
    std::string folder = "/";  // where it starts
    std::string input = {};    // its stdin; empty: /dev/null
    struct User {
        uid_t uid = 0;
        gid_t gid = 0;  // supplementary groups are dropped
    };
    std::optional<User> run_as = {};      // only root may say so
    std::size_t output_max = 1'048'576;   // octets kept of each stream; more is read and dropped, so that nobody blocks
    proto::Duration timeout{};            // to be set; then TERM to the group, and KILL after `grace`
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

// How it ended, for a person: "exited with status 3", "was killed by signal 9 (KILL)", "did not end within 5 s and was killed".
std::string describe(const ChildProcess& child, const ProcessEnd& end);

// Blocks until the child has ended, so call it from a worker thread. `stop` ends it as a timeout does: then nothing of its
// group lives on. What a child leaves behind when it ends by itself is not killed, as it may be a service it was to start;
// if such a one holds the output open, what it prints is waited for 200 ms at most.
// Errors: not_found (no such program or folder), denied (not executable, or run_as without the right), overloaded (no
// process or descriptor to be had), invalid (no argv, or a text with a NUL inside).
proto::Result<ProcessEnd> run_process(const ChildProcess& child, std::stop_token stop);

}  // namespace mco::node
