#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mco::test {

struct Finished {
    int status = -1;  // exit status, or 128 + signal
    std::string out, err;
    std::chrono::microseconds took{0};
};

struct Launch {
    std::vector<std::string> argv;  // argv[0] is a path, or found in PATH
    std::map<std::string, std::string> environment =
        {};                  // added to a small clean one (PATH, HOME=/nonexistent, LANG=C.UTF-8)
    std::string input = {};  // standard input; then closed
    std::filesystem::path directory = {};
};

// Runs a program to its end and collects both outputs. A run past the limit is killed and aborts the test program with
// the command and what it had printed.
Finished run(const Launch& launch, std::chrono::seconds limit = std::chrono::seconds(60));

// A child that lives on: killed by pid (SIGKILL) and reaped when the object goes. Standard output and error go to `log`.
// With `ready`, file descriptor 3 of the child is a pipe, and wait_ready() returns the line written to it.
class Process {
 public:
    enum class Ready { none, on_descriptor_3 };
    Process(const Launch& launch, std::filesystem::path log, Ready ready = Ready::none);
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    ~Process();

    // Empty: the child closed the descriptor or ended first (see the log), or the limit passed.
    std::optional<std::string> wait_ready(std::chrono::seconds limit = std::chrono::seconds(30));
    pid_t pid() const { return pid_; }
    bool signal(int number) const;
    // Waits for the end; the exit status, or 128 + signal. Empty: still running at the limit.
    std::optional<int> wait(std::chrono::seconds limit = std::chrono::seconds(30));
    void kill();  // SIGKILL and reap
    std::string log_text() const;

 private:
    pid_t pid_ = -1;
    int ready_ = -1;
    std::filesystem::path log_;
};

// Where the programs of this build are: the directory of the test's own executable.
std::filesystem::path program(std::string_view name);

}  // namespace mco::test
