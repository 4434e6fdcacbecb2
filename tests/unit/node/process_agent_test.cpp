#include <errno.h>
#include <unistd.h>

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "node/agents/process.hpp"
#include "node/data/sources.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/node/agent_rig.hpp"

namespace mco::test {
namespace {

using node::Process;
using proto::StatusCode;
using proto::Value;

// A process table of the test's own.
struct Proc {
    TempDir dir;
    void add(int pid, std::string_view name, char state, const std::string& command_line) const {
        dir.write(fmt::format("{}/stat", pid),
                  fmt::format("{} ({}) {} 7 1 1 34816 1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 99 8192 25 "
                              "18446744073709551615 1 1\n",
                              pid, name, state));
        dir.write(fmt::format("{}/cmdline", pid), command_line);
    }
};

std::string pids(const node::ActionReply& reply) {
    std::string text;
    for (const auto& row : *output(reply, "pslist").list()) text += row.find("pid")->to_text() + " ";
    return text;
}

TEST_CASE("every process is listed with MCollective's fields") {
    const Proc proc;
    proc.add(20, "redis-server", 'S', std::string("redis-server\0*:6379\0", 20));
    proc.add(3, "evil) S (name", 'R', std::string("/opt/a b\0", 9));
    proc.add(100, "kthreadd", 'I', "");
    proc.dir.write("self/stat", "not a process");
    proc.dir.write("77/stat", "77 (half");
    Process process(proc.dir.path());
    AgentRig rig(process);
    const auto reply = rig.run("list");
    REQUIRE(reply.status == StatusCode::ok);
    CHECK(pids(reply) == "3 20 100 ");
    const auto& redis = (*output(reply, "pslist").list())[1];
    CHECK(*redis.find("cmdline") == Value("redis-server *:6379"));
    CHECK(*redis.find("vsize") == Value(8192));
    CHECK(*redis.find("rss") == Value(static_cast<std::int64_t>(25 * ::sysconf(_SC_PAGESIZE) / 1024)));
    CHECK(*redis.find("state") == Value("S"));
    CHECK(*redis.find("ppid") == Value(7));
    CHECK(*redis.find("tty_nr") == Value(34816));
    CHECK(*redis.find("threads") == Value(3));
    CHECK(*(*output(reply, "pslist").list())[0].find("state") == Value("R"));
    CHECK(*(*output(reply, "pslist").list())[2].find("cmdline") == Value("[kthreadd]"));
}

TEST_CASE("pattern, zombies and user choose") {
    const Proc proc;
    proc.add(1, "init", 'S', "/sbin/init");
    proc.add(2, "dead", 'Z', "");
    proc.add(3, "redis-server", 'S', "redis-server");
    Process process(proc.dir.path());
    AgentRig rig(process);
    CHECK(pids(rig.run("list", {{"pattern", "^redis"}})) == "3 ");
    CHECK(pids(rig.run("list", {{"just_zombies", true}})) == "2 ");
    const auto me = (*output(rig.run("list"), "pslist").list())[0].find("username")->to_text();
    CHECK(pids(rig.run("list", {{"user", me}})) == "1 2 3 ");
    CHECK(pids(rig.run("list", {{"user", "nobody-at-all"}})).empty());
    CHECK(rig.run("list", {{"pattern", "("}}).status == StatusCode::invalid_data);
    CHECK(rig.objection("list", {{"pattern", "a;b"}}).find("pattern") != std::string::npos);
}

TEST_CASE("a table that does not fit is cut, and the reply says so") {
    const Proc proc;
    const std::string long_line(4'000, 'x');
    for (int pid = 1; pid <= 200; ++pid) proc.add(pid, "x", 'S', long_line);
    Process process(proc.dir.path());
    AgentRig rig(process);
    const auto reply = rig.run("list");
    CHECK(output(reply, "pslist").list()->size() < 200);
    CHECK(reply.message.find("of 200 processes") != std::string::npos);
    CHECK(proto::to_json(Value(reply.data)).size() < 700'000);
}

TEST_CASE("as a data source: whoever asks for a process is not the process") {
    const Proc proc;
    const auto exists = [&](const char* pattern) {
        const auto outputs = node::data::process_in(proc.dir.path(), pattern);
        REQUIRE_MESSAGE(outputs.has_value(), outputs.error().detail);
        return outputs->at("exists") == Value(true);
    };
    proc.add(1, "init", 'S', "/sbin/init");
    proc.add(2, "mco", 'S', "mco ping -S process('redis-server').exists=true");
    proc.add(3, "ssh", 'S', "ssh host mco ping -S \"process(\"redis-server\").exists=true\"");
    CHECK(!exists("redis-server"));
    proc.add(4, "redis-server", 'S', "redis-server *:6379");
    CHECK(exists("redis-server"));
    CHECK(exists("^redis"));
    CHECK(!exists("^server"));
    CHECK(!node::data::process_in(proc.dir.path(), "("));
}

TEST_CASE("the machine's own table holds this test") {
    Process process;
    AgentRig rig(process);
    const auto reply = rig.run("list", {{"pattern", std::string(::program_invocation_short_name)}});
    bool found = false;
    for (const auto& row : *output(reply, "pslist").list())
        found = found || *row.find("pid") == Value(static_cast<std::int64_t>(::getpid()));
    CHECK(found);
}

TEST_CASE("a table that cannot be read is a failure with its name") {
    Process process("/nonexistent/proc");
    AgentRig rig(process);
    const auto reply = rig.run("list");
    CHECK(reply.status == StatusCode::aborted);
    CHECK(reply.message.find("/nonexistent/proc") != std::string::npos);
}

}  // namespace
}  // namespace mco::test
