#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "node/child_process.hpp"
#include "node/agents/programs.hpp"
#include "proto/error.hpp"

namespace mco::node {

// Commands that were started and left running, each in a folder of its own: they live on when the daemon ends, and a later
// daemon finds them there. Worker threads, several at once; nothing is kept in memory.
//
//     STATE_DIRECTORY/HANDLE/  command  pid  stdout  stderr  exitcode (once it has ended)
class ShellJobs {
 public:
    static constexpr std::size_t jobs_max = 256;            // kept; above, the ended one that began first is forgotten
    static constexpr std::size_t chunk_max = 120 * 1024;    // octets of one output in one answer; binary ones grow threefold

    explicit ShellJobs(std::filesystem::path folder) : folder_(std::move(folder)) {}

    enum class State : std::uint8_t { starting, running, stopped, failed };  // failed: gone without leaving an exit code
    struct Job {
        std::string handle, command;
        State state = State::starting;
        std::optional<int> exitcode;
    };
    struct Chunk {
        std::string text;
        std::int64_t next = 0;  // the offset behind it
    };

    // The new job's handle. Errors: overloaded (too many that still run), denied, internal.
    proto::Result<std::string> start(const Programs& programs, const std::string& command,
                                     const std::optional<ChildProcess::User>& user, std::stop_token stop) const;
    std::vector<Job> list() const;
    proto::Result<Job> find(const std::string& handle) const;  // not_found
    Chunk output(const Job& job, const char* stream, std::int64_t offset) const;
    proto::Result<void> kill(const Job& job) const;  // TERM to it and what it started

 private:
    proto::Result<void> make_room() const;
    std::optional<pid_t> alive(const std::string& handle) const;
    std::filesystem::path folder_;
};

std::string_view word(ShellJobs::State state);

}  // namespace mco::node
