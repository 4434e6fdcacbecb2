#include "node/agents/package.hpp"

#include <string>

#include <doctest/doctest.h>

#include "node/agents/apt.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/node/agent_rig.hpp"
#include "tests/unit/node/scripts.hpp"

namespace mco::test {
namespace {

using node::Apt;
using node::Package;
using proto::StatusCode;
using proto::Value;

// A machine whose package state is one file: "status version arch".
struct Machine {
    Scripts scripts;
    Apt apt;
    Package package;
    AgentRig rig;

    explicit Machine(const std::string& state = {}) : apt(scripts.programs()), package(apt), rig(package) {
        const auto file = (scripts.dir() / "state").string();
        if (!state.empty()) scripts.dir().write("state", state);
        scripts.add("dpkg-query", "for last; do :; done\n"
                                  "case \"$*\" in\n"
                                  "*Status-Abbrev*) printf 'ii \\tb\\t2\\tall\\nrc \\tgone\\t1\\tall\\nii \\ta\\t1\\tall\\n'; exit 0;;\n"
                                  "esac\n"
                                  "[ -f '" + file + "' ] || { echo \"no packages found matching $last\" >&2; exit 1; }\n"
                                  "read status version arch <'" + file + "'\n"
                                  "printf '%s\\t%s\\t%s\\t%s\\n' \"$last\" \"$status\" \"$version\" \"$arch\"");
        scripts.add("apt-get", "echo \"$DEBIAN_FRONTEND $*\" >>\"$LOG\"\n"
                               "case \"$*\" in\n"
                               "*' upgrade') printf 'NOTE: simulated\\nInst bash [5.2-1] (5.2-2 Debian:12.5/stable [amd64])\\n"
                               "Inst new (1.0 Debian:12/stable [all])\\nConf bash (5.2-2)\\n';;\n"
                               "*' update') echo fetched;;\n"
                               "*' install '*) echo 'installed 1:2.3-4 amd64' >'" + file + "'; echo done;;\n"
                               "*' remove '*) echo 'config-files 1:2.3-4 amd64' >'" + file + "';;\n"
                               "*' purge '*) rm -f '" + file + "';;\n"
                               "esac");
    }
};

TEST_CASE("package status tells the version and its parts, absent and purged") {
    const auto installed = Machine("installed 1:2.3-4 amd64").rig.run("status", {{"package", "rsync"}});
    CHECK(installed.status == StatusCode::ok);
    CHECK(output(installed, "name") == Value("rsync"));
    CHECK(output(installed, "ensure") == Value("1:2.3-4"));
    CHECK(output(installed, "epoch") == Value("1"));
    CHECK(output(installed, "version") == Value("2.3"));
    CHECK(output(installed, "release") == Value("4"));
    CHECK(output(installed, "arch") == Value("amd64"));
    CHECK(output(installed, "provider") == Value("apt"));
    CHECK(output(Machine("config-files 1 all").rig.run("status", {{"package", "x"}}), "ensure") == Value("absent"));
    CHECK(output(Machine().rig.run("status", {{"package", "x"}}), "ensure") == Value("purged"));
}

TEST_CASE("install asks nothing, takes a version, and fails where there is nothing to do") {
    Machine machine;
    const auto done = machine.rig.run("install", {{"package", "rsync"}, {"version", "1:2.3-4"}});
    REQUIRE_MESSAGE(done.status == StatusCode::ok, done.message);
    CHECK(output(done, "ensure") == Value("1:2.3-4"));
    CHECK(output(done, "output") == Value("done"));
    const auto log = machine.scripts.log();
    CHECK_MESSAGE(has(log, "noninteractive "), log);
    CHECK_MESSAGE(has(log, " -y "), log);
    CHECK_MESSAGE(has(log, "--force-confold"), log);
    CHECK_MESSAGE(has(log, "Pattern-Only=1"), log);
    CHECK_MESSAGE(has(log, " install --allow-downgrades -- rsync=1:2.3-4\n"), log);
    const auto again = machine.rig.run("install", {{"package", "rsync"}});
    CHECK(again.status == StatusCode::aborted);
    CHECK(has(again.message, "already installed"));
    CHECK(output(again, "ensure") == Value("1:2.3-4"));
    CHECK(machine.rig.run("install", {{"package", "rsync"}, {"version", "9"}}).status == StatusCode::ok);
}

TEST_CASE("update, uninstall and purge need the package to be there") {
    Machine machine;
    for (const auto* action : {"update", "uninstall", "purge"}) {
        const auto reply = machine.rig.run(action, {{"package", "rsync"}});
        CHECK_MESSAGE(reply.status == StatusCode::aborted, action);
        CHECK(output(reply, "ensure") == Value("purged"));
    }
    CHECK(machine.scripts.log().empty());
    Machine full("installed 1 all");
    CHECK(full.rig.run("update", {{"package", "rsync"}}).status == StatusCode::ok);
    CHECK(has(full.scripts.log(), "install --only-upgrade -- rsync\n"));
    CHECK(output(full.rig.run("uninstall", {{"package", "rsync"}}), "ensure") == Value("absent"));
    CHECK(output(full.rig.run("purge", {{"package", "rsync"}}), "ensure") == Value("purged"));
}

TEST_CASE("a lock that somebody holds, and a refusal, are told in plain words") {
    Machine machine;
    machine.scripts.add("apt-get", "echo 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7' >&2; exit 100");
    const auto locked = machine.rig.run("install", {{"package", "rsync"}});
    CHECK(locked.status == StatusCode::aborted);
    CHECK_MESSAGE(has(locked.message, "holds the package lock"), locked.message);
    CHECK(has(locked.message, "Try again"));
    machine.scripts.add("apt-get", "echo 'E: Unable to locate package rsync' >&2; exit 100");
    CHECK(has(machine.rig.run("install", {{"package", "rsync"}}).message, "Unable to locate package rsync"));
}

TEST_CASE("names that apt would read as options, files, patterns or removals never reach it") {
    Machine machine("installed 1 all");
    for (const auto* name : {"-y", "../x.deb", "ba*", "vim-", "a b", "x$(id)", "a\nb", "^a$", "x=1"}) {
        CHECK_MESSAGE((!machine.rig.objection("install", {{"package", name}}).empty() ||
                       machine.rig.run("install", {{"package", name}}).status == StatusCode::aborted),
                      name);
    }
    CHECK(!machine.rig.objection("install", {{"package", "x"}, {"version", "1; reboot"}}).empty());
    CHECK(machine.rig.objection("install", {{"package", "libstdc++6"}}).empty());
    CHECK(machine.rig.objection("install", {{"package", "libc6:i386"}}).empty());
    CHECK(machine.scripts.log().empty());
}

TEST_CASE("count and md5 look at what is installed, whatever its order") {
    Machine machine;
    CHECK(output(machine.rig.run("count"), "output") == Value("2"));
    const auto md5 = output(machine.rig.run("md5"), "output");
    CHECK(md5.to_text().size() == 32);
    CHECK(output(Machine().rig.run("md5"), "output") == md5);
}

TEST_CASE("updates are listed with version and origin, without new packages") {
    Machine machine;
    const auto reply = machine.rig.run("checkupdates");
    REQUIRE(reply.status == StatusCode::ok);
    CHECK(output(reply, "package_manager") == Value("apt"));
    const auto& list = *output(reply, "outdated_packages").list();
    REQUIRE(list.size() == 1);
    CHECK(list[0] == Value(Value::Map{{"package", "bash"}, {"version", "5.2-2"}, {"repo", "Debian:12.5/stable"}}));
    CHECK(machine.rig.run("apt_checkupdates").status == StatusCode::ok);
    CHECK(output(machine.rig.run("apt_update"), "output") == Value("fetched"));
    const auto yum = machine.rig.run("yum_checkupdates");
    CHECK(yum.status == StatusCode::aborted);
    CHECK(has(yum.message, "apt, not yum"));
}

TEST_CASE("a machine without dpkg says so") {
    Apt apt(node::Programs("/nonexistent"));
    Package package(apt);
    AgentRig rig(package);
    const auto reply = rig.run("status", {{"package", "rsync"}});
    CHECK(reply.status == StatusCode::aborted);
    CHECK(has(reply.message, "dpkg-query"));
}

TEST_CASE("what only looks is no change") {
    Apt apt;
    const Package package(apt);
    for (const auto* action : {"status", "count", "md5", "checkupdates", "apt_checkupdates", "yum_checkupdates"})
        CHECK_MESSAGE(package.effect(action) == node::Agent::Effect::reads, action);
    for (const auto* action : {"install", "update", "uninstall", "purge", "apt_update", "yum_clean"})
        CHECK_MESSAGE(package.effect(action) == node::Agent::Effect::changes, action);
}

}  // namespace
}  // namespace mco::test
