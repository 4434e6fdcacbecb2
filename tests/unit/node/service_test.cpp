#include "node/agents/service.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "node/agents/init_scripts.hpp"
#include "node/agents/systemd.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/node/agent_rig.hpp"
#include "tests/unit/node/fake_systemd.hpp"
#include "tests/unit/node/scripts.hpp"

namespace mco::test {
namespace {

using node::InitScripts;
using node::Service;
using node::Systemd;
using proto::StatusCode;
using proto::Value;

struct Machine {
    FakeSystemd fake{{{"nginx.service", "active"}, {"backup.timer", "inactive"}, {"sshd.service", "inactive"}}};
    Scripts scripts;
    Systemd systemd{fake.socket()};
    InitScripts init{scripts.dir().path(), scripts.programs()};
    Service service{{.systemd = systemd, .init = init, .systemd_runs = [] { return true; }}};
    AgentRig rig{service};
    node::ActionReply run(std::string_view action, const char* name) { return rig.run(action, {{"service", name}}); }
};

TEST_CASE("systemd is asked over D-Bus what runs; a unit of another kind is named with its ending") {
    Machine machine;
    CHECK(output(machine.run("status", "nginx"), "status") == Value("running"));
    CHECK(output(machine.run("status", "nginx.service"), "status") == Value("running"));
    CHECK(output(machine.run("status", "sshd"), "status") == Value("stopped"));
    CHECK(output(machine.run("status", "backup.timer"), "status") == Value("stopped"));
    const auto missing = machine.run("status", "nosuch");
    CHECK(missing.status == StatusCode::aborted);
    CHECK_MESSAGE(has(missing.message, "there is no service nosuch.service"), missing.message);
    CHECK(output(missing, "status") == Value("unknown"));
}

TEST_CASE("start, stop and restart wait for systemd's job and tell what is then") {
    Machine machine;
    CHECK(output(machine.run("start", "sshd"), "status") == Value("running"));
    CHECK(output(machine.run("stop", "nginx"), "status") == Value("stopped"));
    CHECK(output(machine.run("restart", "nginx"), "status") == Value("running"));
    CHECK(machine.fake.calls() == std::vector<std::string>{"StartUnit sshd.service", "StopUnit nginx.service",
                                                           "RestartUnit nginx.service"});
}

TEST_CASE("starting what runs and stopping what does not is a failure that changes nothing") {
    Machine machine;
    const auto running = machine.run("start", "nginx");
    CHECK(running.status == StatusCode::aborted);
    CHECK(output(running, "status") == Value("running"));
    CHECK(machine.run("stop", "sshd").status == StatusCode::aborted);
    CHECK(machine.fake.calls().empty());
}

TEST_CASE("a job that fails, a refusal and a missing right are told") {
    Machine machine;
    machine.fake.jobs_end_with("failed");
    const auto failed = machine.run("start", "sshd");
    CHECK(failed.status == StatusCode::aborted);
    CHECK_MESSAGE(has(failed.message, "ended with: failed"), failed.message);
    CHECK(output(failed, "status") == Value("stopped"));
    machine.fake.refuse("org.freedesktop.DBus.Error.AccessDenied");
    CHECK(has(machine.run("start", "sshd").message, "may not do that"));
    machine.fake.refuse("org.freedesktop.systemd1.UnitMasked");
    CHECK(has(machine.run("start", "sshd").message, "so the test wants it"));
}

TEST_CASE("a job that never ends is left when the call is over") {
    Machine machine;
    machine.fake.jobs_end_with("");
    std::stop_source stop;
    stop.request_stop();
    const auto reply = machine.rig.run("start", {{"service", "sshd"}}, stop.get_token());
    CHECK(reply.status == StatusCode::aborted);
    CHECK_MESSAGE(has(reply.message, "not finished"), reply.message);
}

TEST_CASE("a machine without systemd is asked by init scripts") {
    Machine machine;
    machine.rig.set("plugin.service.provider", "init");
    const auto mark = (machine.scripts.dir() / "running").string();
    machine.scripts.add("redis", "echo \"$1\" >>\"$LOG\"\ncase $1 in\nstatus) [ -e " + mark + " ] || exit 3;;\n" +
                                     "start|restart) : >" + mark + ";;\nstop) rm " + mark + ";;\nesac");
    machine.scripts.add("broken", "[ $1 = status ] && exit 3; echo 'no configuration' >&2; exit 6");
    machine.scripts.add("odd", "echo 'what?' >&2; exit 4");
    CHECK(output(machine.run("status", "redis"), "status") == Value("stopped"));
    CHECK(output(machine.run("start", "redis"), "status") == Value("running"));
    CHECK(machine.run("start", "redis").status == StatusCode::aborted);
    CHECK(output(machine.run("restart", "redis"), "status") == Value("running"));
    CHECK(output(machine.run("stop", "redis"), "status") == Value("stopped"));
    CHECK(has(machine.run("start", "broken").message, "no configuration"));
    CHECK(has(machine.run("status", "odd").message, "what?"));
    CHECK(has(machine.run("status", "nosuch").message, "there is no service nosuch"));
    CHECK(!machine.rig.objection("status", {{"service", "../bin/sh"}}).empty());
    CHECK(!machine.rig.objection("status", {{"service", "-f"}}).empty());
    CHECK(machine.fake.calls().empty());
}

TEST_CASE("without a setting, who started the machine decides") {
    Machine machine;
    machine.scripts.add("nginx", "exit 3");
    CHECK(output(machine.run("status", "nginx"), "status") == Value("running"));
    Service other({.systemd = machine.systemd, .init = machine.init, .systemd_runs = [] { return false; }});
    AgentRig rig(other);
    CHECK(output(rig.run("status", {{"service", "nginx"}}), "status") == Value("stopped"));
    CHECK(!Systemd("/nonexistent/private", "/nonexistent/mark").runs_here());
}

}  // namespace
}  // namespace mco::test
