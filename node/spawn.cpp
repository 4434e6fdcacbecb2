#include "node/spawn.hpp"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace mco::node {
namespace {

// Where in the child a step failed; sent with errno through a pipe that exec closes.
enum class Step : std::uint8_t { streams, session, user, folder, exec };
struct Failure {
    Step step;
    int number;
};

// All the child needs between fork and exec, made before: the parent has threads, so any of its locks may be held.
struct Plan {
    const char* path;
    const char* folder;
    char* const* argv;
    char* const* envp;
    Streams streams;
    const ChildProcess::User* user;
    int failure;  // write end
};

constexpr int first_free = 4;  // 0 to 2 are the child's streams, 3 is the failure pipe

// Async-signal-safe calls only. The three set*id calls are the system's own: the library's would signal the threads of
// the parent, which are not there.
[[noreturn]] void become(const Plan& plan) {
    const auto give_up = [&](Step step, int number) {
        const Failure failure{step, number};
        [[maybe_unused]] const auto told = ::write(3, &failure, sizeof failure);
        ::_exit(127);
    };
    if (::dup3(plan.failure, 3, O_CLOEXEC) < 0) ::_exit(127);
    if (::dup2(plan.streams.in, 0) < 0 || ::dup2(plan.streams.out, 1) < 0 || ::dup2(plan.streams.err, 2) < 0 ||
        ::syscall(SYS_close_range, static_cast<unsigned>(first_free), ~0U, 0U) != 0)
        give_up(Step::streams, errno);
    if (::setsid() < 0) give_up(Step::session, errno);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
    ::umask(022);
    if (plan.user != nullptr) {
        const auto uid = plan.user->uid;
        const auto gid = plan.user->gid;
        if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, gid, gid, gid) != 0 ||
            ::syscall(SYS_setresuid, uid, uid, uid) != 0)
            give_up(Step::user, errno);
    }
    if (::chdir(plan.folder) != 0) give_up(Step::folder, errno);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(plan.path, plan.argv, plan.envp);
    give_up(Step::exec, errno);
    ::_exit(127);
}

proto::Errc kind(int number) {
    switch (number) {
        case ENOENT:
        case ENOTDIR:
        case ELOOP: return proto::Errc::not_found;
        case EAGAIN:
        case ENOMEM:
        case EMFILE:
        case ENFILE: return proto::Errc::overloaded;
        case E2BIG:
        case ENAMETOOLONG: return proto::Errc::invalid;
        default: return proto::Errc::denied;
    }
}

std::string reason(int number) { return std::generic_category().message(number); }

proto::Error explain(const ChildProcess& child, const std::string& path, Failure failure) {
    const auto why = reason(failure.number);
    std::string detail;
    switch (failure.step) {
        case Step::streams:
        case Step::session: detail = fmt::format("{}: cannot be started: {}", path, why); break;
        case Step::user:
            detail = fmt::format("{}: cannot run as user {}: {}\nOnly a daemon that runs as root can change the user.",
                                 path, child.run_as->uid, why);
            break;
        case Step::folder: detail = fmt::format("{}: cannot start in the folder {}: {}", path, child.folder, why); break;
        case Step::exec:
            // ENOENT for a file that is there: the interpreter of its first line is not.
            detail = failure.number == ENOENT && ::access(path.c_str(), F_OK) == 0
                         ? fmt::format("{}: the interpreter that its first line names does not exist", path)
                     : failure.number == ENOEXEC
                         ? fmt::format("{}: not a program of this machine\nA script begins with #! and its interpreter.",
                                       path)
                     : failure.number == E2BIG
                         ? fmt::format("{}: the arguments are more than this system takes ({})", path, why)
                         : fmt::format("{}: {}", path, why);
            break;
    }
    return {kind(failure.number), std::move(detail)};
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// What execvp does, but before the fork and in the child's own PATH.
proto::Result<std::string> find_program(const ChildProcess& child) {
    const auto& name = child.argv.front();
    if (name.find('/') != std::string::npos) return name;
    const auto path = child.environment.find("PATH");
    const std::string_view folders = path == child.environment.end() ? "/usr/bin:/bin" : std::string_view(path->second);
    for (std::size_t from = 0; from <= folders.size();) {
        const auto colon = std::min(folders.find(':', from), folders.size());
        const auto candidate = fmt::format("{}/{}", folders.substr(from, colon - from), name);
        struct stat found {};
        if (colon > from && ::stat(candidate.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
            ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        from = colon + 1;
    }
    return proto::fail(proto::Errc::not_found, fmt::format("{}: no such program in {}", name, folders));
}

// The child overwrites the lowest numbers one after the other, so nothing it still needs may be among them.
class Lifted {
 public:
    explicit Lifted(int number) : number_(number) {
        if (number >= first_free) return;
        copy_ = Descriptor(::fcntl(number, F_DUPFD_CLOEXEC, first_free));
        number_ = copy_.get();
    }
    int get() const { return number_; }
    void reset() { copy_.reset(); }

 private:
    int number_;
    Descriptor copy_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (auto& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

}  // namespace

Spawned::~Spawned() {
    if (pid_ <= 0) return;
    signal_group(SIGKILL);
    ::kill(pid_, SIGKILL);  // before exec it may not lead its group yet
    reap();
}

void Spawned::signal_group(int number) const { ::kill(-pid_, number); }

int Spawned::reap() {
    int raw = 0;
    while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {}
    pid_ = -1;
    return raw;
}

proto::Result<Pipe> make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return proto::fail(proto::Errc::overloaded, fmt::format("no pipe to be had: {}", reason(errno)));
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

proto::Result<Spawned> spawn(const ChildProcess& child, const Streams& streams) {
    if (child.argv.empty()) return proto::fail(proto::Errc::invalid, "no program was named");
    auto words = child.argv;
    std::vector<std::string> settings;
    for (const auto& [name, value] : child.environment) settings.push_back(name + "=" + value);
    if (has_nul(child.folder) || std::any_of(words.begin(), words.end(), has_nul) ||
        std::any_of(settings.begin(), settings.end(), has_nul))
        return proto::fail(proto::Errc::invalid,
                           fmt::format("{}: an argument has a NUL octet inside, which no program can be given", words[0]));
    const auto path = find_program(child);
    if (!path) return tl::unexpected(path.error());
    const auto argv = pointers(words);
    const auto envp = pointers(settings);

    auto failure = make_pipe();
    if (!failure) return tl::unexpected(failure.error());
    const Lifted in(streams.in), out(streams.out), err(streams.err);
    Lifted told(failure->write_end.get());
    if (in.get() < 0 || out.get() < 0 || err.get() < 0 || told.get() < 0)
        return proto::fail(proto::Errc::overloaded, fmt::format("{}: no descriptor to be had: {}", *path, reason(errno)));
    const Plan plan{path->c_str(), child.folder.c_str(), argv.data(), envp.data(), {in.get(), out.get(), err.get()},
                    child.run_as ? &*child.run_as : nullptr, told.get()};
    const pid_t pid = ::fork();
    if (pid == 0) become(plan);
    if (pid < 0)
        return proto::fail(proto::Errc::overloaded, fmt::format("{}: no process to be had: {}", *path, reason(errno)));
    told.reset();
    failure->write_end.reset();
    Spawned spawned(pid, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
    if (spawned.descriptor() < 0)
        return proto::fail(proto::Errc::overloaded, fmt::format("{}: no descriptor to be had: {}", *path, reason(errno)));
    Failure failed{};
    ssize_t got = 0;
    do { got = ::read(failure->read_end.get(), &failed, sizeof failed); } while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof failed)) return tl::unexpected(explain(child, *path, failed));
    return spawned;
}

}  // namespace mco::node
