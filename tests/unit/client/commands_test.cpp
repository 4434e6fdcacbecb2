// Commands against a mesh of paper: literally what is printed, and the status.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include <doctest/doctest.h>

#include "client/progress.hpp"
#include "proto/codec.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using proto::StatusCode;
using proto::Value;
using namespace test;

TEST_CASE("ping prints a line for each reply, and the statistics") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const auto ran = console.run({"ping"});
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK(ran.out == padded("web1") + " time=2.00 ms\n" + padded("web2") + " time=4.00 ms\n" + padded("db1") +
                         " time=6.00 ms\n" +
                         "\n\n---- ping statistics ----\n3 replies max: 6.00 min: 2.00 avg: 4.00 \n");
}

TEST_CASE("ping --graph appends a sparkline") {
    PaperMesh mesh(three());
    mesh.nodes[2].delay = 120ms;
    PaperConsole console(mesh);
    CHECK(has(console.run({"ping", "--graph"}).out, "avg: 42.00 ▇▁▄\n"));
    console.extra_config = "plugin.rpc.graph = 1\n";
    CHECK(has(console.run({"ping"}).out, "avg: 42.00 ▇▁▄\n"));
}

TEST_CASE("ping without a reply ends with 4") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const auto ran = console.run({"ping", "-C", "nosuch"});
    CHECK(ran.status == 4);
    CHECK(ran.out == "\n\n---- ping statistics ----\nNo responses received\n");
}

TEST_CASE("ping names a missing node with its reason and ends with 5") {
    auto nodes = three();
    nodes[1] = frozen(nodes[1]);
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const auto ran = console.run({"ping"});
    CHECK(ran.status == 5);
    CHECK(ran.out == padded("web1") + " time=2.00 ms\n" + padded("db1") + " time=6.00 ms\n" +
                         "\n\n---- ping statistics ----\n2 replies max: 6.00 min: 2.00 avg: 4.00 \n" +
                         "\nNo response from:\n\n    web2                           " + frozen_line + "\n" +
                         "3 expected = 2 ok + 1 missing (1 no ack)\n");
    CHECK(console.run({"ping", "-I", "web1"}).status == 0);  // web2 was not asked
    CHECK(console.run({"ping", "-I", "web2"}).status == 4);
    console.extra_config = "compat_exit = 1\n";
    CHECK(console.run({"ping"}).status == 0);
}

TEST_CASE("ping of a name that nobody has ends at once with 4 and names it") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const auto ran = console.run({"ping", "-I", "typo"});
    CHECK(ran.status == 4);
    CHECK(has(ran.out, "No response from:\n\n    typo                           is not known in this collective\n"));
}

TEST_CASE("find prints names as they come, or sorted, or as JSON") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    CHECK(console.run({"find"}).out == "web1\nweb2\ndb1\n");
    CHECK(console.run({"find", "--sort"}).out == "db1\nweb1\nweb2\n");
    CHECK(console.run({"find", "-C", "/^http/", "-F", "country=uk"}).out == "db1\n");
    CHECK(console.run({"find", "-I", "web[12]"}).out == "web1\nweb2\n");
    CHECK(console.run({"find", "-W", "httpd country=us"}).out == "web1\n");
    CHECK(
        console.run({"find", "-I", "db1", "-j"}).out ==
        R"([{"agent":"discovery","action":"ping","sender":"db1","statuscode":0,"statusmsg":"OK","data":{"pong":1790000000}}])"
        "\n");
    const auto none = console.run({"find", "-C", "nosuch"});
    CHECK(none.status == 1);
    CHECK(none.out.empty());
    const auto verbose = console.run({"find", "-v"});
    CHECK(verbose.status == 0);
    CHECK(verbose.out == "web1\nweb2\ndb1\n");
    CHECK(has(verbose.err, "Discovered 3 nodes in 0.01 seconds"));
}

TEST_CASE("ping -v says whose facts may be old") {
    auto nodes = three();
    nodes[1].data = Value::Map{{"pong", 1}, {"facts_broken", true}};
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    CHECK(has(console.run({"ping", "-v"}).out, "web2: a file of its facts cannot be read, so they may be old; see mco inventory web2\n"));
    CHECK_FALSE(has(console.run({"ping"}).out, "facts"));
}

TEST_CASE("rpc prints blocks, the summary and the statistics line") {
    auto nodes = three();
    nodes[2].status = StatusCode::aborted;
    nodes[2].message = "fact store is empty";
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const auto ran = console.run({"rpc", "rpcutil", "get_fact", "fact=country"});
    CHECK(ran.status == 2);
    CHECK(ran.err.empty());
    CHECK(ran.out == padded("web1") + " \n    Fact: country\n   Value: us\n\n" + padded("web2") +
                         " \n    Fact: country\n   Value: us\n\n" + padded("db1") +
                         " Request Aborted\n   fact store is empty\n\n" +
                         "\nSummary of Value:\n\n   us = 2\n\n"
                         "\nFinished processing 3 / 3 hosts in 6.00 ms\n\n3 expected = 2 ok + 1 failed\n");
}

TEST_CASE("rpc takes agent, action and arguments as options too") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const auto words = console.run({"rpc", "rpcutil", "get_fact", "fact=country", "--sort"});
    CHECK(console.run({"rpc", "-a", "rpcutil", "--action", "get_fact", "--arg", "fact=country", "--sort"}).out ==
          words.out);
    CHECK(console.run({"rpc", "--sort", "-a", "rpcutil", "get_fact", "--argument=fact=country"}).out == words.out);
    CHECK(words.out.starts_with(padded("db1")));
}

TEST_CASE("rpc hides by the DDL and by --display, and aggregates all the same") {
    auto nodes = three();
    for (auto& one : nodes) one.data = Value::Map{{"size", 2}, {"open", true}};
    nodes[0].status = StatusCode::aborted;
    nodes[0].message = "no";
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const std::string tail =
        "\nSummary of Size:\n\n   Sum of size: 4.000000\n\n"
        "Summary of Size:\n\n   Average of size: 2.000000\n\n"
        "Summary of Open?:\n\n    True = 2\n\n"
        "Summary of nosuch:\n\n   Could not compute summary - the action has no output nosuch\n\n"
        "\nFinished processing 3 / 3 hosts in 6.00 ms\n\n3 expected = 2 ok + 1 failed\n";
    const std::string failed = padded("web1") + " Request Aborted\n   no\n\n";
    const auto good = [](const std::string& name) { return padded(name) + " \n   Open?: true\n    Size: 2\n\n"; };
    CHECK(console.run({"rpc", "lab", "look"}).out == failed + tail);
    CHECK(console.run({"rpc", "lab", "look", "--display", "failed"}).out == failed + tail);
    CHECK(console.run({"rpc", "lab", "look", "--display", "ok"}).out == good("web2") + good("db1") + tail);
    CHECK(console.run({"rpc", "lab", "look", "--display", "all"}).out == failed + good("web2") + good("db1") + tail);
    CHECK(console.run({"rpc", "lab", "look", "--display", "none"}).out == tail);
    CHECK(console.run({"rpc", "lab", "look", "--display", "some"}).status == 1);
}

TEST_CASE("rpc -j keeps standard output an array whatever happens") {
    auto nodes = three();
    nodes[1] = frozen(nodes[1]);
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const auto ran = console.run({"rpc", "rpcutil", "ping", "-j"});
    CHECK(ran.status == 5);
    CHECK(proto::parse_json(ran.out).has_value());
    CHECK(ran.out.starts_with("[{\"agent\":\"rpcutil\",\"action\":\"ping\",\"sender\":\"web1\","));
    CHECK(ran.err == "No response from:\n\n    web2                           " + frozen_line +
                         "\n3 expected = 2 ok + 1 missing (1 no ack)\n");
    const auto nobody = console.run({"rpc", "rpcutil", "ping", "-j", "-I", "/nosuch/"});
    CHECK(nobody.status == 1);
    CHECK(nobody.out == "[]\n");
    CHECK(nobody.err == "No request sent, we did not discover any nodes.\nNone of 3 nodes has agent rpcutil and matches the filter.\n");
}

TEST_CASE("rpc: nobody matched is 1, nobody replied is 3, a silent name is 4") {
    auto nodes = three();
    for (auto& one : nodes) one = frozen(one);
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const auto silent = console.run({"rpc", "rpcutil", "ping"});
    CHECK(silent.status == 3);
    CHECK(has(silent.out, "Finished processing 0 / 3 hosts in 6.00 ms\n"));
    CHECK(has(silent.out, "    db1 "));
    CHECK(console.run({"rpc", "rpcutil", "ping", "-I", "web1"}).status == 4);
    PaperMesh awake(three());
    PaperConsole other(awake);
    const auto nobody = other.run({"rpc", "rpcutil", "ping", "-F", "country=de"});
    CHECK(nobody.status == 1);
    CHECK(nobody.out.empty());
    CHECK(nobody.err == "No request sent, we did not discover any nodes.\nNone of 3 nodes has agent rpcutil and matches the filter.\n");
}

TEST_CASE("rpc -v shows all that was sent and the block of statistics") {
    PaperMesh mesh({node("web1", {{"country", "us"}}, {}, 2ms)});
    PaperConsole console(mesh);
    const auto ran = console.run({"rpc", "rpcutil", "ping", "-v"});
    CHECK(ran.status == 0);
    CHECK(ran.out.starts_with(padded("web1") +
                              ": OK\n    {\n      \"pong\": 1790000000\n    }\n\n\n---- rpcutil#ping call stats ----\n"
                              "           Nodes: 1 / 1\n     Pass / Fail: 1 / 0\n"));
    CHECK(has(ran.out, "      Total Time: 3.00ms\n           Entry: entry (tcp://127.0.0.1:1)\n\n1 expected = 1 ok\n"));
    CHECK(console.run({"rpc", "rpcutil", "ping", "-v", "-q"}).out == console.run({"rpc", "rpcutil", "ping"}).out);
}

TEST_CASE("rpc --nr prints the request's id and does not wait") {
    PaperMesh mesh({node("web1", {}, {}, 60s)});
    PaperConsole console(mesh);
    const auto before = mesh.now.mono;
    const auto ran = console.run({"rpc", "rpcutil", "ping", "--nr"});
    CHECK(ran.status == 0);
    CHECK(ran.out.starts_with("Request sent with id: "));
    CHECK(ran.out.size() == std::string("Request sent with id: ").size() + 32 + 1);
    CHECK(mesh.now.mono - before < 1s);
}

TEST_CASE("a terminal gets a progress bar, which makes room for results; --np, -j and pipes get none") {
    PaperMesh mesh({node("web1", {}, {}, 2ms)});
    PaperConsole console(mesh);
    console.terminal.tty = true;
    const auto ran = console.run({"rpc", "rpcutil", "ping", "--color", "never"});
    const std::string blank = "\r\x1b[K" + padded("web1") + " \n   Timestamp: 1790000000\n\n";
    CHECK(has(ran.out, blank));
    CHECK(has(ran.out, "\r * [ " + std::string(58, '=') + "> ] 1 / 1\n\n"));
    CHECK(!has(console.run({"rpc", "rpcutil", "ping", "--np"}).out, "\r"));
    CHECK(!has(console.run({"rpc", "rpcutil", "ping", "-j"}).out, "\r"));
    console.terminal.columns = 30;
    CHECK(has(console.run({"rpc", "rpcutil", "ping"}).out, "\r1 / 1\n\n"));
    console.terminal.tty = false;
    CHECK(!has(console.run({"rpc", "rpcutil", "ping"}).out, "\r"));
}

TEST_CASE("colour only on a terminal that wants it") {
    PaperMesh mesh({node("web1", {}, {}, 2ms)});
    PaperConsole console(mesh);
    const auto coloured = [&](std::vector<std::string> more = {}) {
        std::vector<std::string> words{"rpc", "rpcutil", "ping", "--np"};
        words.insert(words.end(), more.begin(), more.end());
        return has(console.run(words).out, "\x1b[32m");
    };
    CHECK(!coloured());
    CHECK(coloured({"--color", "always"}));
    console.terminal.tty = true;
    CHECK(coloured());
    CHECK(!coloured({"--color=never"}));
    console.environment["NO_COLOR"] = "1";
    CHECK(!coloured());
    console.environment.erase("NO_COLOR");
    console.extra_config = "color = 0\n";
    CHECK(!coloured());
    CHECK(coloured({"--color", "always"}));
}

TEST_CASE("facts reports values with their counts") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const std::string finished = "\nFinished processing 3 / 3 hosts in 6.00 ms\n\n";
    const auto ran = console.run({"facts", "country"});
    CHECK(ran.status == 0);
    CHECK(ran.out == "Report for fact: country\n\n        " + padded("uk") + " found 1 times\n        " + padded("us") +
                         " found 2 times\n" + finished);
    const auto verbose = console.run({"facts", "country", "-v"});
    CHECK(has(verbose.out, "        " + padded("us") + " found 2 times\n\n            web1\n            web2\n\n"));
    const auto none = console.run({"facts", "nosuch"});
    CHECK(none.status == 0);
    CHECK(none.out == "No values found for fact nosuch\n" + finished);
    CHECK(console.run({"facts", "country", "--table"}).out ==
          "Value  Nodes  Names\nuk     1      db1\nus     2      web[1-2]\n" + finished);
    CHECK(console.run({"facts", "country", "--table", "-j"}).status == 1);
    CHECK(console.run({"facts"}).status == 1);
    CHECK(console.run({"facts", "bad name"}).status == 1);
}

TEST_CASE("inventory prints its page") {
    auto one = node("web1", {}, {}, 2ms);
    one.data = Value::Map{{"version", "0.1.0"},
                          {"starttime", "then"},
                          {"configfile", "/etc/mco/mcod.conf"},
                          {"pid", 12170},
                          {"total", 62},
                          {"passed", 60},
                          {"filtered", 2},
                          {"ttlexpired", 0},
                          {"replies", 59},
                          {"times", Value::Map{{"utime", 0.423}, {"stime", 0.08}}},
                          {"collectives", Value::List{"mcollective", "a"}},
                          {"main_collective", "mcollective"},
                          {"agents", Value::List{"rpcutil", "discovery", "filemgr", "shell"}},
                          {"data_plugins", Value::List{}},
                          {"classes", Value::List{"httpd", "common::linux"}},
                          {"facts", Value::Map{{"os", Value::Map{{"family", "Debian"}}}, {"country", "us"}}}};
    PaperMesh mesh({one});
    PaperConsole console(mesh);
    const auto ran = console.run({"inventory", "web1"});
    CHECK(ran.status == 0);
    CHECK(ran.out ==
          "Inventory for web1:\n"
          "\n"
          "   Server Statistics:\n"
          "                      Version: 0.1.0\n"
          "                   Start Time: then\n"
          "                  Config File: /etc/mco/mcod.conf\n"
          "                  Collectives: a, mcollective\n"
          "              Main Collective: mcollective\n"
          "                   Process ID: 12170\n"
          "               Total Messages: 62\n"
          "      Messages Passed Filters: 60\n"
          "            Messages Filtered: 2\n"
          "             Expired Messages: 0\n"
          "                 Replies Sent: 59\n"
          "         Total Processor Time: 0.42 seconds\n"
          "                  System Time: 0.08 seconds\n"
          "\n"
          "   Agents:\n"
          "      discovery       filemgr         rpcutil        \n"
          "      shell           \n"
          "\n"
          "   Data Plugins:\n"
          "      No data plugins installed\n"
          "\n"
          "   Configuration Management Classes:\n"
          "    common::linux                  httpd                          \n"
          "\n"
          "   Facts:\n"
          "      country => us\n"
          "      os => {\"family\":\"Debian\"}\n"
          "\n");
    CHECK(console.opened == 1);  // both questions through one attachment
    const auto json = console.run({"inventory", "web1", "-j"});
    CHECK(has(json.out, "\"action\":\"daemon_stats\""));
    CHECK(proto::parse_json(json.out).has_value());
}

TEST_CASE("inventory of nobody fails with a message") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    const auto ran = console.run({"inventory", "nohost"});
    CHECK(ran.status == 1);
    CHECK(ran.out.empty());
    CHECK(has(ran.err, "nohost"));
    CHECK(console.run({"inventory"}).status == 1);
    CHECK(console.run({"inventory", "web*"}).status == 1);
    CHECK(console.run({"inventory", "web1", "web2"}).status == 1);
}

TEST_CASE("inventory --list-collectives counts the nodes of each, smallest first") {
    auto nodes = three();
    nodes[0].data =
        Value::Map{{"main_collective", "mcollective"}, {"collectives", Value::List{"mcollective", "uk\x1b"}}};
    nodes[1].data = Value::Map{{"main_collective", "mcollective"}, {"collectives", Value::List{"mcollective"}}};
    nodes[2] = frozen(nodes[2]);
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const std::string table =
        "   Collective                     Nodes\n   ==========                     =====\n"
        "   uk\\x1b                         1\n   mcollective                    2\n\n"
        "                     Total nodes: 2\n\n";
    const std::string tail =
        "No response from:\n\n    db1                            " + frozen_line + "\n3 expected = 2 ok + 1 missing (1 no ack)\n";
    for (const auto* option : {"--list-collectives", "--lc", "--collectives"}) {
        const auto ran = console.run({"inventory", option});
        CHECK(ran.status == 5);
        CHECK(ran.out == table + tail);
    }
    const auto json = console.run({"inventory", "--lc", "-j"});
    CHECK(has(json.out, "\"action\":\"collective_info\""));
    CHECK(proto::parse_json(json.out).has_value());
    CHECK(json.err == tail);
    CHECK(console.run({"inventory", "--lc", "web1"}).status == 1);
    CHECK(console.run({"inventory", "--lc", "--cg", "x"}).status == 1);
}

TEST_CASE("inventory --collective-graph writes a graph with everything foreign quoted") {
    auto nodes = three();
    for (auto& one : nodes) one.data = Value::Map{{"collectives", Value::List{"mcollective"}}};
    nodes[2].data = Value::Map{{"collectives", Value::List{"a\"]; b -- c [\\", "mcollective"}}};
    PaperMesh mesh(nodes);
    PaperConsole console(mesh);
    const auto file = (mesh.dir() / "graph.dot").string();
    const auto ran = console.run({"inventory", "--collective-graph", file});
    CHECK(ran.status == 0);
    CHECK(ran.out == "Retrieving collective info....\nGraph of 3 nodes has been written to \"" + file + "\"\n");
    std::ifstream written(file);
    CHECK(std::string(std::istreambuf_iterator<char>(written), {}) ==
          "graph {\n"
          "   subgraph \"a\\\"]; b -- c [\\\\\" {\n      \"db1\" -- \"a\\\"]; b -- c [\\\\\"\n   }\n"
          "   subgraph \"mcollective\" {\n      \"db1\" -- \"mcollective\"\n      \"web1\" -- \"mcollective\"\n"
          "      \"web2\" -- \"mcollective\"\n   }\n}\n");
    CHECK(console.run({"inventory", "--cg", "/nonexistent/graph.dot"}).status == 1);
}

TEST_CASE("an unknown collective is one line for every command that asks nodes") {
    PaperMesh mesh({});
    PaperConsole console(mesh);
    console.extra_config = "collectives = mcollective, uk\n";
    const std::vector<std::vector<std::string>> commands{{"ping"},
                                                         {"find"},
                                                         {"rpc", "rpcutil", "ping"},
                                                         {"facts", "country"},
                                                         {"inventory", "web1"},
                                                         {"inventory", "--lc"}};
    for (auto words : commands) {
        words.insert(words.end(), {"-T", "nope"});
        const auto ran = console.run(words);
        CHECK(ran.status == 1);
        CHECK(ran.out.empty());
        CHECK(ran.err == "mco " + words[0] + ": -T 'nope' is none of your collectives: " +
                             (mesh.dir() / "client.cfg").string() + " has collectives = mcollective, uk\n");
        CHECK(console.opened == 0);
    }
    for (auto words : commands) {
        words.insert(words.end(), {"-T", "uk"});
        CHECK(has(console.run(words).err, "mco: no node of this mesh is in the collective 'uk'\n"));
    }
}

TEST_CASE("-T names the collective in the request of every command") {
    PaperMesh mesh(three());
    std::string asked;
    std::map<std::string, test::PaperLinks::Behaviour> entries{{"tcp://127.0.0.1:1", {}}};
    entries["tcp://127.0.0.1:1"].hear = [&](test::PaperLinks& links, Links::LinkId link,
                                            const proto::Message& message) {
        const auto& request = std::get<proto::Request>(message);
        const auto sealed = proto::unpack<proto::SealedRequest>(request.sealed);
        asked = proto::unpack<proto::Route>(sealed->route)->collective;
        links.answer_honestly(link, request);
    };
    PaperConsole console(mesh, entries);
    console.extra_config = "collectives = mcollective, uk\nmain_collective = mcollective\n";
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"ping"},
                                                                                       {"find"},
                                                                                       {"rpc", "rpcutil", "ping"},
                                                                                       {"facts", "country"},
                                                                                       {"inventory", "web1"},
                                                                                       {"inventory", "--lc"}}) {
        console.run(words);
        CHECK(asked == "mcollective");
        auto elsewhere = words;
        elsewhere.insert(elsewhere.end(), {"-T", "uk"});
        console.run(elsewhere);
        CHECK(asked == "uk");
    }
}

TEST_CASE("a group that is out of reach is one line, and the result is incomplete") {
    PaperMesh mesh(three());
    proto::Missing group;
    group.name = "dc3";
    group.reason = proto::Reason::group_unreachable;
    group.outcome = proto::Outcome::lost;
    group.nodes = 400;
    mesh.missing_groups = {group};
    PaperConsole console(mesh);
    for (const auto& words : std::vector<std::vector<std::string>>{{"ping"}, {"find"}, {"rpc", "rpcutil", "ping"}}) {
        const auto ran = console.run(words);
        CHECK(ran.status == 5);
        CHECK(has(
            ran.out + ran.err,
            "    dc3 (400 nodes):               no gateway of this group closed its account; it may have run there\n"));
        CHECK(has(ran.out + ran.err, "403 expected = 3 ok + 400 missing (400 group unreachable)\n"));
        CHECK(!has(ran.out + ran.err, "Not proved"));
    }
    CHECK(console.run({"ping", "-I", "web1"}).status == 0);
    CHECK(console.run({"ping", "-I", "nosuch"}).status == 4);
}

TEST_CASE("the progress of many thousand nodes is drawn some hundred times") {
    std::ostringstream out;
    Terminal terminal;
    terminal.tty = true;
    Progress progress(out, terminal, Progress::Wanted::yes);
    for (std::uint32_t i = 1; i <= 100'000; ++i) progress.show(i, 100'000);
    progress.finish();
    const auto text = out.str();
    CHECK(std::count(text.begin(), text.end(), '\r') <= 502);
    CHECK(text.ends_with("] 100000 / 100000\n\n"));
}
}  // namespace
}  // namespace mco::client
