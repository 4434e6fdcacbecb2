#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "client/command.hpp"
#include "client/dialled_links.hpp"
#include "proto/schema_library.hpp"
#include "security/process.hpp"

namespace {

mco::client::Environment environment() {
    mco::client::Environment variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const char* equals = std::strchr(*entry, '=');
        if (equals != nullptr)
            variables.emplace(std::string(*entry, static_cast<std::size_t>(equals - *entry)), equals + 1);
    }
    return variables;
}

mco::client::Terminal terminal() {
    mco::client::Terminal terminal;
    terminal.tty = ::isatty(STDOUT_FILENO) == 1;
    winsize size{};
    if (terminal.tty && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        terminal.columns = size.ws_col;
    return terminal;
}

mco::proto::Now clocks() {
    const auto read = [](clockid_t clock) {
        timespec time{};
        ::clock_gettime(clock, &time);
        return std::chrono::duration_cast<mco::proto::Duration>(std::chrono::seconds(time.tv_sec) +
                                                                std::chrono::nanoseconds(time.tv_nsec));
    };
    return {mco::proto::Instant(read(CLOCK_MONOTONIC)), mco::proto::WallTime(read(CLOCK_REALTIME))};
}

// A closed standard descriptor would be given to the next socket, and results or errors would be written into that. In its
// place stands something that refuses them, so that the loss is noticed.
void occupy_standard_descriptors() {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
        if (::fcntl(descriptor, F_GETFD) == -1 && ::open("/dev/null", O_RDONLY) != descriptor) std::abort();
    }
}

std::string become(const mco::client::Launch& launch) {
    std::vector<std::string> settings;
    for (const auto& [name, value] : launch.environment) settings.push_back(name + "=" + value);
    const auto pointers = [](const std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
        all.push_back(nullptr);
        return all;
    };
    ::execve(launch.argv.front().c_str(), pointers(launch.argv).data(), pointers(settings).data());
    return std::strerror(errno);
}

// Sockets are left out: the shell of a remote login never ends them, and its words would be waited for.
bool is_piped(int descriptor) {
    struct stat status{};
    return ::fstat(descriptor, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

}  // namespace

int main(int argc, char** argv) {
    // A reader that went away ends us quietly, as with every filter, whatever the parent had set.
    ::signal(SIGPIPE, SIG_DFL);
    occupy_standard_descriptors();
    std::ios::sync_with_stdio(false);
    mco::client::World world{.out = std::cout,
                             .err = std::cerr,
                             .environment = environment(),
                             .terminal = terminal(),
                             .libdirs = {},
                             .now = clocks,
                             .open_links = mco::client::open_links,
                             .in = &std::cin,
                             .become = become,
                             .piped = is_piped(STDIN_FILENO)};
    if (auto installed = mco::proto::default_libdir(); !installed.empty())
        world.libdirs.push_back(std::move(installed));
    mco::security::protect_process();
    const int status = mco::client::run_program(world, std::vector<std::string>(argv, argv + argc));
    std::cout.flush();
    if (!std::cout) {
        std::cerr << "mco: the results could not be written to standard output\n";
        return 1;
    }
    return status;
}
