#include "node/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stop_token>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "node/descriptor.hpp"
#include "tests/support/temp_dir.hpp"

using namespace std::chrono_literals;
using namespace mco;
using node::ChildProcess;
using node::ProcessEnd;

namespace {

ChildProcess shell(std::string script) {
    return {.argv = {"/bin/sh", "-c", std::move(script)},
            .environment = {{"PATH", "/usr/bin:/bin"}},
            .timeout = 60s};
}

ProcessEnd run(const ChildProcess& child, std::stop_token stop = {}) {
    auto end = node::run_process(child, std::move(stop));
    REQUIRE_MESSAGE(end, end.error().detail);
    return std::move(*end);
}

// Waits for the end of a process that is not a child of ours; true if it came.
bool gone(pid_t pid) {
    const node::Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return true;
    pollfd waiting{process.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 10'000) == 1;
}

}  // namespace

TEST_CASE("a child's outputs and exit status come back") {
    const auto end = run(shell("echo out; echo err >&2; exit 3"));
    CHECK(end.why == ProcessEnd::Why::exited);
    CHECK(end.code == 3);
    CHECK_FALSE(end.ok());
    CHECK(end.out == "out\n");
    CHECK(end.err == "err\n");
    CHECK(node::describe({}, end) == "exited with status 3");
    CHECK(run(shell("true")).ok());
}

TEST_CASE("a child killed by a signal says which") {
    const auto child = shell("kill -SEGV $$");
    const auto end = run(child);
    CHECK(end.why == ProcessEnd::Why::signalled);
    CHECK(end.code == SIGSEGV);
    CHECK(node::describe(child, end) == "was killed by signal 11 (SEGV)");
}

TEST_CASE("input arrives whole, binary octets pass both ways, and who does not read it blocks nobody") {
    std::string input(3'000'000, '\0');
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<char>(i * 7);
    auto cat = shell("exec cat");
    cat.input = input;
    cat.output_max = input.size();
    const auto end = run(cat);
    CHECK(end.ok());
    CHECK(end.out == input);
    CHECK_FALSE(end.out_truncated);
    cat.argv = {"true"};
    CHECK(run(cat).ok());
    CHECK(run(shell("cat; echo end")).out == "end\n");  // without input there is none to wait for
}

TEST_CASE("of a gibibyte printed only the limit is kept, and the child runs to its end") {
    auto loud = shell("head -c 1073741824 /dev/zero; echo done >&2; exit 4");
    loud.output_max = 1000;
    const auto end = run(loud);
    CHECK(end.code == 4);
    CHECK(end.out.size() == 1000);
    CHECK(end.out_truncated);
    CHECK(end.err == "done\n");
    CHECK_FALSE(end.err_truncated);
    loud.argv[2] = "head -c 1000 /dev/zero";
    CHECK_FALSE(run(loud).out_truncated);
    loud.argv[2] = "head -c 1001 /dev/zero";
    CHECK(run(loud).out_truncated);
}

TEST_CASE("a child past its time is asked to end and may use the grace") {
    auto slow = shell("trap 'echo tidied; exit 7' TERM; echo ready; while :; do sleep 600 & wait; done");
    slow.timeout = 300ms;
    const auto end = run(slow);
    CHECK(end.why == ProcessEnd::Why::timed_out);
    CHECK(end.out == "ready\ntidied\n");
    CHECK(node::describe(slow, end) == "did not end within 0.3 s and was stopped");
}

TEST_CASE("a child and its group that ignore TERM are killed") {
    auto stubborn = shell("trap '' TERM; sh -c 'echo $$; exec sleep 600' & wait; sleep 600");
    stubborn.timeout = 300ms;
    stubborn.grace = 100ms;
    const auto end = run(stubborn);
    CHECK(end.why == ProcessEnd::Why::timed_out);
    REQUIRE_FALSE(end.out.empty());
    CHECK(gone(std::atoi(end.out.c_str())));
}

TEST_CASE("whoever of a stopped group outlives its leader is killed, too") {
    // The leader ends on TERM, its child ignores it and holds the output.
    auto child = shell("sh -c 'trap \"\" TERM; echo $$; exec sleep 600' & wait");
    child.timeout = 300ms;
    child.grace = 100ms;
    const auto end = run(child);
    CHECK(end.why == ProcessEnd::Why::timed_out);
    REQUIRE_FALSE(end.out.empty());
    CHECK(gone(std::atoi(end.out.c_str())));
}

TEST_CASE("what a child leaves behind lives on, and its grip on the output delays nobody") {
    // In the group and in a session of its own.
    for (const char* script : {"sh -c 'echo $$; exec sleep 600' & sleep 0.05", "setsid sh -c 'echo $$; exec sleep 600' & sleep 0.05"}) {
        const auto begin = std::chrono::steady_clock::now();
        const auto end = run(shell(script));
        CHECK(end.ok());
        CHECK(std::chrono::steady_clock::now() - begin < 30s);
        const pid_t left = std::atoi(end.out.c_str());
        REQUIRE(left > 1);
        CHECK(::kill(left, 0) == 0);
        ::kill(left, SIGKILL);
    }
}

TEST_CASE("a stop ends the child as its timeout does") {
    std::stop_source stop;
    std::jthread asker([&] { stop.request_stop(); });
    const auto end = run(shell("exec sleep 600"), stop.get_token());
    CHECK(end.why == ProcessEnd::Why::stopped);
    CHECK(run(shell("exec sleep 600"), stop.get_token()).why == ProcessEnd::Why::stopped);  // asked beforehand
}

TEST_CASE("a child has the environment it is given, the folder, and nothing else") {
    const test::TempDir temp;
    ::setenv("MCO_TEST_SECRET", "secret", 1);
    const int leaked = ::open("/dev/null", O_RDONLY);  // without close on exec
    const int high = ::fcntl(leaked, F_DUPFD, 500);
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked, before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    auto child = shell("env; pwd; umask; ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status; "
                       "test \"$(cut -d\' \' -f6 /proc/$$/stat)\" = $$ && echo leads");
    child.environment = {{"PATH", "/usr/bin:/bin"}, {"A", "b c"}};
    child.folder = temp.path().string();
    const auto end = run(child);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::unsetenv("MCO_TEST_SECRET");
    ::close(leaked);
    ::close(high);
    // The shell adds PWD, ls has the folder it reads as number 3.
    CHECK(end.out.find("A=b c\n") != std::string::npos);
    CHECK(end.out.find("SECRET") == std::string::npos);
    CHECK(end.out.find("HOME") == std::string::npos);
    CHECK(end.out.find(temp.path().string() + "\n0022\n0\n1\n2\n3\nSigBlk:\t0000000000000000\n"
                       "SigIgn:\t0000000000000000\nleads\n") != std::string::npos);
    INFO(end.out, end.err);
}

TEST_CASE("arguments reach the program as they are, never a shell") {
    auto child = shell("");
    child.argv = {"printf", "[%s]", "a b", "$(id)", "; ls", "-n", "new\nline", "", "*"};
    CHECK(run(child).out == "[a b][$(id)][; ls][-n][new\nline][][*]");
}

TEST_CASE("what cannot be started is named with its reason") {
    const test::TempDir temp;
    const auto refused = [](ChildProcess child) {
        const auto end = node::run_process(child, {});
        REQUIRE_FALSE(end);
        return end.error();
    };
    auto child = shell("");
    child.argv = {"/nonexistent/program"};
    CHECK(refused(child).code == proto::Errc::not_found);
    CHECK(refused(child).detail == "/nonexistent/program: No such file or directory");
    child.argv = {"no-such-program"};
    CHECK(refused(child).detail == "no-such-program: no such program in /usr/bin:/bin");
    child.argv = {temp.write("plain", "text").string()};
    CHECK(refused(child).code == proto::Errc::denied);
    const auto script = temp.write("script", "#!/nonexistent/interpreter\n");
    ::chmod(script.c_str(), 0755);
    child.argv = {script.string()};
    CHECK(refused(child).detail == script.string() + ": the interpreter that its first line names does not exist");
    const auto text = temp.write("text", "echo not a program\n");
    ::chmod(text.c_str(), 0755);
    child.argv = {text.string()};
    CHECK(refused(child).detail.find("#!") != std::string::npos);
    child.argv = {"true"};
    child.folder = "/nonexistent";
    CHECK(refused(child).detail == "/usr/bin/true: cannot start in the folder /nonexistent: No such file or directory");
    child.folder = "/";
    child.argv = {"echo", std::string("a\0b", 3)};
    CHECK(refused(child).code == proto::Errc::invalid);
    child.argv = {"echo", std::string(1'000'000, 'x')};  // one argument may have 128 KiB
    CHECK(refused(child).code == proto::Errc::invalid);
    child.argv.clear();
    CHECK(refused(child).code == proto::Errc::invalid);
}

TEST_CASE("root may run a child as somebody else, without root's groups") {
    if (::geteuid() != 0) {
        auto child = shell("id -u");
        child.run_as = ChildProcess::User{0, 0};
        CHECK(node::run_process(child, {}).error().code == proto::Errc::denied);
        return;
    }
    auto child = shell("id -u; id -g; id -G; umask; cat");
    child.run_as = ChildProcess::User{65534, 65533};
    child.input = "read\n";
    CHECK(run(child).out == "65534\n65533\n65533\n0022\nread\n");
}
