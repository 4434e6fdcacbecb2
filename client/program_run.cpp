#include "client/program_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

class Descriptor {
 public:
    explicit Descriptor(int number = -1) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() { close(); }
    void close() {
        if (number_ >= 0) ::close(std::exchange(number_, -1));
    }
    int number() const { return number_; }

 private:
    int number_;
};

std::string reason() { return std::generic_category().message(errno); }

// A file in memory: nobody has to write while the program reads, and nobody is killed when it does not.
Result<Descriptor> file_with(std::string_view text) {
    Descriptor file(::memfd_create("input", MFD_CLOEXEC));
    while (file.number() >= 0 && !text.empty()) {
        const auto written = ::write(file.number(), text.data(), text.size());
        if (written < 0) break;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (file.number() < 0 || !text.empty() || ::lseek(file.number(), 0, SEEK_SET) != 0)
        return fail(Errc::internal, "its input cannot be written: " + reason());
    return file;
}

Result<pid_t> start(const std::vector<std::string>& argv, int input, int output) {
    std::vector<char*> words;
    for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t child = 0;
    const int error = ::posix_spawn(&child, words[0], &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return fail(Errc::not_found, "cannot be started: " + std::generic_category().message(error));
    return child;
}

// Until the program closes its output.
Result<std::string> read_output(int output, const ProgramRun& run) {
    const auto deadline = run.now().mono + run.patience;
    std::string text;
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - run.now().mono).count();
        pollfd ready{output, POLLIN, 0};
        const int polled = left <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (left <= 0)
            return fail(Errc::expired,
                        fmt::format("did not end within {} s\nGive it longer with --dt SECONDS.",
                                    std::chrono::duration_cast<std::chrono::seconds>(run.patience).count()));
        if (polled <= 0) continue;
        char portion[64 * 1024];
        const auto count = ::read(output, portion, sizeof portion);
        if (count == 0) return text;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(Errc::internal, "its output cannot be read: " + reason());
        text.append(portion, static_cast<std::size_t>(count));
        if (text.size() > run.output_max)
            return fail(Errc::invalid, fmt::format("printed more than {} octets", run.output_max));
    }
}

}  // namespace

Result<std::string> output_of(const ProgramRun& run) {
    const auto& name = run.argv.front();
    const auto failed = [&](const proto::Error& error) { return fail(error.code, name + " " + error.detail); };
    auto input = file_with(run.input);
    if (!input) return failed(input.error());
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed({Errc::internal, "cannot be started: " + reason()});
    const Descriptor read_end(ends[0]);
    Descriptor write_end(ends[1]);
    const auto child = start(run.argv, input->number(), write_end.number());
    if (!child) return failed(child.error());
    write_end.close();
    auto text = read_output(read_end.number(), run);
    if (!text) ::kill(*child, SIGKILL);
    int status = 0;
    while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!text) return failed(text.error());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
    return failed({Errc::invalid, WIFEXITED(status) ? fmt::format("ended with status {}", WEXITSTATUS(status))
                                                    : fmt::format("was ended by signal {}", WTERMSIG(status))});
}

}  // namespace mco::client
