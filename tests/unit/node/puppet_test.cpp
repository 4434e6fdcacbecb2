#include "node/agents/puppet.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "node/agents/puppet_state.hpp"
#include "node/data/sources.hpp"
#include "tests/support/has.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/node/agent_rig.hpp"
#include "tests/unit/node/authority.hpp"
#include "tests/unit/node/scripts.hpp"

namespace mco::test {
namespace {

using namespace std::chrono_literals;
using node::Puppet;
using proto::StatusCode;
using proto::Value;

std::int64_t rig_time() { return std::chrono::floor<std::chrono::seconds>(at(100s).wall.time_since_epoch()).count(); }

// State files as Puppet writes them, and a program that writes down what it was asked.
struct Machine {
    Scripts scripts;
    Puppet puppet{scripts.programs()};
    AgentRig rig{puppet};
    Machine() {
        rig.set("plugin.puppet.statedir", scripts.dir().path().string());
        rig.set("plugin.puppet.rundir", scripts.dir().path().string());
        scripts.add("puppet", "echo \"$*\" >>\"$LOG\"\ncase \"$1\" in resource) "
                              "echo \"Notice: /File[$4]/ensure: created\";; esac");
        write("last_run_summary.yaml", "---\nversion:\n  config: 1362675063\n  puppet: 7.23.0\nresources:\n  changed: 2\n"
                                       "  failed: 1\n  out_of_sync: 3\n  total: 40\n  corrective_change: 1\ntime:\n"
                                       "  config_retrieval: 0.25\n  total: 12.5\n  last_run: " +
                                           std::to_string(rig_time() - 3'725) + "\n");
        write("resources.txt", "file[/etc/motd]\nfile[/etc/hosts]\nservice[nginx]\n");
    }
    void write(const std::string& name, const std::string& text) const { scripts.dir().write(name, text); }
    void disable() const { write("agent_disabled.lock", "{\"disabled_message\":\"maintenance\"}"); }
    void apply() const { write("agent_catalog_run.lock", std::to_string(::getpid()) + "\n"); }
};

TEST_CASE("puppet status reads locks and the last run") {
    Machine machine;
    const auto stopped = machine.rig.run("status");
    REQUIRE_MESSAGE(stopped.status == StatusCode::ok, stopped.message);
    CHECK(output(stopped, "status") == Value("stopped"));
    CHECK(output(stopped, "enabled") == Value(true));
    CHECK(output(stopped, "since_lastrun") == Value(3'725));
    CHECK(output(stopped, "message") == Value("Currently stopped; last completed run 1 hours 2 minutes 5 seconds ago"));
    machine.write("agent.pid", std::to_string(::getpid()));
    CHECK(output(machine.rig.run("status"), "status") == Value("idling"));
    machine.apply();
    const auto applying = machine.rig.run("status");
    CHECK(output(applying, "applying") == Value(true));
    CHECK(output(applying, "idling") == Value(false));
    CHECK(output(applying, "daemon_present") == Value(true));
    CHECK(output(applying, "status") == Value("applying a catalog"));
    machine.disable();
    const auto disabled = machine.rig.run("status");
    CHECK(output(disabled, "status") == Value("disabled"));
    CHECK(output(disabled, "disable_message") == Value("maintenance"));
    machine.write("agent_catalog_run.lock", "999999999");
    CHECK(output(machine.rig.run("status"), "applying") == Value(false));
}

TEST_CASE("disable and enable are told apart from what is so already") {
    Machine machine;
    const auto done = machine.rig.run("disable");
    CHECK(done.status == StatusCode::ok);
    CHECK(output(done, "enabled") == Value(false));
    const auto status = machine.rig.run("status");
    CHECK(has(output(status, "disable_message").to_text(), "cert=alice"));
    CHECK(machine.rig.run("disable", {{"message", "again"}}).status == StatusCode::aborted);
    CHECK(output(machine.rig.run("enable"), "enabled") == Value(true));
    CHECK(machine.rig.run("enable").status == StatusCode::aborted);
    CHECK(machine.rig.run("disable", {{"message", "for \"them\""}}).status == StatusCode::ok);
    CHECK(output(machine.rig.run("status"), "disable_message") == Value("for \"them\""));
}

TEST_CASE("the last run is summed up, with figures that are missing marked") {
    Machine machine;
    const auto reply = machine.rig.run("last_run_summary");
    REQUIRE_MESSAGE(reply.status == StatusCode::ok, reply.message);
    CHECK(output(reply, "out_of_sync_resources") == Value(3));
    CHECK(output(reply, "failed_resources") == Value(1));
    CHECK(output(reply, "changed_resources") == Value(2));
    CHECK(output(reply, "corrected_resources") == Value(1));
    CHECK(output(reply, "total_resources") == Value(40));
    CHECK(output(reply, "config_retrieval_time") == Value(0.25));
    CHECK(output(reply, "total_time") == Value(12.5));
    CHECK(output(reply, "since_lastrun") == Value(3'725));
    CHECK(output(reply, "config_version") == Value("1362675063"));
    CHECK(output(reply, "type_distribution") == Value(Value::Map{{"File", 2}, {"Service", 1}}));
    machine.write("last_run_summary.yaml", "---\ntime:\n  last_run: 7\n");
    const auto failed_run = machine.rig.run("last_run_summary");
    CHECK(output(failed_run, "changed_resources") == Value(-1));
    CHECK(output(failed_run, "config_retrieval_time") == Value(-1));
    machine.write("last_run_summary.yaml", "---\n- [broken\n");
    const auto broken = machine.rig.run("last_run_summary");
    CHECK(broken.status == StatusCode::aborted);
    CHECK(has(broken.message, "last_run_summary.yaml"));
}

TEST_CASE("logs of the last run come from its report, on demand") {
    Machine machine;
    CHECK(output(machine.rig.run("last_run_summary"), "logs") == Value(Value::List{}));
    CHECK(has(machine.rig.run("last_run_summary", {{"logs", true}}).message, "last_run_report.yaml"));
    machine.write("last_run_report.yaml", "--- !ruby/object:Puppet::Transaction::Report\nhost: web1\nlogs:\n"
                                          "- !ruby/object:Puppet::Util::Log\n  level: err\n  message: it broke\n"
                                          "- level: notice\n  message: Applied catalog\n");
    CHECK(output(machine.rig.run("last_run_summary", {{"logs", true}}), "logs") ==
          Value(Value::List{"err: it broke", "notice: Applied catalog"}));
}

TEST_CASE("runonce starts a run in the background, with the options asked for") {
    Machine machine;
    const auto reply = machine.rig.run(
        "runonce", {{"noop", true}, {"tags", "web,db::main"}, {"environment", "test"}, {"use_cached_catalog", false}});
    REQUIRE_MESSAGE(reply.status == StatusCode::ok, reply.message);
    CHECK(output(reply, "initiated_at") == Value(rig_time()));
    CHECK(has(output(reply, "summary").to_text(), "Started a Puppet run"));
    CHECK(machine.scripts.log() ==
          "agent --onetime --daemonize --color=false --splay --splaylimit 30 --noop --no-use_cached_catalog "
          "--tags web,db::main --environment test\n");
    Machine forced;
    CHECK(forced.rig.run("runonce", {{"force", true}}).status == StatusCode::ok);
    CHECK(has(forced.scripts.log(), " --no-splay\n"));
    CHECK(!forced.rig.objection("runonce", {{"tags", "--version"}}).empty());
    CHECK(!forced.rig.objection("runonce", {{"environment", "a b"}}).empty());
}

TEST_CASE("runonce says why it does not run") {
    Machine machine;
    CHECK(has(machine.rig.run("runonce", {{"server", "evil:8140"}}).message, "allow_server_override"));
    CHECK(has(machine.rig.run("runonce", {{"force", true}, {"splay", true}}).message, "combined"));
    machine.apply();
    CHECK(has(machine.rig.run("runonce").message, "applying"));
    machine.disable();
    CHECK(has(machine.rig.run("runonce").message, "maintenance"));
    CHECK(machine.scripts.log().empty());
    Machine allowed;
    allowed.rig.set("plugin.puppet.allow_server_override", "yes");
    CHECK(allowed.rig.run("runonce", {{"server", "ca.example.net:8141"}}).status == StatusCode::ok);
    CHECK(has(allowed.scripts.log(), "--server ca.example.net --serverport 8141"));
    Machine broken;
    broken.scripts.add("puppet", "echo 'Error: Could not parse application options' >&2; exit 1");
    CHECK(has(broken.rig.run("runonce").message, "Could not parse"));
}

TEST_CASE("an idling daemon is told to run with a signal, which takes no options") {
    Machine machine;
    const auto mark = machine.scripts.dir() / "signalled";
    Process daemon({.argv = {"/bin/sh", "-c", "trap ': >" + mark.string() + "; exit 0' USR1; echo >&3; exec 3>&-; while :; do sleep 0.01; done"}},
                   machine.scripts.dir() / "daemon.log", Process::Ready::on_descriptor_3);
    REQUIRE(daemon.wait_ready());
    machine.write("agent.pid", std::to_string(daemon.pid()));
    CHECK(has(machine.rig.run("runonce", {{"noop", true}}).message, "Leave the options out"));
    const auto reply = machine.rig.run("runonce");
    CHECK(has(output(reply, "summary").to_text(), "Signalled"));
    CHECK(daemon.wait() == 0);
    CHECK(std::filesystem::exists(mark));
    CHECK(machine.scripts.log().empty());
}

TEST_CASE("no resource may be changed unless a list allows its type") {
    Machine machine;
    const Value::Map file{{"type", "file"}, {"name", "/etc/devon.txt"}, {"content", "blah"}};
    const auto refused = machine.rig.run("resource", file);
    CHECK(refused.status == StatusCode::aborted);
    CHECK(has(refused.message, "resource_type_whitelist"));
    machine.rig.set("plugin.puppet.resource_type_whitelist", "host, file");
    const auto done = machine.rig.run("resource", file);
    REQUIRE_MESSAGE(done.status == StatusCode::ok, done.message);
    CHECK(output(done, "changed") == Value(true));
    CHECK(has(output(done, "result").to_text(), "created"));
    CHECK(machine.scripts.log() == "resource --color=false file /etc/devon.txt content=blah\n");
    CHECK(has(machine.rig.run("resource", {{"type", "exec"}, {"name", "x"}, {"command", "rm -rf /tmp/matt"}}).message,
              "type exec"));
    CHECK(has(machine.rig.run("resource", {{"type", "file"}, {"name", "/etc/motd"}}).message, "manages"));
    machine.rig.set("plugin.puppet.resource_allow_managed_resources", "yes");
    CHECK(machine.rig.run("resource", {{"type", "file"}, {"name", "/etc/motd"}}).status == StatusCode::ok);
    machine.rig.set("plugin.puppet.resource_name_whitelist.file", "/etc/issue");
    CHECK(has(machine.rig.run("resource", file).message, "the file /etc/devon.txt"));
    machine.rig.set("plugin.puppet.resource_type_blacklist", "exec");
    CHECK(has(machine.rig.run("resource", file).message, "only one can decide"));
}

TEST_CASE("what Puppet would take for an option is refused, and its failures are told") {
    Machine machine;
    machine.rig.set("plugin.puppet.resource_type_blacklist", "exec");
    CHECK(machine.rig.run("resource", {{"type", "file"}, {"name", "--help"}}).status == StatusCode::invalid_data);
    CHECK(machine.rig.run("resource", {{"type", "file"}, {"name", "/x"}, {"--to_yaml", "1"}}).status ==
          StatusCode::invalid_data);
    CHECK(machine.scripts.log().empty());
    machine.scripts.add("puppet", "echo 'Error: Could not find a suitable provider'");
    CHECK(has(machine.rig.run("resource", {{"type", "file"}, {"name", "/x"}}).message, "suitable provider"));
    machine.scripts.add("puppet", "echo \"file { '/x': }\"");
    CHECK(output(machine.rig.run("resource", {{"type", "file"}, {"name", "/x"}}), "changed") == Value(false));
}

TEST_CASE("a machine without Puppet says so") {
    Machine machine;
    machine.rig.set("plugin.puppet.command", "no-such-puppet agent");
    const auto no_program = machine.rig.run("runonce");
    CHECK(no_program.status == StatusCode::aborted);
    CHECK(has(no_program.message, "'no-such-puppet' is not on this machine"));
    CHECK(has(no_program.message, "plugin.puppet.command"));
}

TEST_CASE("as data sources: Puppet's state, a check, a connection") {
    Machine machine;
    machine.disable();
    auto call = machine.rig.call("status");
    const auto puppet = node::data::puppet(call, "");
    REQUIRE_MESSAGE(puppet.has_value(), puppet.error().detail);
    CHECK(puppet->at("enabled") == Value(false));
    CHECK(puppet->at("status") == Value("disabled"));
    CHECK(puppet->at("since_lastrun") == Value(3'725));
    machine.write("checks.cfg", "command[bad]=/bin/sh -c 'exit 2'\n");
    machine.rig.set("plugin.nrpe.conf_path", (machine.scripts.dir() / "checks.cfg").string());
    call = machine.rig.call("status");
    CHECK(node::data::nrpe(call, "bad")->at("exitcode") == Value(2));
    CHECK(node::data::nrpe(call, "unknown")->at("exitcode") == Value(3));
    CHECK(node::data::nettest(call, "no.such.host.invalid:80")->at("connect") == Value(false));
    CHECK(!node::data::nettest(call, "host"));
    CHECK(!node::data::nettest(call, "host:99999"));
}

TEST_CASE("puppet.conf moves the files") {
    Machine machine;
    const auto dir = machine.scripts.dir().path().string();
    machine.write("puppet.conf", "[main]\nvardir = " + dir + "/var\nstatedir = $vardir/st\n[master]\nstatedir = /wrong\n"
                                 "[agent]\n# a remark\nagent_disabled_lockfile = ${statedir}/off.lock\n"
                                 "pidfile = $rundir/p.pid\nrundir = " + dir + "/run\n");
    machine.rig.set("plugin.puppet.config", dir + "/puppet.conf");
    machine.rig.set("plugin.puppet.statedir", "");
    machine.rig.set("plugin.puppet.rundir", "");
    const auto places = node::find_puppet(machine.rig.call("status"));
    REQUIRE_MESSAGE(places.has_value(), places.error().detail);
    CHECK(places->state == dir + "/var/st");
    CHECK(places->disabled_lock == dir + "/var/st/off.lock");
    CHECK(places->pid_file == dir + "/run/p.pid");
    CHECK(places->run_lock == dir + "/var/st/agent_catalog_run.lock");
}

}  // namespace
}  // namespace mco::test
