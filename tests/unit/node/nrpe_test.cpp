#include "node/agents/nrpe.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "node/agents/nrpe_commands.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/node/agent_rig.hpp"
#include "tests/unit/node/scripts.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using node::Nrpe;
using node::nrpe_argv;
using proto::StatusCode;
using proto::Value;
using Words = std::vector<std::string>;

struct Checks {
    Scripts scripts;
    Nrpe nrpe;
    AgentRig rig;
    explicit Checks(const std::string& definitions, proto::Duration patience = 10s)
        : nrpe(scripts.programs(), patience), rig(nrpe) {
        scripts.dir().write("nrpe.d/checks.cfg", definitions);
        rig.set("plugin.nrpe.conf_dir", (scripts.dir() / "nrpe.d").string());
    }
};

TEST_CASE("a definition is divided as a shell would, and arguments stay whole words") {
    CHECK(*nrpe_argv("/usr/lib/check_load -w 1 -c '2 3' \"a b\" x\\ y", {}) ==
          Words{"/usr/lib/check_load", "-w", "1", "-c", "2 3", "a b", "x y"});
    CHECK(*nrpe_argv("check -w $ARG1$ -c $ARG2$", {"5", "9"}) == Words{"check", "-w", "5", "-c", "9"});
    CHECK(*nrpe_argv("check \"$ARG1$%\" x$ARG2$y", {"a b", "; reboot"}) == Words{"check", "a b%", "x; rebooty"});
    CHECK(*nrpe_argv("check $ARG1$", {"$(reboot) `x` | y"}) == Words{"check", "$(reboot) `x` | y"});
    CHECK(*nrpe_argv("check $ARG1$ \"$ARG2$\" end", {}) == Words{"check", "", "end"});
    CHECK(*nrpe_argv("check '$ARG1$'", {"5"}) == Words{"check", "$ARG1$"});
    CHECK(!nrpe_argv("", {}));
}

TEST_CASE("a definition that needs a shell gets one, unless it takes arguments") {
    const Words piped{"/bin/sh", "-c", "ps ax | wc -l"};
    CHECK(*nrpe_argv("ps ax | wc -l", {}) == piped);
    for (const auto* text : {"a && b", "echo $HOME", "ls *.x", "a; b", "A=1 check", "echo `id`", "x 'open"})
        CHECK_MESSAGE(nrpe_argv(text, {})->front() == "/bin/sh", text);
    const auto refused = nrpe_argv("check $ARG1$ | wc -l", {"; reboot"});
    REQUIRE(!refused);
    CHECK(has(refused.error().detail, "script"));
}

TEST_CASE("the four states become MCollective's statuses, output and figures are taken apart") {
    Checks checks(
        "# a remark\nlog_facility=daemon\n"
        "command[check_ok]=/bin/echo 'DISK OK - free | /=2643MB;5948'\n"
        "command[check_warn] = /bin/sh -c 'echo WARN; exit 1'\n"
        "command[check_crit]=/bin/sh -c 'exit 2'\ncommand[check_odd]=/bin/sh -c 'echo on stderr >&2; exit 77'\n");
    const auto ok = checks.rig.run("runcommand", {{"command", "check_ok"}});
    CHECK(ok.status == StatusCode::ok);
    CHECK(output(ok, "exitcode") == Value(0));
    CHECK(output(ok, "output") == Value("DISK OK - free"));
    CHECK(output(ok, "perfdata") == Value("/=2643MB;5948"));
    CHECK(output(ok, "command") == Value("check_ok"));
    const auto expect = [&](const char* check, int code, const char* message, const char* text) {
        const auto reply = checks.rig.run("runcommand", {{"command", check}});
        CHECK_MESSAGE(reply.status == StatusCode::aborted, check);
        CHECK_MESSAGE(reply.message == message, check);
        CHECK_MESSAGE(output(reply, "exitcode") == Value(code), check);
        CHECK_MESSAGE(has(output(reply, "output").to_text(), text), check);
    };
    expect("check_warn", 1, "WARNING", "WARN");
    expect("check_crit", 2, "CRITICAL", "");
    expect("check_odd", 3, "UNKNOWN", "on stderr");
    expect("check_none", 3, "UNKNOWN", "No such command: check_none");
}

TEST_CASE("arguments of the caller are divided by ! and never reach a shell") {
    Checks checks("command[say]=/bin/echo $ARG1$ and \"$ARG2$\"\n");
    const auto reply = checks.rig.run("runcommand", {{"command", "say"}, {"args", "a;b!$(id) x"}});
    CHECK(output(reply, "output") == Value("a;b and $(id) x"));
    CHECK(!checks.rig.objection("runcommand", {{"command", "a;b"}}).empty());
    CHECK(!checks.rig.objection("runcommand", {{"command", "say"}, {"args", std::string(51, 'x')}}).empty());
}

TEST_CASE("a check that hangs is UNKNOWN, and takes nobody else's time") {
    Checks checks("command[a_hang]=/bin/sleep 100\ncommand[b_ok]=/bin/echo fine\n", 100ms);
    const auto hung = checks.rig.run("runcommand", {{"command", "a_hang"}});
    CHECK(hung.message == "UNKNOWN");
    CHECK(has(output(hung, "output").to_text(), "did not end in time"));
    const auto all = checks.rig.run("runallcommands");
    const auto& commands = *output(all, "commands").map();
    CHECK(*commands.at("a_hang").find("exitcode") == Value(3));
    CHECK(has(commands.at("b_ok").find("output")->to_text(), "not run"));
}

TEST_CASE("all checks are run and told by name") {
    Checks checks("command[one]=/bin/echo 1\ncommand[two]=/bin/sh -c 'echo 2; exit 2'\n");
    const auto reply = checks.rig.run("runallcommands");
    CHECK(reply.status == StatusCode::ok);
    const auto& commands = *output(reply, "commands").map();
    CHECK(commands.size() == 2);
    CHECK(*commands.at("one").find("output") == Value("1"));
    CHECK(*commands.at("two").find("exitcode") == Value(2));
}

TEST_CASE("definitions come from folders, files and what they include; circles and open files are refused") {
    const TempDir dir;
    const auto main = dir.write("nrpe.cfg", "include_dir=" + (dir / "more").string() + "\ncommand[a]=/bin/true\n");
    dir.write("more/x.cfg", "command[a]=/bin/false\ncommand[b]=/bin/true\n");
    dir.write("more/ignored.txt", "command[c]=/bin/true\n");
    const auto read = node::read_nrpe_commands({main, dir / "absent.cfg"});
    REQUIRE_MESSAGE(read.has_value(), read.error().detail);
    CHECK(*read == node::NrpeCommands{{"a", "/bin/true"}, {"b", "/bin/true"}});
    dir.write("circle.cfg", "include=" + (dir / "circle.cfg").string() + "\n");
    CHECK(!node::read_nrpe_commands({dir / "circle.cfg"}));
    std::filesystem::permissions(main, std::filesystem::perms::all);
    const auto open = node::read_nrpe_commands({main});
    REQUIRE(!open);
    CHECK(has(open.error().detail, "nrpe.cfg"));
    std::string many;
    for (std::size_t i = 0; i <= node::nrpe_commands_max; ++i) many += fmt::format("command[c{}]=/bin/true\n", i);
    CHECK(!node::read_nrpe_commands({dir.write("many.cfg", many)}));
}

}  // namespace
}  // namespace mco::test
