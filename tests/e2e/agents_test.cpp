// The built-in agents over a real mesh, on targets that nobody minds.

#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/e2e/script.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

// Two nodes with a check, a fake Puppet and an init script of their own; the shell is on for one of them.
struct Site {
    TempDir dir;
    Fleet fleet;

    Site() : fleet(nodes(dir)) { until_whole(); }

    static std::vector<NodeTraits> nodes(const TempDir& dir) {
        dir.write("checks.cfg", "command[check_ok]=/bin/echo 'OK all well | n=1'\ncommand[check_bad]=/bin/sh -c 'echo BAD; exit 2'\n");
        dir.write("last_run_summary.yaml", "---\nresources:\n  total: 7\ntime:\n  last_run: 1362675063\n  total: 2.5\n");
        const auto extra = fmt::format(
            "plugin.nrpe.conf_path = {0}/checks.cfg\nplugin.puppet.statedir = {0}\nplugin.puppet.rundir = {0}\n"
            "plugin.filemgr.touch_file = {0}/touched\nplugin.service.provider = init\n"
            "plugin.shell.state_directory = {0}/jobs\nplugin.actionpolicy.allow_unconfigured = yes\n",
            dir.path().string());
        return {{.name = "one", .facts = "country: uk\n", .extra = extra + "plugin.shell.activate_agent = yes\n"},
                {.name = "two", .facts = "country: uk\n", .extra = extra}};
    }
    void until_whole() {
        for (int attempt = 0;; ++attempt) {
            const auto ping = fleet.mco({"ping"});
            if (ping.status == 0 && has(ping.out, "2 replies")) return;
            REQUIRE_MESSAGE(attempt < 200, ping.out << ping.err << fleet.logs());
        }
    }
    Finished expect(int status, const std::vector<std::string>& words, std::string input = {}) const {
        auto ran = fleet.mco(words, {}, std::move(input));
        CHECK_MESSAGE(ran.status == status, words.front() << ": " << ran.out << ran.err << fleet.logs());
        return ran;
    }
};

TEST_CASE("files are touched, looked at and removed on every node") {
    Site site;
    const auto file = (site.dir / "devon.txt").string();
    const auto absent = site.expect(2, {"filemgr", "status", "--file", file});
    CHECK_MESSAGE(has(absent.out, ": not present\n"), absent.out);
    site.expect(0, {"filemgr", "--file", file, "touch"});
    CHECK(std::filesystem::exists(file));
    const auto present = site.expect(0, {"filemgr", "status", "--file" + file});
    CHECK_MESSAGE(has(present.out, ": present\n"), present.out);
    const auto details = site.expect(0, {"filemgr", "status", "-f", file, "-d", "-I", "one"});
    CHECK_MESSAGE(has(details.out, "MD5: d41d8cd98f00b204e9800998ecf8427e"), details.out);
    site.expect(0, {"filemgr", "-f", file, "remove", "-I", "one"});
    CHECK(!std::filesystem::exists(file));
    site.expect(1, {"filemgr", "status"});
}

TEST_CASE("processes are listed, and a filter can ask for them") {
    Site site;
    const auto list = site.expect(0, {"process", "list", "mcod"});
    CHECK_MESSAGE(has(list.out, "COMMAND"), list.out);
    CHECK_MESSAGE(has(list.out, "Matched hosts: 2"), list.out);
    const auto silent = site.expect(0, {"process", "list", "mcod", "--silent"});
    CHECK(!has(silent.out, "COMMAND"));
    site.expect(1, {"process", "list", "--fields=nosuch"});
    const auto none = site.fleet.mco({"find", "-S", "process('no-such-program-at-all').exists=true"});
    CHECK_MESSAGE(none.status == 1, none.out << none.err);
    const auto all = site.fleet.mco({"find", "-S", "process('mcod').exists=true"});
    CHECK_MESSAGE(has(all.out, "one\n"), all.out << all.err);
}

TEST_CASE("a check's state is told and counted") {
    Site site;
    const auto ok = site.expect(0, {"nrpe", "check_ok"});
    CHECK_MESSAGE(has(ok.out, "        OK : 2\n"), ok.out);
    CHECK(!has(ok.out, "status=OK"));
    const auto bad = site.expect(0, {"nrpe", "check_bad"});
    CHECK_MESSAGE(has(bad.out, " status=CRITICAL\n    BAD\n"), bad.out);
    CHECK(has(bad.out, "  CRITICAL : 2\n"));
}

TEST_CASE("packages and services are asked for in either order; changing all of them needs a yes") {
    Site site;
    const auto one = site.expect(0, {"package", "status", "dpkg"});
    CHECK_MESSAGE(has(one.out, ": dpkg-"), one.out);
    const auto none = site.expect(0, {"package", "no-such-package-at-all", "status"});
    CHECK_MESSAGE(has(none.out, ": absent\n"), none.out);
    const auto refused = site.expect(1, {"service", "no-such-service", "stop"}, "n\n");
    CHECK_MESSAGE(has(refused.out, "Do you really want to operate on services unfiltered? (y/n): "), refused.out);
    const auto missing = site.expect(2, {"service", "no-such-service", "status"});
    CHECK_MESSAGE(has(missing.out, "there is no service no-such-service"), missing.out);
}

TEST_CASE("Puppet's state is told, runs are forbidden and allowed again") {
    Site site;
    const auto status = site.expect(0, {"puppet", "status", "-I", "one"});
    CHECK_MESSAGE(has(status.out, "Currently stopped; last completed run "), status.out);
    const auto count = site.expect(0, {"puppet", "count"});
    CHECK_MESSAGE(has(count.out, "Total Puppet nodes: 2\n"), count.out);
    CHECK(has(count.out, "          Nodes currently enabled: 2\n"));
    site.expect(0, {"puppet", "disable", "a reason", "-I", "one"});
    CHECK(has(site.expect(0, {"puppet", "status", "-I", "two"}).out, "Currently disabled"));
    CHECK(has(site.expect(2, {"puppet", "runonce", "-I", "one"}).out, "a reason"));
    site.expect(0, {"puppet", "enable", "-I", "one"});
    const auto summary = site.expect(0, {"puppet", "summary"});
    CHECK_MESSAGE(has(summary.out, "                   Total resources: "), summary.out);
    const auto resource = site.expect(2, {"puppet", "resource", "exec", "x", "command=rm -rf /tmp/matt"});
    CHECK_MESSAGE(has(resource.out, "no type of resource may be changed"), resource.out);
    site.expect(1, {"puppet", "runall"});
    site.expect(1, {"puppet", "runonce", "--force", "--splay"});
}

TEST_CASE("what an operator types for one agent prints what the scripts say") {
    Site site;
    const auto scripts = scripts_in(std::filesystem::path(MCO_SOURCE_DIR) / "tests/e2e/cli/agents");
    REQUIRE(!scripts.empty());
    for (const auto& script : scripts) {
        for (const auto& mismatch : run_script(script, site.fleet)) FAIL_CHECK(mismatch.what);
    }
}

TEST_CASE("the shell answers where it was switched on, and its jobs outlive the daemon") {
    Site site;
    const auto ran = site.expect(0, {"shell", "run", "echo hello; exit 3"});
    CHECK_MESSAGE(has(ran.out, "one:\nhello\nexitcode: 3\n"), ran.out);
    CHECK(!has(ran.out, "two"));
    const auto go = (site.dir / "go").string();
    const auto started = site.expect(0, {"shell", "start", fmt::format("echo begun; while [ ! -e {} ]; do sleep 0.01; done", go)});
    const auto at = started.out.find("one: ");
    REQUIRE_MESSAGE(at != std::string::npos, started.out);
    const auto handle = started.out.substr(at + 5, 36);
    site.fleet.restart("one");
    site.until_whole();
    CHECK(has(site.expect(0, {"shell", "list", "-v"}).out, handle));
    site.dir.write("go", "");
    const auto watched = site.expect(0, {"shell", "watch", handle});
    CHECK_MESSAGE(has(watched.out, "one stdout: begun\n"), watched.out);
    site.expect(1, {"shell", "watch", "00000000-0000-4000-8000-000000000000"});
}

}  // namespace
}  // namespace mco::test
