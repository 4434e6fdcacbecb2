// Who is asked: limits, batches, lists and sets of nodes, on a mesh of paper.

#include <algorithm>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using namespace test;
using proto::StatusCode;
using Names = std::vector<std::string>;

// A mesh that writes down who was made to do something, and in which request.
struct Stage {
    struct Done {
        std::string node;
        proto::RequestBody body;
        proto::Instant when;
    };
    std::vector<Done> done;
    PaperMesh mesh;
    PaperConsole console;

    explicit Stage(std::vector<PaperNode> nodes = three()) : mesh(std::move(nodes)), console(mesh) {
        for (auto& node : mesh.nodes) {
            node.act = [this, name = node.name](const proto::RequestBody& body) {
                if (body.agent != "discovery") done.push_back({name, body, mesh.now.mono});
                return PaperReply{.data = {{"pong", 1}}};
            };
        }
        console.environment["XDG_STATE_HOME"] = mesh.dir().path().string();
    }
    void answer(std::string_view name, StatusCode status) {
        for (auto& node : mesh.nodes) {
            if (node.name == name) node.act = [status](const proto::RequestBody& body) {
                return body.agent == "discovery" ? PaperReply{} : PaperReply{.status = status, .message = "no"};
            };
        }
    }
    // Runs an action with these options, and tells who did it.
    Names rpc(Names options) {
        done.clear();
        options.insert(options.begin(), {"rpc", "rpcutil", "ping"});
        ran = console.run(options);
        Names names;
        for (const auto& one : done) names.push_back(one.node);
        return names;
    }
    std::string file(std::string_view name, std::string_view text) { return mesh.dir().write(std::string(name), text).string(); }

    PaperConsole::Result ran{};
};

TEST_CASE("a limit asks so many of those that answered, and nobody else (checks 79 and 80)") {
    Stage stage;
    CHECK(stage.rpc({}) == Names{"web1", "web2", "db1"});
    CHECK(stage.rpc({"-1"}) == Names{"web1"});
    CHECK(stage.ran.status == 0);
    CHECK(has(stage.ran.out, "Finished processing 1 / 1 hosts"));
    CHECK(stage.done[0].body.filter.identities == Names{"web1"});
    CHECK(stage.done[0].body.filter.agents == Names{"rpcutil"});
    CHECK(stage.rpc({"--limit", "2"}) == Names{"web1", "web2"});
    CHECK(stage.rpc({"--limit", "50%", "-C", "httpd"}) == Names{"web1"});
    CHECK(stage.rpc({"--limit", "2", "-I", "db1,web2,web1"}) == Names{"web2", "db1"});
    CHECK(stage.console.opened == 5);
    CHECK(stage.rpc({"--limit", "abc"}).empty());
    CHECK(stage.ran.status == 1);
    CHECK(stage.console.opened == 5);  // nothing was sent
}

TEST_CASE("with a limit nobody matching is nobody, with the sentence and an empty array (checks 59 and 64)") {
    Stage stage;
    CHECK(stage.rpc({"--one", "-C", "nosuch"}).empty());
    CHECK(stage.ran.status == 1);
    CHECK(stage.ran.err == "No request sent, we did not discover any nodes.\nNone of 3 nodes has agent rpcutil and matches the filter.\n");
    stage.rpc({"--batch", "2", "-C", "nosuch", "-j"});
    CHECK(stage.ran.status == 1);
    CHECK(stage.ran.out == "[]\n");
}

TEST_CASE("batches are asked one after the other, and come back as one result (checks 83 and 86)") {
    Stage stage;
    CHECK(stage.rpc({"--batch", "2", "--batch-sleep", "1"}) == Names{"web1", "web2", "db1"});
    CHECK(stage.ran.status == 0);
    CHECK(has(stage.ran.out, "Finished processing 3 / 3 hosts"));
    CHECK(stage.done[0].body.filter.identities == Names{"web1", "web2"});
    CHECK(stage.done[2].body.filter.identities == Names{"db1"});
    CHECK(stage.done[2].when - stage.done[1].when >= 1s);
    CHECK(!stage.done[0].body.whole.is_zero());
    CHECK(stage.done[2].body.whole == stage.done[0].body.whole);
    stage.rpc({"--batch", "34%", "--batch-sleep", "0", "-v"});
    CHECK(stage.done[0].body.filter.identities.size() == 2);
    CHECK(has(stage.ran.out, "3 expected = 3 ok\n"));
    stage.rpc({"--batch", "3"});
    CHECK(stage.done[0].body.whole.is_zero());  // one batch is no batch
    stage.console.extra_config = "default_batch_size = 1\ndefault_batch_sleep_time = 0\n";
    stage.rpc({});
    CHECK(stage.done[0].body.filter.identities == Names{"web1"});
    stage.rpc({"--batch", "0"});
    CHECK(stage.done[0].body.filter.identities.empty());
    CHECK(stage.rpc({"--batch", "1", "--no-results"}).empty());
    CHECK(has(stage.ran.err, "batches wait for replies"));
}

TEST_CASE("a node that is silent counts once, whatever batch it is in") {
    auto nodes = three();
    nodes[0] = frozen(nodes[0]);  // did not answer when the nodes were looked for
    Stage stage(nodes);
    CHECK(stage.rpc({"--batch", "1", "--batch-sleep", "0", "-v"}) == Names{"web2", "db1"});
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.out, "3 expected = 2 ok + 1 missing ("));
    CHECK(has(stage.ran.out, "No response from:\n\n    web1"));
    CHECK(stage.rpc({"--batch", "1", "--batch-sleep", "0", "-v", "-I", "web1,web2,db1,typo"}) == Names{"web2", "db1"});
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.out, "3 expected = 2 ok + 1 missing ("));
    CHECK(has(stage.ran.out, "    typo                           is not known in this collective"));
    CHECK(stage.rpc({"--limit", "1"}) == Names{"web2"});  // some that are there were wanted
    CHECK(stage.ran.status == 0);
}

TEST_CASE("Ctrl-C between two batches prints what is known and asks nobody else") {
    Stage stage;
    stage.console.on_open = [](PaperLinks& links) { links.interrupt(500ms); };
    CHECK(stage.rpc({"--batch", "2", "--batch-sleep", "60"}) == Names{"web1", "web2"});
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.out, "3 expected = 2 ok + 1 cancelled\n"));
    CHECK(has(stage.ran.out, "    db1                            was not asked: its turn did not come\n"));
    CHECK(has(stage.ran.out, "interrupted: the nodes whose turn did not come were not asked\n"));
}

TEST_CASE("-I takes node sets, and their differences") {
    Stage stage;
    CHECK(stage.rpc({"-I", "web[1-2],db[1,7]"}) == Names{"web1", "web2", "db1"});
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.out, "    db7 "));
    CHECK(stage.rpc({"-I", "web[01-12],db1"}) == Names{"db1"});
    CHECK(stage.rpc({"-I", "web[1,2],db1!web2"}) == Names{"web1", "db1"});
    CHECK(stage.rpc({"-I", "web[12]"}) == Names{"web1", "web2"});  // a glob, as it always was
    CHECK(stage.rpc({"-I", "{web,db}1"}) == Names{"web1", "db1"});
    CHECK(stage.rpc({"-I", "web*,db[1-3]"}) == Names{"web1", "web2", "db1"});
    CHECK(stage.rpc({"-I", "/b1|b2/"}) == Names{"web1", "web2", "db1"});
    CHECK(stage.rpc({"-I", "web1,web[2-"}).empty());
    CHECK(has(stage.ran.err, "the pattern \"web[2-\" cannot be read: it has a [ without ]"));
    CHECK(stage.rpc({"-I", "web[10-2]"}).empty());
    CHECK(stage.ran.err == "mco rpc: -I 'web[10-2]': the range runs backwards\n  web[10-2]\n      ^\n");
    CHECK(stage.rpc({"-I", "web1,,db1"}).empty());
    CHECK(stage.ran.err == "mco rpc: -I 'web1,,db1': a name is missing\n  web1,,db1\n       ^\n");
    CHECK(stage.rpc({"-I", "web1!web1"}).empty());
    CHECK(stage.ran.err == "mco rpc: -I 'web1!web1': names no node\n");
}

TEST_CASE("more names than fit in one request are asked in several, without a pause") {
    std::vector<PaperNode> nodes = three();
    Stage stage(nodes);
    CHECK(stage.rpc({"-I", "n[1-8191],web1,web2,db1"}) == Names{"web1", "web2", "db1"});
    CHECK(stage.ran.status == 5);
    CHECK(stage.done[0].body.filter.identities.size() == proto::limits::identities_max);
    CHECK(stage.done[1].body.filter.identities == Names{"web2", "db1"});
    CHECK(stage.rpc({"-I", "n[1-8193],web*"}).empty());
    CHECK(has(stage.ran.err, "8192 is the most"));
}

TEST_CASE("the previous run's outcome is a target") {
    Stage stage;
    CHECK(stage.rpc({"-I", "@last.failed"}).empty());
    CHECK(has(stage.ran.err, "no command was remembered yet"));
    stage.answer("web2", StatusCode::aborted);
    stage.rpc({"--sort"});
    CHECK(stage.ran.status == 2);
    CHECK(stage.rpc({"-I", "@last.ok!db1"}) == Names{"web1"});
    CHECK(has(stage.ran.err, "mco: @last.ok is 2 nodes of: mco rpc rpcutil ping --sort, 2026-09-21 "));
    stage.rpc({"-C", "httpd"});
    CHECK(stage.rpc({"-I", "@last.failed"}).empty());
    CHECK(has(stage.ran.err, "nobody is in @last.failed; the last command (mco rpc rpcutil ping -C httpd, "));
    CHECK(has(stage.ran.err, ") had 2 ok\n  @last.failed\n  ^\n"));
    CHECK(stage.ran.status == 1);
    CHECK(stage.rpc({"-I", "@last"}) == Names{"web1", "db1"});
    CHECK(stage.rpc({"-I", "@lost"}).empty());
    CHECK(has(stage.ran.err, "there are @last, @last.ok, @last.failed, @last.denied and @last.missing"));
    stage.console.run({"find"});  // looks, and changes nothing
    CHECK(stage.rpc({"-I", "@last.ok"}) == Names{"web1", "db1"});
    stage.file("mco/last", "mco last run 1\ntime 1\ncommand x\nfailed /etc\n");
    CHECK(stage.rpc({"-I", "@last"}).empty());
    CHECK(has(stage.ran.err, "mco/last:4: this is not how mco wrote it"));
}

TEST_CASE("--nodes asks exactly the nodes of a file and reports absent ones (check 120)") {
    Stage stage;
    const auto file = stage.file("nodes", "# two\nweb2\n\nnosuch\n");
    CHECK(stage.rpc({"--nodes", file}) == Names{"web2"});
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.out, "    nosuch                         is not known in this collective, or does not have agent rpcutil\n"));
    CHECK(stage.rpc({"--dm", "flatfile", "--do", file, "-I", "/^web/"}) == Names{"web2"});
    CHECK(stage.ran.status == 0);
    CHECK(stage.rpc({"--nodes", file, "-I", "db1"}).empty());
    CHECK(has(stage.ran.err, "-I means none of the 2 nodes that discovery method flatfile found"));
    const auto absent = stage.file("absent", "no1\nno2\n");
    CHECK(stage.rpc({"--nodes", absent}).empty());
    CHECK(stage.ran.status == 3);
    CHECK(stage.rpc({"--nodes", "/nonexistent/file"}).empty());
    CHECK(has(stage.ran.err, "/nonexistent/file"));
    CHECK(stage.rpc({"--nodes", stage.file("empty", "\n")}).empty());
    CHECK(has(stage.ran.err, "names no node\nAn empty list means nobody"));
    CHECK(stage.ran.status == 1);
}

TEST_CASE("a method that cannot judge a part of the filter says so (check 122)") {
    Stage stage;
    const auto file = stage.file("nodes", "web1\n");
    for (const auto& [option, what] : std::initializer_list<std::pair<std::string, std::string>>{
             {"-F", "facts (-F, -W)"}, {"-C", "classes (-C, -W)"}, {"-A", "agents (-A)"}, {"-S", "a compound filter (-S)"}}) {
        CHECK(stage.rpc({"--nodes", file, option, "a=b"}).empty());
        CHECK(has(stage.ran.err, "discovery method flatfile cannot judge " + what));
        CHECK(stage.ran.status == 1);
    }
    stage.console.extra_config = "default_discovery_method = flatfile\ndefault_discovery_options = " + file + "\n";
    CHECK(stage.rpc({}) == Names{"web1"});
    CHECK(stage.rpc({"-S", "country=uk"}) == Names{"db1"});  // only the nodes can tell, and nothing was typed against it
    CHECK(stage.rpc({"--dm", "mesh"}).size() == 3);
}

TEST_CASE("nodes come on standard input, when it is a pipe or a file with something in it (checks 123 and 124)") {
    Stage stage;
    stage.console.piped = true;
    stage.console.input = R"([{"sender":"web2","statuscode":0},{"sender":"db1"}])";
    CHECK(stage.rpc({}) == Names{"web2", "db1"});
    CHECK(stage.console.run({"find"}).out == "web2\ndb1\n");
    CHECK(stage.console.run({"find", "-j"}).out == "[{\"sender\":\"web2\"},{\"sender\":\"db1\"}]\n");
    CHECK(stage.console.run({"ping"}).status == 0);  // asks everybody, whatever its input
    CHECK(stage.rpc({"--dm", "mesh"}).size() == 3);
    stage.console.input = R"([{"certname":"db1"}])";
    CHECK(stage.rpc({}) == Names{"db1"});
    CHECK(stage.rpc({"--dm", "stdin", "--do", "json"}) == Names{"db1"});
    CHECK(stage.rpc({"--dm", "stdin", "--do", "text"}).empty());
    CHECK(stage.rpc({"--dm", "stdin", "--do", "xml"}).empty());
    CHECK(has(stage.ran.err, "reads auto, text or json, not 'xml'"));
    stage.console.input = " \n";
    CHECK(stage.rpc({}).empty());
    CHECK(stage.ran.status == 1);
    stage.console.input = "";
    CHECK(stage.rpc({}).size() == 3);
    stage.console.piped = false;
    stage.console.input = "web1\n";
    CHECK(stage.rpc({}).size() == 3);
    CHECK(stage.rpc({"--dm", "stdin"}) == Names{"web1"});
}

TEST_CASE("the names of -I alone are enough for --dm none (decision D3)") {
    Stage stage;
    CHECK(stage.console.run({"find", "--dm", "none", "-I", "web1,nosuch"}).out == "web1\nnosuch\n");
    CHECK(stage.console.opened == 0);
    CHECK(stage.rpc({"--dm", "none", "-I", "web1"}) == Names{"web1"});
    CHECK(stage.rpc({"--dm", "none", "-I", "web*"}).empty());
    CHECK(has(stage.ran.err, "must be names"));
}

TEST_CASE("options of MCollective without effect here are told, and change nothing (check 31)") {
    Stage stage;
    CHECK(stage.rpc({"--threaded", "--publish_timeout", "3", "--connection-timeout=9", "-I", "web1"}) == Names{"web1"});
    CHECK(stage.ran.status == 0);
    CHECK(stage.ran.err == "mco: --threaded has no effect: a request is one frame to one entry\n"
                           "mco: --publish_timeout has no effect: a request is one frame to one entry\n"
                           "mco: --connection-timeout has no effect: entries that do not answer are given up after seconds\n");
    CHECK(stage.console.run({"help", "--threaded"}).status == 1);
}

TEST_CASE("Ctrl-C during a batch prints what is known and asks nobody else") {
    auto nodes = three();
    nodes[1].delay = 3s;
    Stage stage(nodes);
    stage.console.on_open = [](PaperLinks& links) { links.interrupt(4s); };  // the nodes are known after three seconds
    CHECK(stage.rpc({"--batch", "2", "--batch-sleep", "0"}).size() == 2);
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.out, "was not asked: its turn did not come\n"));
    CHECK(has(stage.ran.out, padded("web1")));
}

TEST_CASE("--preview shows exactly who would be asked, and --frozen asks exactly those") {
    Stage stage;
    CHECK(stage.rpc({"--preview", "-C", "httpd"}).empty());
    CHECK(stage.ran.status == 0);
    CHECK(stage.ran.out == "web1\ndb1\n");
    CHECK(stage.ran.err == "2 nodes would be asked to do rpcutil ping. Nothing was done.\n");
    CHECK(stage.rpc({"--preview", "--limit", "1"}).empty());
    CHECK(stage.ran.out == "web1\n");
    CHECK(stage.rpc({"--preview", "-I", "web1,typo"}).empty());
    CHECK(stage.ran.out == "web1\n");
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.err, "typo is not known in this collective"));
    CHECK(stage.rpc({"--preview", "-C", "nosuch"}).empty());
    CHECK(stage.ran.status == 1);
    CHECK(stage.ran.out.empty());

    CHECK(stage.rpc({"--preview", "-j", "-C", "httpd"}).empty());
    CHECK(has(stage.ran.out, "\"expected\":3,"));
    CHECK(has(stage.ran.out, "\"not_matched\":1,\"ok\":2,"));
    const auto file = stage.file("frozen", stage.ran.out);
    stage.mesh.nodes[1].classes = {"httpd"};  // web2 has become one since
    CHECK(stage.rpc({"--frozen", file}) == Names{"web1", "db1"});
    CHECK(stage.ran.status == 0);
    CHECK(stage.rpc({"--frozen", file, "--batch", "1", "--batch-sleep", "0"}) == Names{"web1", "db1"});
    CHECK(stage.rpc({"--frozen", file, "-I", "web1"}).empty());
    CHECK(has(stage.ran.err, "--frozen"));
    CHECK(stage.rpc({"--frozen", stage.file("other", "[\"web1\"]")}).empty());
    CHECK(has(stage.ran.err, "Make one with: mco ... --preview -j > FILE"));
    CHECK(stage.rpc({"--frozen", stage.file("none", R"({"collective":"mcollective","nodes":[]})")}).empty());
    CHECK(has(stage.ran.err, "names no node"));
    CHECK(stage.rpc({"--frozen", stage.file("elsewhere", R"({"collective":"uk","nodes":["web1"]})")}).empty());
    CHECK(has(stage.ran.err, "was made for the collective 'uk', not for 'mcollective'"));
}

TEST_CASE("a preview tells who did not say whether he is meant") {
    auto nodes = three();
    nodes[0] = frozen(nodes[0]);
    Stage stage(nodes);
    CHECK(stage.rpc({"--preview"}).empty());
    CHECK(stage.ran.out == "web2\ndb1\n");
    CHECK(stage.ran.status == 5);
    CHECK(has(stage.ran.err, "No response from:\n\n    web1"));
}

TEST_CASE("--can-i asks the nodes, and has nothing done") {
    Stage stage;
    stage.answer("web2", StatusCode::aborted);
    CHECK(stage.rpc({"--can-i"}) == Names{"web1", "db1"});
    for (const auto& one : stage.done) CHECK(one.body.purpose == proto::Purpose::judge);
    CHECK(stage.ran.status == 2);
    CHECK(stage.ran.out == padded("db1") + " allowed\n" + padded("web1") + " allowed\n" + padded("web2") + " refused: no\n");
    CHECK(stage.ran.err == "2 of 3 nodes would do rpcutil ping for you. Nothing was done.\n");
    stage.rpc({"--can-i", "-I", "web1", "-j"});
    CHECK(stage.ran.status == 0);
    CHECK(has(stage.ran.out, R"("sender":"web1","statuscode":0)"));
    CHECK(stage.rpc({"-I", "web1"}) == Names{"web1"});
    CHECK(stage.done[0].body.purpose == proto::Purpose::perform);
}

}  // namespace
}  // namespace mco::client
