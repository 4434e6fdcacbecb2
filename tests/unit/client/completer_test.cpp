// What a command line that is being typed may become, and the names that completion remembers.

#include "client/completer.hpp"

#include <doctest/doctest.h>

#include "client/completion_scripts.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using proto::Value;
using namespace test;

Knowledge knowledge() {
    proto::AgentSchema lab;
    lab.name = "lab";
    proto::ActionSchema look{.name = "look", .description = "Looks"};
    look.inputs = {{.name = "mode", .description = "How", .allowed = {"fast", "slow"}},
                   {.name = "deep", .description = "", .type = proto::InputType::boolean},
                   {.name = "fact", .description = ""}};
    lab.actions = {look, {.name = "leave", .description = ""}};
    Knowledge known;
    known.agents = {{"lab", "For tests"}, {"rpcutil", ""}};
    known.schema = [lab](const std::string& name) {
        return name == "lab" ? proto::Result<proto::AgentSchema>(lab)
                             : proto::Result<proto::AgentSchema>(proto::fail(proto::Errc::not_found, name));
    };
    known.collectives = {"mcollective", "uk"};
    known.names.nodes = {"db1", "web1", "web2"};
    known.names.facts = {"country", "os", "os.family"};
    return known;
}

// The words, a blank between them.
std::string completed(std::string_view line) {
    std::string text;
    for (const auto& candidate : complete(split_typed_line(line), knowledge()))
        text += (text.empty() ? "" : " ") + candidate.word;
    return text;
}

TEST_CASE("commands, agents, actions, inputs and their values are completed where they stand") {
    CHECK(completed("mco fi") == "filemgr find");
    CHECK(completed("mco rpc ") == "lab rpcutil");
    CHECK(completed("mco rpc -v --np l") == "lab");
    CHECK(completed("mco rpc lab l") == "leave look");
    CHECK(completed("mco rpc lab look ") == "deep= fact= mode=");
    CHECK(completed("mco rpc lab look mode=fast ") == "deep= fact=");
    CHECK(completed("mco rpc lab look mode=") == "mode=fast mode=slow");
    CHECK(completed("mco rpc lab look deep=t") == "deep=true");
    CHECK(completed("mco rpc lab look fact=os") == "fact=os fact=os.family");
    CHECK(completed("mco rpc -a lab --action look m") == "mode=");
    CHECK(completed("mco rpc nosuch ").empty());
    CHECK(completed("mco nosuch ").empty());
    CHECK(completed("mco help pi") == "ping");
    CHECK(completed("mco facts c") == "country");
    CHECK(completed("mco inventory web") == "web1 web2");
    CHECK(completed("mco mesh t") == "trace");
    CHECK(completed("mco").empty());
    CHECK(completed("").empty());
}

TEST_CASE("options and their values are completed, files are left to the shell") {
    CHECK(completed("mco ping --gr") == "--graph");
    CHECK(completed("mco ping --color ") == "always auto never");
    CHECK(completed("mco ping --color=a") == "--color=always --color=auto");
    CHECK(completed("mco rpc --display n") == "none");
    CHECK(completed("mco ping -I w") == "web1 web2");
    CHECK(completed("mco ping -I 'w") == "web1 web2");
    CHECK(completed("mco ping -F os") == "os.family= os=");
    CHECK(completed("mco ping -T ") == "mcollective uk");
    CHECK(completed("mco ping -A r") == "rpcutil");
    CHECK(completed("mco ping -c ").empty());
    CHECK(completed("mco rpc -a lab --action ") == "leave look");
}

TEST_CASE("a line is split as the shell will, open quotes and all") {
    CHECK(split_typed_line("mco ping ") == std::vector<std::string>{"mco", "ping", ""});
    CHECK(split_typed_line("mco -F 'a b") == std::vector<std::string>{"mco", "-F", "a b"});
    CHECK(split_typed_line("a\\ b \"c\\\"d\" e\\") == std::vector<std::string>{"a b", "c\"d", "e\\"});
}

TEST_CASE("the names that commands met are kept for completion") {
    PaperMesh mesh(three());
    PaperConsole console(mesh);
    TempDir home;
    console.environment["HOME"] = home.path().string();
    CHECK(console.run({"completion", "--complete", "mco inventory "}).out.empty());
    console.run({"ping", "-I", "web1"});
    CHECK(console.run({"completion", "--complete", "mco inventory "}).out == "web1\n");
    console.run({"facts", "country"});
    console.run({"facts", "nosuch"});
    CHECK(console.run({"completion", "--complete", "mco facts "}).out == "country\n");
    CHECK(console.run({"completion", "--complete", "mco inventory web"}).out == "web1\nweb2\n");
    PaperMesh smaller({three()[2]});
    PaperConsole later(smaller);
    later.environment = console.environment;
    later.run({"find"});
    CHECK(later.run({"completion", "--complete", "mco inventory "}).out == "db1\n");
    console.environment["XDG_CACHE_HOME"] = (home / "elsewhere").string();
    console.run({"ping"});
    CHECK(std::filesystem::exists(home / "elsewhere/mco/names"));
    console.environment["XDG_CACHE_HOME"] = "/dev/null";
    const auto ran = console.run({"ping"});
    CHECK((ran.status == 0 && ran.err.empty()));
}

TEST_CASE("the cache is bounded, takes no hostile names, and a broken one is empty") {
    KnownNames names;
    Call call;
    call.filter.agents = {"rpcutil"};
    Gathered gathered;
    for (std::size_t i = 0; i < KnownNames::nodes_max + 10; ++i) {
        Reply reply;
        reply.node = "node" + std::to_string(i);
        gathered.replies.push_back(reply);
    }
    gathered.replies[0].node = "$(reboot)";
    gathered.replies[1].data = Value::Map{{"facts", Value::Map{{"os", Value::Map{{"family", "x"}}}, {"e\x1b", 1}}}};
    CHECK(names.learn(call, gathered));
    CHECK(names.nodes.size() == KnownNames::nodes_max);
    CHECK(names.nodes.count("$(reboot)") == 0);
    CHECK(names.facts == std::set<std::string>{"os", "os.family"});
    CHECK(!names.learn(call, gathered));
    TempDir folder;
    write_names(folder / "a/names", names);
    CHECK(read_names(folder / "a/names").nodes == names.nodes);
    CHECK(read_names(folder.write("broken", "{\"nodes\":[")).nodes.empty());
    CHECK(read_names(folder.write("other", "[1]")).nodes.empty());
    CHECK(read_names("/nonexistent").facts.empty());
}

TEST_CASE("there is a script for three shells") {
    PaperMesh mesh({});
    PaperConsole console(mesh);
    for (const auto* shell : {"bash", "zsh", "fish"}) CHECK(console.run({"completion", shell}).out == completion_script(shell));
    CHECK(console.run({"completion", "csh"}).status == 1);
    CHECK(console.run({"completion", "bash", "zsh"}).status == 1);
}

TEST_CASE("in bash what stands before the last = of a word is kept") {
    const auto ran = test::run(
        {.argv = {"bash", "-c",
                  std::string(completion_script("bash")) +
                      "mco() { [ \"$3\" = 'mco rpc rpcutil get_fact fact=c' ] && printf 'fact=country\\thelp\\nfact=cpus\\n'; }\n"
                      "COMP_LINE='mco rpc rpcutil get_fact fact=c -v'; COMP_POINT=31; _mco\n"
                      "printf '%s\\n' \"${COMPREPLY[@]}\""}});
    CHECK(ran.err.empty());
    CHECK(ran.out == "country\ncpus\n");
}

}  // namespace
}  // namespace mco::client
