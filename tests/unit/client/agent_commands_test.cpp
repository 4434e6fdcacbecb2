// The commands for one agent each, against a mesh of paper: what is printed, what is sent, and the status.

#include <filesystem>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/client/paper_mesh.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using proto::StatusCode;
using proto::Value;
using test::PaperConsole;
using test::PaperMesh;
using test::PaperNode;
using test::PaperReply;
using Act = std::function<PaperReply(const proto::RequestBody&)>;

PaperNode node(std::string name, Act act) {
    PaperNode node;
    node.name = std::move(name);
    node.act = std::move(act);
    return node;
}

// Nodes that do what the test says, the shipped DDLs, and what the nodes were asked.
struct Stage {
    std::vector<proto::RequestBody> asked;
    PaperMesh mesh;
    PaperConsole console;

    explicit Stage(std::map<std::string, Act> nodes) : mesh(watched(std::move(nodes))), console(mesh) {
        const auto shipped = std::filesystem::path(MCO_SOURCE_DIR) / "node/agents";
        std::filesystem::create_directories(mesh.dir() / "lib/mcollective/agent");
        for (const auto& entry : std::filesystem::directory_iterator(shipped)) {
            if (entry.path().extension() == ".json" && entry.path().stem() != "rpcutil")
                std::filesystem::copy_file(entry.path(),
                                           mesh.dir() / ("lib/mcollective/agent/" + entry.path().filename().string()),
                                           std::filesystem::copy_options::overwrite_existing);
        }
    }
    std::vector<PaperNode> watched(std::map<std::string, Act> nodes) {
        std::vector<PaperNode> made;
        for (auto& [name, act] : nodes)
            made.push_back(node(name, [this, act = act](const proto::RequestBody& body) {
                asked.push_back(body);
                return act(body);
            }));
        return made;
    }
    std::string text_argument(std::string_view name) const {
        REQUIRE(!asked.empty());
        const auto found = asked.back().arguments.find(name);
        return found == nullptr ? std::string() : found->to_text();
    }
};

Act says(Value::Map data, StatusCode status = StatusCode::ok, std::string message = "OK") {
    return [=](const proto::RequestBody&) { return PaperReply{.status = status, .message = message, .data = data}; };
}

Act package_act(std::string ensure) {
    return says({{"name", "rsync"}, {"ensure", std::move(ensure)}, {"arch", "amd64"}, {"output", "7"}});
}

TEST_CASE("package takes its two words in either order and prints a line a node") {
    Stage stage({{"db1", package_act("purged")}, {"web1.example.net", package_act("3.2.7-1")}});
    const auto one = stage.console.run({"package", "rsync", "status"});
    const auto two = stage.console.run({"package", "status", "rsync"});
    CHECK(one.status == 0);
    CHECK(has(one.out, "                db1: absent\n   web1.example.net: rsync-3.2.7-1.amd64\n"));
    CHECK(has(one.out, "Summary of Ensure:"));
    CHECK(one.out.substr(0, 60) == two.out.substr(0, 60));
    CHECK(stage.text_argument("package") == "rsync");
    CHECK(has(stage.console.run({"package", "count"}).out, "db1: 7\n"));
    CHECK(has(stage.console.run({"package", "status"}).err, "needs a name"));
    CHECK(stage.console.run({"package", "rsync", "explode"}).status == 1);
    CHECK(stage.console.run({"package", "update", "rsync", "--version", "1", "-y"}).status == 1);
}

TEST_CASE("changing every node needs a yes, a filter or --yes") {
    Stage stage({{"db1", package_act("1")}});
    stage.console.input = "n\n";
    const auto no = stage.console.run({"package", "install", "rsync"});
    CHECK(no.status == 1);
    CHECK(no.out == "Do you really want to operate on packages unfiltered? (y/n): ");
    CHECK(stage.asked.empty());
    stage.console.input = "";
    CHECK(stage.console.run({"service", "nginx", "stop"}).status == 1);
    CHECK(stage.asked.empty());
    stage.console.input = "Yes\n";
    CHECK(stage.console.run({"package", "install", "rsync"}).status == 0);
    CHECK(stage.asked.size() == 1);
    stage.console.input = "";
    CHECK(stage.console.run({"package", "install", "rsync", "-y"}).status == 0);
    CHECK(stage.console.run({"package", "install", "rsync", "-I", "db1", "--version", "3-1"}).status == 0);
    CHECK(stage.text_argument("version") == "3-1");
    CHECK(has(stage.console.run({"nettest", "ping", "db1"}).out, "network tests unfiltered? (y/n): "));
}

TEST_CASE("who only looks is not asked whether he really wants to, and nothing is done") {
    Stage stage({{"db1", says({})}, {"web1", says({})}});
    const auto looked = stage.console.run({"package", "install", "rsync", "--preview"});
    CHECK(looked.out == "db1\nweb1\n");
    CHECK(looked.status == 0);
    for (const auto& body : stage.asked) CHECK(body.agent == "discovery");
    stage.asked.clear();
    CHECK(has(stage.console.run({"package", "install", "rsync", "--can-i"}).out, " allowed\n"));
    for (const auto& body : stage.asked) CHECK(body.purpose == proto::Purpose::judge);
}

TEST_CASE("service shows after a change only who is not as he should be") {
    Stage stage({{"db1", says({{"status", "running"}})},
                 {"web1", says({{"status", "stopped"}})},
                 {"web2", says({{"status", "stopped"}}, StatusCode::aborted, "Could not start 'x': no")}});
    const auto started = stage.console.run({"service", "x", "start", "-y"});
    CHECK(started.status == 2);
    CHECK(!has(started.out, "db1: "));
    CHECK(has(started.out, "   web1: stopped\n   web2: Could not start 'x': no\n"));
    const auto stopped = stage.console.run({"service", "stop", "x", "-y"});
    CHECK(has(stopped.out, "    db1: running\n"));
    CHECK(!has(stopped.out, "web1: "));
    CHECK(has(stage.console.run({"service", "x", "status"}).out, "    db1: running\n   web1: stopped\n"));
    const auto json = stage.console.run({"service", "x", "status", "-j"});
    CHECK(json.out.starts_with("[{\"agent\":\"service\",\"action\":\"status\",\"sender\":\"db1\""));
}

TEST_CASE("filemgr says present or not, and takes the path glued to its option") {
    Stage stage({{"db1", says({{"output", "not present"}}, StatusCode::aborted, "/tmp/x does not exist")},
                 {"web1", says({{"output", "present"}, {"size", 6}})}});
    const auto ran = stage.console.run({"filemgr", "status", "--file/tmp/x"});
    CHECK(ran.status == 2);
    CHECK(has(ran.out, left("db1", 40) + ": not present\n" + left("web1", 40) + ": present\n"));
    CHECK(stage.text_argument("file") == "/tmp/x");
    CHECK(has(stage.console.run({"filemgr", "status", "-d", "-f", "/tmp/x"}).out, "Size: 6"));
    CHECK(has(stage.console.run({"filemgr", "status"}).err, "mandatory"));
    CHECK(stage.console.run({"filemgr", "-f", "/tmp/x"}).status == 2);
    CHECK(stage.asked.back().action == "touch");
    CHECK(stage.console.run({"filemgr", "-f", "/tmp/x", "explode"}).status == 1);
}

TEST_CASE("nrpe prints who is not OK and counts all four states") {
    Stage stage({{"db1", says({{"exitcode", 2}, {"output", "LOAD CRITICAL"}}, StatusCode::aborted, "CRITICAL")},
                 {"web1", says({{"exitcode", 0}, {"output", "LOAD OK"}})}});
    const auto ran = stage.console.run({"nrpe", "check_load"});
    CHECK(ran.status == 0);
    CHECK(has(ran.out, left("db1", 40) + " status=CRITICAL\n    LOAD CRITICAL\n"));
    CHECK(!has(ran.out, "LOAD OK"));
    CHECK(has(ran.out, "        OK : 1\n  CRITICAL : 1\n   WARNING : 0\n   UNKNOWN : 0\n"));
    CHECK(has(stage.console.run({"nrpe", "check_load", "-v"}).out, "LOAD OK"));
    CHECK(has(stage.console.run({"rpc", "nrpe", "runcommand", "command=check_load"}).out, "   CRITICAL : 1\n"));
    CHECK(stage.console.run({"nrpe"}).status == 1);
}

TEST_CASE("process prints a table a node and a summary") {
    const Value::Map redis{{"pid", 12}, {"username", "redis"}, {"vsize", 8192}, {"rss", 2048}, {"state", "S"}, {"cmdline", std::string(70, 'x')}};
    const Value::Map dead{{"pid", 13}, {"username", "averylongname"}, {"vsize", 0}, {"rss", 0}, {"state", "Z"}, {"cmdline", "sh"}};
    Stage stage({{"db1", says({{"pslist", Value::List{redis, dead}}})}, {"web1", says({{"pslist", Value::List{}}})}});
    const auto ran = stage.console.run({"process", "list", "x"});
    CHECK(ran.status == 0);
    CHECK(has(ran.out, "   db1\n\n     PID    USER          VSZ     COMMAND\n"));
    CHECK(has(ran.out, "     12     redis         8 KB    " + std::string(60, 'x') + "\n"));
    CHECK(has(ran.out, "     13     averylongn    0 B     [sh]\n"));
    CHECK(!has(ran.out, "   web1\n"));
    CHECK(has(ran.out, "Matched hosts: 1\n   Matched processes: 2\n       Resident Size: 2 MB\n        Virtual Size: 8 KB\n"));
    CHECK(stage.text_argument("pattern") == "x");
    CHECK(has(stage.console.run({"process", "list", "--fields", "pid,rss", "-z"}).out, "     PID    RSS\n"));
    CHECK(stage.text_argument("just_zombies") == "true");
    stage.console.extra_config = "plugin.process.fields = state,tty\n";
    CHECK(has(stage.console.run({"process", "list"}).out, "     STATE    TTY\n"));
    CHECK(!has(stage.console.run({"process", "list", "--silent"}).out, "STATE"));
    CHECK(stage.console.run({"process", "list", "--fields", "nosuch"}).status == 1);
}

TEST_CASE("puppet count adds up, and its options are checked before anything is sent") {
    const auto status = [](bool enabled, bool applying, bool daemon) {
        return says({{"enabled", enabled}, {"applying", applying}, {"daemon_present", daemon},
                     {"idling", daemon && !applying}, {"message", "Currently so"}});
    };
    Stage stage({{"a", status(true, true, true)}, {"b", status(true, false, false)}, {"c", status(false, false, false)}});
    const auto count = stage.console.run({"puppet", "count"});
    CHECK(count.status == 0);
    CHECK(has(count.out, "Total Puppet nodes: 3\n\n          Nodes currently enabled: 2\n         Nodes currently disabled: 1\n\n"
                         "Nodes currently doing puppet runs: 1\n          Nodes currently stopped: 2\n\n"
                         "       Nodes with daemons started: 1\n    Nodes without daemons started: 2\n"
                         "       Daemons started but idling: 0\n\n"));
    CHECK(has(stage.console.run({"puppet", "status"}).out, "   a: Currently so\n   b: Currently so\n"));
    CHECK(stage.console.run({"puppet", "runonce", "--noop", "--tag", "web", "--tags", "db,x", "--no-splay"}).status == 0);
    CHECK(stage.text_argument("noop") == "true");
    CHECK(stage.text_argument("splay") == "false");
    CHECK(stage.text_argument("tags") == "web,db,x");
    CHECK(stage.console.run({"puppet", "resource", "file", "/etc/x", "content=blah"}).status == 0);
    CHECK(stage.text_argument("content") == "blah");
    CHECK(stage.console.run({"puppet", "disable", "why not"}).status == 0);
    CHECK(stage.text_argument("message") == "why not");
    stage.asked.clear();
    using Words = std::vector<std::string>;
    for (const auto& words : {Words{}, Words{"explode"}, Words{"runall"}, Words{"runall", "0"}, Words{"runall", "x"},
                              Words{"runonce", "--force", "--splay"}, Words{"runonce", "--force", "--splaylimit", "5"},
                              Words{"runonce", "--noop", "--no-noop"}, Words{"resource", "file"},
                              Words{"resource", "file", "/x", "content"}}) {
        Words line{"puppet"};
        line.insert(line.end(), words.begin(), words.end());
        CHECK_MESSAGE(stage.console.run(line).status == 1, (words.empty() ? std::string() : words.back()));
    }
    CHECK(stage.asked.empty());
}

TEST_CASE("puppet summary has a row a figure; what is not noted is left out") {
    const auto figures = [](std::int64_t total, std::int64_t changed) {
        return says({{"total_resources", total}, {"changed_resources", changed}, {"total_time", 1.5}});
    };
    Stage stage({{"a", figures(10, -1)}, {"b", figures(30, -1)}});
    const auto ran = stage.console.run({"puppet", "summary"});
    CHECK(has(ran.out, "                   Total resources: ▇▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇  min: 10.0   avg: 20.0   max: 30.0  \n"));
    CHECK(has(ran.out, "                 Changed resources: no figures\n"));
    CHECK(has(ran.out, "          Total run-time (seconds): "));
}

// Nodes whose runs take so many polls; the greatest number that applied at once is remembered.
struct Farm {
    std::map<std::string, int> left;  // polls until the run is over
    std::set<std::string> done;
    std::size_t most = 0;

    Act act(const std::string& name, int polls) {
        return [this, name, polls](const proto::RequestBody& body) {
            if (body.action == "runonce") {
                left[name] = polls;
                most = std::max(most, left.size());
                return PaperReply{};
            }
            const bool applying = left.contains(name);
            PaperReply reply{.data = {{"enabled", name != "off"}, {"applying", applying}, {"lastrun", done.contains(name) ? 2 : 1}}};
            if (applying && --left[name] == 0) {
                left.erase(name);
                done.insert(name);
            }
            return reply;
        };
    }
};

TEST_CASE("puppet runall keeps to its number, and runs everybody who is enabled once") {
    Farm farm;
    std::map<std::string, Act> nodes;
    for (const auto* name : {"a", "b", "c", "d", "e", "f", "off"}) nodes[name] = farm.act(name, 3);
    Stage stage(nodes);
    const auto ran = stage.console.run({"puppet", "runall", "2"});
    CHECK(ran.status == 0);
    CHECK(farm.most == 2);
    CHECK(farm.done == std::set<std::string>{"a", "b", "c", "d", "e", "f"});
    CHECK(has(ran.out, ": Discovered 6 enabled nodes to manage\n"));
    CHECK(has(ran.out, ": a schedule status: started\n"));
    CHECK(has(ran.out, ": Iteration complete\n"));
}

TEST_CASE("puppet runall gives up on a node that does not begin, and passes over one that refuses") {
    Farm farm;
    Stage stage({{"good", farm.act("good", 2)},
                 {"lazy", [](const proto::RequestBody&) { return PaperReply{.data = {{"enabled", true}, {"applying", false}, {"lastrun", 1}}}; }},
                 {"mule", [](const proto::RequestBody& body) {
                      if (body.action == "runonce") return PaperReply{.status = StatusCode::aborted, .message = "no"};
                      return PaperReply{.data = {{"enabled", true}, {"applying", false}, {"lastrun", 1}}};
                  }}});
    const auto ran = stage.console.run({"puppet", "runall", "1"});
    CHECK(ran.status == 0);
    CHECK(farm.done.contains("good"));
    CHECK(has(ran.out, "Giving up on lazy: it did not begin to run\n"));
    CHECK(has(ran.out, "mule did not start: no\n"));
}

TEST_CASE("shell prints outputs, handles and jobs by node") {
    Stage stage({{"db1", [](const proto::RequestBody& body) {
                      if (body.action == "start") return PaperReply{.data = {{"handle", "h-1"}}};
                      if (body.action == "list")
                          return PaperReply{.data = {{"jobs", Value::Map{{"h-1", Value::Map{{"command", "sleep 9"}, {"status", "running"}}}}}}};
                      return PaperReply{.data = {{"stdout", "one\ntwo\n"}, {"stderr", "oops\n"}, {"exitcode", 3}}};
                  }}});
    const auto ran = stage.console.run({"shell", "run", "echo", "one", "-I", "db1"});
    CHECK(ran.status == 0);
    CHECK(ran.out.starts_with("db1:\none\ntwo\n    STDERR:\n    oops\nexitcode: 3\n"));
    CHECK(stage.text_argument("command") == "echo one");
    CHECK(has(stage.console.run({"shell", "start", "sleep 9"}).out, "db1: h-1\n"));
    CHECK(has(stage.console.run({"shell", "list", "-v"}).out, "db1:\n    h-1\n        command: sleep 9\n        status:  running\n"));
    for (const auto* words : {"run", "watch", "explode"}) CHECK(stage.console.run({"shell", words}).status == 1);
}

TEST_CASE("shell watch shows whole lines as they come, from where it stopped reading") {
    int polls = 0;
    const std::string handle = "00000000-0000-4000-8000-000000000000";
    Stage stage({{"db1", [&](const proto::RequestBody& body) {
                      if (body.action == "list") return PaperReply{.data = {{"jobs", Value::Map{{handle, Value::Map{}}}}}};
                      const auto* known = body.arguments.find("stdout_offset");
                      const auto from = known == nullptr ? 0 : *known->integer();
                      const std::string all = ++polls == 1 ? "first li" : "first line\nsecond";
                      return PaperReply{.data = {{"stdout", all.substr(static_cast<std::size_t>(from))}, {"stderr", ""},
                                                 {"stdout_offset", static_cast<std::int64_t>(all.size())}, {"stderr_offset", 0},
                                                 {"status", polls < 2 ? "running" : "stopped"}}};
                  }}});
    const auto ran = stage.console.run({"shell", "watch", handle});
    CHECK(ran.status == 0);
    CHECK(ran.out == "db1 stdout: first line\ndb1 stdout: second\n");
    CHECK(polls == 3);
    CHECK(has(stage.console.run({"shell", "watch", "00000000-0000-4000-8000-00000000ffff"}).err, "no node knows"));
}

TEST_CASE("commands for one agent print rpc's layouts where options ask for them") {
    Stage stage({{"db1", package_act("purged")}, {"web1", package_act("3.2.7-1")}, {"web2", package_act("3.2.7-1")}});
    const auto run = [&](std::vector<std::string> options) {
        std::vector<std::string> words{"package", "status", "rsync"};
        words.insert(words.end(), options.begin(), options.end());
        return stage.console.run(words);
    };
    const auto lines = run({"--jsonl", "--sort"});
    CHECK(lines.out.starts_with("{\"agent\":\"package\",\"action\":\"status\",\"sender\":\"db1\""));
    CHECK(has(lines.out, "\n{\"ledger\":{"));
    CHECK(std::count(lines.out.begin(), lines.out.end(), '\n') == 4);
    CHECK(run({"-j"}).out.starts_with("[{\"agent\":\"package\""));
    CHECK(run({"--table"}).out.starts_with("Node  Arch"));
    CHECK(has(run({"--fold"}).out, "web[1-2] (2 nodes)"));
    CHECK(has(run({"--display", "none"}).out, "Summary of Ensure:"));
    CHECK(!has(run({"--display", "none"}).out, "web1"));
    CHECK(has(run({"--display", "some"}).err, "ok, failed, all or none"));
    CHECK(has(run({"--table", "--fold"}).err, "exclude each other"));
    CHECK(run({}).out.starts_with("    db1: absent\n   web1: rsync-3.2.7-1.amd64\n"));
}

TEST_CASE("what makes many calls has no layout of one") {
    Stage stage({{"db1", says({})}});
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"puppet", "runall", "2", "-j"}, {"shell", "run", "--tail", "uptime", "--table"}, {"shell", "watch", "h", "--jsonl"}}) {
        const auto ran = stage.console.run(words);
        CHECK(ran.status == 1);
        CHECK(has(ran.err, "is for the replies of one call"));
    }
    CHECK(stage.asked.empty());
}

TEST_CASE("puppetd is puppet, its runonce takes a number, and a word nobody knows is named") {
    Stage stage({{"db1", says({{"enabled", false}})}});
    const auto ran = stage.console.run({"puppetd", "runonce", "-W", "country=us", "3"});
    CHECK(has(ran.out, "Running all nodes with a concurrency of 3"));
    CHECK(has(stage.console.run({"puppet", "runonce", "0"}).err, "runonce needs how many"));
    CHECK(has(stage.console.run({"puppet", "sumary"}).err, "'sumary' is not known (did you mean 'summary'?)"));
    CHECK(has(stage.console.run({"package", "a", "b"}).err, "neither 'a' nor 'b' is an action"));
}

}  // namespace
}  // namespace mco::client
