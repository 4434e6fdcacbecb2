#include "node/agents/shell.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "node/agents/shell_jobs.hpp"
#include "node/registry.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/node/agent_rig.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using node::Shell;
using node::ShellJobs;
using proto::StatusCode;
using proto::Value;

struct Stage {
    TempDir dir;
    Shell shell;
    AgentRig rig{shell};
    Stage() { rig.set("plugin.shell.state_directory", (dir / "jobs").string()); }
    std::string start(const std::string& command) {
        const auto reply = rig.run("start", {{"command", command}});
        REQUIRE_MESSAGE(reply.status == StatusCode::ok, reply.message);
        return output(reply, "handle").to_text();
    }
    // Asks until it is so; each question lets the job go on for a moment.
    node::ActionReply until(const std::string& handle, std::string_view state) {
        for (int i = 0;; ++i) {
            auto reply = rig.run("status", {{"handle", handle}});
            if (output(reply, "status") == Value(state)) return reply;
            REQUIRE_MESSAGE(i < 2'000, output(reply, "status").to_text());
            run({.argv = {"/bin/true"}});
        }
    }
};

TEST_CASE("run tells outputs and exit status, whatever they are") {
    Stage stage;
    const auto reply = stage.rig.run("run", {{"command", "echo out; echo err >&2; exit 3"}});
    CHECK(reply.status == StatusCode::ok);
    CHECK(output(reply, "stdout") == Value("out\n"));
    CHECK(output(reply, "stderr") == Value("err\n"));
    CHECK(output(reply, "success") == Value(false));
    CHECK(output(reply, "exitcode") == Value(3));
    CHECK(output(stage.rig.run("run", {{"command", "kill -9 $$"}}), "exitcode") == Value(137));
    CHECK(output(stage.rig.run("run", {{"command", "env | grep -c MCO"}}), "stdout") == Value("0\n"));
}

TEST_CASE("run stops what takes too long, and keeps so much of what is printed") {
    Stage stage;
    const auto late = stage.rig.run("run", {{"command", "echo begun; sleep 100"}, {"timeout", 0.2}});
    CHECK(late.status == StatusCode::aborted);
    CHECK(output(late, "stdout") == Value("begun\n"));
    CHECK(late.message.find("0.2 seconds") != std::string::npos);
    const auto much = stage.rig.run("run", {{"command", "head -c 3000000 /dev/zero | tr '\\0' x"}});
    CHECK(output(much, "stdout").text()->size() == ShellJobs::chunk_max);
    CHECK(much.message.find("more than") != std::string::npos);
    CHECK(stage.rig.run("run", {{"command", "true"}, {"timeout", 0}}).status == StatusCode::invalid_data);
}

TEST_CASE("a user that is none, or that only root could be, is refused") {
    Stage stage;
    const auto none = stage.rig.run("run", {{"command", "id"}, {"user", "nobody-at-all"}});
    CHECK(none.status == StatusCode::aborted);
    CHECK(none.message.find("nobody-at-all") != std::string::npos);
    CHECK(!stage.rig.objection("run", {{"command", "id"}, {"user", "a b"}}).empty());
    const auto other = stage.rig.run("run", {{"command", "id -un"}, {"user", "nobody"}});
    if (::geteuid() == 0) {
        CHECK(output(other, "stdout") == Value("nobody\n"));
    } else {
        CHECK(other.status == StatusCode::aborted);
        CHECK(other.message.find("not root") != std::string::npos);
    }
}

TEST_CASE("a job that was started is seen through to its exit status, by any daemon") {
    Stage stage;
    const auto go = (stage.dir / "go").string();
    const auto handle = stage.start(fmt::format("echo begun; while [ ! -e {0} ]; do sleep 0.01; done; echo ended >&2; exit 5", go));
    CHECK(handle.size() == 36);
    CHECK(stage.until(handle, "running").status == StatusCode::ok);
    const auto jobs = *output(stage.rig.run("list"), "jobs").map();
    REQUIRE(jobs.contains(handle));
    CHECK(*jobs.at(handle).find("status") == Value("running"));

    Shell later;  // after a restart nothing is left but the folder
    AgentRig rig(later);
    rig.set("plugin.shell.state_directory", (stage.dir / "jobs").string());
    CHECK(output(rig.run("status", {{"handle", handle}}), "status") == Value("running"));
    stage.dir.write("go", "");
    const auto done = stage.until(handle, "stopped");
    CHECK(output(done, "exitcode") == Value(5));
    CHECK(output(done, "stdout") == Value("begun\n"));
    CHECK(output(done, "stdout_offset") == Value(6));
    CHECK(output(done, "stderr") == Value("ended\n"));
    const auto rest = stage.rig.run("status", {{"handle", handle}, {"stdout_offset", 2}, {"stderr_offset", 6}});
    CHECK(output(rest, "stdout") == Value("gun\n"));
    CHECK(output(rest, "stderr") == Value(""));
}

TEST_CASE("kill ends a job and what it started; the signal is told") {
    Stage stage;
    const auto handle = stage.start("sleep 1000 & sleep 1000");
    stage.until(handle, "running");
    CHECK(stage.rig.run("kill", {{"handle", handle}}).status == StatusCode::ok);
    const auto done = stage.until(handle, "stopped");
    CHECK(output(done, "exitcode") == Value(143));
    CHECK(*output(stage.rig.run("list"), "jobs").map()->at(handle).find("signal") == Value(15));
    const auto again = stage.rig.run("kill", {{"handle", handle}});
    CHECK(again.status == StatusCode::aborted);
    CHECK(again.message.find("does not run") != std::string::npos);
}

TEST_CASE("a handle that is none is refused, also where it is a path") {
    Stage stage;
    const auto unknown = stage.rig.run("status", {{"handle", "00000000-0000-4000-8000-000000000000"}});
    CHECK(unknown.status == StatusCode::aborted);
    CHECK(!stage.rig.objection("status", {{"handle", "../../etc"}}).empty());
    CHECK(!ShellJobs(stage.dir.path()).find(".."));
}

TEST_CASE("a process that took the number of an ended job is not the job") {
    Stage stage;
    const auto handle = stage.start("true");
    stage.until(handle, "stopped");
    std::filesystem::remove(stage.dir / ("jobs/" + handle + "/exitcode"));
    stage.dir.write("jobs/" + handle + "/pid", std::to_string(::getpid()));
    CHECK(output(stage.rig.run("status", {{"handle", handle}}), "status") == Value("failed"));
    CHECK(stage.rig.run("kill", {{"handle", handle}}).status == StatusCode::aborted);
}

TEST_CASE("so many jobs are kept: the oldest ended one gives way, running ones do not") {
    const TempDir dir;
    const ShellJobs jobs(dir / "jobs");
    const auto handle = [](std::size_t i) { return fmt::format("00000000-0000-4000-8000-{:012x}", i); };
    for (std::size_t i = 0; i < ShellJobs::jobs_max; ++i) {
        const auto folder = "jobs/" + handle(i);
        dir.write(folder + "/command", "true");
        dir.write(folder + "/pid", "1");
        if (i > 0) dir.write(folder + "/exitcode", "0");
    }
    std::filesystem::permissions(dir / "jobs", std::filesystem::perms::owner_all);
    std::filesystem::last_write_time(dir / ("jobs/" + handle(7) + "/command"),
                                     std::filesystem::file_time_type::clock::now() - 1h);
    const auto fresh = jobs.start(node::Programs(), "true", std::nullopt, {});
    REQUIRE_MESSAGE(fresh.has_value(), fresh.error().detail);
    CHECK(!jobs.find(handle(7)));
    CHECK(jobs.list().size() == ShellJobs::jobs_max);
}

TEST_CASE("the agent is off until it is named") {
    Shell shell;
    CHECK(shell.initially() == node::Agent::Initially::off);
    node::Activation activation;
    CHECK(!activation.allows("shell", shell.initially()));
    CHECK(activation.allows("rpcutil"));
    activation.single.emplace("shell", true);
    CHECK(activation.allows("shell", shell.initially()));
}

}  // namespace
}  // namespace mco::test
