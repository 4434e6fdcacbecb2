#include "tests/support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace mco::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "tests/support/process: %s\n", what.c_str());
    std::abort();
}

struct Pipe {
    int read_end = -1, write_end = -1;
    Pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) die(fmt::format("pipe: {}", std::strerror(errno)));
        read_end = ends[0];
        write_end = ends[1];
    }
};

struct Descriptors {
    int in, out, err, ready = -1;
};

// Everything the child needs is made before fork, so that between fork and exec only safe calls remain.
pid_t spawn(const Launch& launch, Descriptors descriptors) {
    std::map<std::string, std::string> environment{
        {"PATH", std::getenv("PATH") == nullptr ? "/usr/bin:/bin" : std::getenv("PATH")},
        {"HOME", "/nonexistent"},
        {"LANG", "C.UTF-8"}};
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name)) environment[name] = value;
    }
    for (const auto& [name, value] : launch.environment) environment[name] = value;
    std::vector<std::string> settings;
    for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
    std::vector<char*> envp, argv;
    for (auto& setting : settings) envp.push_back(setting.data());
    envp.push_back(nullptr);
    for (const auto& word : launch.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);

    const pid_t pid = fork();
    if (pid < 0) die(fmt::format("fork: {}", std::strerror(errno)));
    if (pid == 0) {
        dup2(descriptors.in, 0);
        dup2(descriptors.out, 1);
        dup2(descriptors.err, 2);
        if (descriptors.ready == 3) fcntl(3, F_SETFD, 0);
        if (descriptors.ready > 3) dup2(descriptors.ready, 3);
        syscall(SYS_close_range, descriptors.ready >= 0 ? 4U : 3U, ~0U, 0U);
        if (!launch.directory.empty() && chdir(launch.directory.c_str()) != 0) _exit(126);
        execvpe(argv[0], argv.data(), envp.data());
        _exit(127);
    }
    return pid;
}

int status_of(int raw) { return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw); }

int milliseconds_left(Clock::time_point end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    return left < 0 ? 0 : static_cast<int>(left);
}

// A pidfd is readable when the process has ended: waiting without sleeping.
bool ended_before(pid_t pid, Clock::time_point end) {
    const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (descriptor < 0) die(fmt::format("pidfd_open: {}", std::strerror(errno)));
    pollfd waiting{descriptor, POLLIN, 0};
    int answer = -1;
    do { answer = poll(&waiting, 1, milliseconds_left(end)); } while (answer < 0 && errno == EINTR);
    close(descriptor);
    return answer > 0;
}

}  // namespace

Finished run(const Launch& launch, std::chrono::seconds limit) {
    const auto begin = Clock::now();
    const auto end = begin + limit;
    Pipe in, out, err;
    const pid_t pid = spawn(launch, {in.read_end, out.write_end, err.write_end});
    close(in.read_end);
    close(out.write_end);
    close(err.write_end);
    // Inputs of tests are small: they fit the pipe, so writing first cannot block.
    if (!launch.input.empty() && write(in.write_end, launch.input.data(), launch.input.size()) < 0 && errno != EPIPE)
        die(fmt::format("write: {}", std::strerror(errno)));
    close(in.write_end);

    Finished finished;
    std::array<pollfd, 2> sources{pollfd{out.read_end, POLLIN, 0}, pollfd{err.read_end, POLLIN, 0}};
    std::array<std::string*, 2> texts{&finished.out, &finished.err};
    std::size_t open = 2;
    while (open > 0) {
        const int ready = poll(sources.data(), sources.size(), milliseconds_left(end));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) {
            ::kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
            std::string command;
            for (const auto& word : launch.argv) command += word + " ";
            die(fmt::format("{}: still running after {} s\nstdout: {}\nstderr: {}", command, limit.count(),
                            finished.out, finished.err));
        }
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (sources[i].fd < 0 || sources[i].revents == 0) continue;
            std::array<char, 65536> buffer;
            const ssize_t got = read(sources[i].fd, buffer.data(), buffer.size());
            if (got > 0) {
                texts[i]->append(buffer.data(), static_cast<std::size_t>(got));
            } else {
                close(sources[i].fd);
                sources[i].fd = -1;
                --open;
            }
        }
    }
    int raw = 0;
    waitpid(pid, &raw, 0);
    finished.status = status_of(raw);
    finished.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
    return finished;
}

Process::Process(const Launch& launch, std::filesystem::path log, Ready ready) : log_(std::move(log)) {
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int sink = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (nothing < 0 || sink < 0) die(fmt::format("{}: {}", log_.string(), std::strerror(errno)));
    if (ready == Ready::on_descriptor_3) {
        Pipe told;
        pid_ = spawn(launch, {nothing, sink, sink, told.write_end});
        close(told.write_end);
        ready_ = told.read_end;
    } else {
        pid_ = spawn(launch, {nothing, sink, sink});
    }
    close(nothing);
    close(sink);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), ready_(std::exchange(other.ready_, -1)), log_(std::move(other.log_)) {}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = std::exchange(other.pid_, -1);
        ready_ = std::exchange(other.ready_, -1);
        log_ = std::move(other.log_);
    }
    return *this;
}

Process::~Process() { kill(); }

std::optional<std::string> Process::wait_ready(std::chrono::seconds limit) {
    const auto end = Clock::now() + limit;
    std::string line;
    while (ready_ >= 0) {
        pollfd source{ready_, POLLIN, 0};
        const int answer = poll(&source, 1, milliseconds_left(end));
        if (answer < 0 && errno == EINTR) continue;
        if (answer <= 0) return std::nullopt;
        std::array<char, 1024> buffer;
        const ssize_t got = read(ready_, buffer.data(), buffer.size());
        if (got <= 0) return std::nullopt;
        line.append(buffer.data(), static_cast<std::size_t>(got));
        if (const auto at = line.find('\n'); at != std::string::npos) return line.substr(0, at);
    }
    return std::nullopt;
}

bool Process::signal(int number) const { return pid_ > 0 && ::kill(pid_, number) == 0; }

std::optional<int> Process::wait(std::chrono::seconds limit) {
    if (pid_ <= 0 || !ended_before(pid_, Clock::now() + limit)) return std::nullopt;
    int raw = 0;
    waitpid(pid_, &raw, 0);
    pid_ = -1;
    return status_of(raw);
}

void Process::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    if (ready_ >= 0) close(std::exchange(ready_, -1));
}

std::string Process::log_text() const {
    std::ifstream stream(log_);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::filesystem::path program(std::string_view name) {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

}  // namespace mco::test
