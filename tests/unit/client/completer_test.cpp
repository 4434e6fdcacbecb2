// What a command line that is being typed may become, and the names that completion remembers.

#include "client/completer.hpp"

#include <filesystem>
#include <iterator>
#include <map>
#include <string>

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
    known.names = [](const std::string& collective) {
        KnownNames names;
        names.nodes = {"db1", "web1", "web2"};
        if (collective == "uk") names.nodes = {"db1"};
        names.facts = {"country", "os", "os.family"};
        return names;
    };
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
    CHECK(completed("mco ping -T uk -I ") == "db1");
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
    // Another mesh has its own.
    PaperMesh smaller({three()[2]});
    PaperConsole other(smaller);
    other.environment = console.environment;
    other.run({"find"});
    CHECK(other.run({"completion", "--complete", "mco inventory "}).out == "db1\n");
    CHECK(console.run({"completion", "--complete", "mco inventory web"}).out == "web1\nweb2\n");
    console.environment["XDG_CACHE_HOME"] = (home / "elsewhere").string();
    console.run({"ping"});
    CHECK(std::filesystem::directory_iterator(home / "elsewhere/mco")->path().filename().string().starts_with("names-"));
    console.environment["XDG_CACHE_HOME"] = "/dev/null";
    const auto ran = console.run({"ping"});
    CHECK((ran.status == 0 && ran.err.empty()));
    // The home of an account that has none is not made.
    console.environment.erase("XDG_CACHE_HOME");
    console.environment["HOME"] = (home / "nobody").string();
    CHECK(console.run({"ping"}).status == 0);
    CHECK_FALSE(std::filesystem::exists(home / "nobody"));
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
    gathered.replies.resize(3);
    gathered.ledger.closure = proto::Closure::closed;
    call.filter = {};
    CHECK(names.learn(call, gathered));  // everybody was asked, so the others are gone
    CHECK(names.nodes == std::set<std::string>{"node1", "node2"});
    TempDir folder;
    for (std::size_t i = 0; i < caches_max + 3; ++i) write_names(folder / ("c/names-" + std::to_string(i)), names);
    CHECK(std::distance(std::filesystem::directory_iterator(folder / "c"), {}) == caches_max);
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

// A folder with a program mco that answers some lines, as the real one would.
struct Asked {
    TempDir folder;
    Asked() {
        const auto program = folder.write("mco",
                                          "#!/bin/sh\ncase $3 in\n"
                                          "'mco p') printf 'package\\tInstall things\\nping\\tPing all: nodes\\n' ;;\n"
                                          "'mco fi') printf 'find\\tFind\\n' ;;\n"
                                          "'mco rpc lab look f') printf 'fact=\\tA fact\\n' ;;\n"
                                          "'mco rpc lab look fact=co') printf 'fact=country\\nfact=cost\\n' ;;\n"
                                          "'mco ping -C ro') printf 'role::web\\nrole::db\\n' ;;\nesac\n");
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        folder.write("some_file", "");
    }
    std::map<std::string, std::string> environment() const {
        return {{"PATH", folder.path().string() + ":/usr/bin:/bin"}, {"HOME", folder.path().string()}, {"TERM", "dumb"}};
    }
};

bool is_here(const std::string& shell) {
    const bool here = std::filesystem::exists("/usr/bin/" + shell);
    if (!here) MESSAGE("skipped: there is no " << shell << " on this machine");
    return here;
}

// An interactive zsh on a terminal of its own; behind a tab a key prints what the line has become.
constexpr auto zsh_session = R"(
zmodload zsh/zpty
zpty z zsh -f -i
until_seen() { local part; got=; while zpty -r z part; do got+=$part; [[ $got == *$~1* ]] && return; done; exit 1 }
zpty -w z "PS1=; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source $1; show() { print -r -- \"<<\$BUFFER>\"'>'; BUFFER= }; zle -N show; bindkey '^I' complete-word '^G' show; unsetopt list_beep; print re'ady'"
until_seen ready
shift
for line; do
    zpty -w -n z "$line"$'\t\x07'
    until_seen '<<*>>'
    got=${got##*<<}
    print -r -- "${got%%>>*}|"
done
zpty -d z
)";

TEST_CASE("in zsh a tab completes what there is one of, up to where words differ, and files where nothing is meant") {
    if (!is_here("zsh")) return;
    const Asked asked;
    const auto script = asked.folder.write("_mco", completion_script("zsh"));
    const auto ran = test::run({.argv = {"zsh", "-f", "-c", zsh_session, "zsh", script.string(), "mco fi", "mco p", "mco rpc lab look f",
                                         "mco rpc lab look fact=co", "mco ping -C ro", "mco ping -c some_f"},
                                .environment = asked.environment(),
                                .directory = asked.folder.path()});
    CHECK(ran.err.empty());
    CHECK(ran.out ==
          "mco find |\nmco p|\nmco rpc lab look fact=|\nmco rpc lab look fact=co|\nmco ping -C role::|\nmco ping -c some_file |\n");
}

TEST_CASE("in fish words are offered with their descriptions, and files where nothing is meant") {
    if (!is_here("fish")) return;
    const Asked asked;
    const auto script = asked.folder.write("mco.fish", completion_script("fish"));
    const auto offered = [&](const std::string& line) {
        const auto ran = test::run({.argv = {"fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script.string(), line},
                                    .environment = asked.environment(),
                                    .directory = asked.folder.path()});
        CHECK(ran.err.empty());
        return ran.out;
    };
    CHECK(offered("mco p") == "package\tInstall things\nping\tPing all: nodes\n");
    CHECK(offered("mco rpc lab look f") == "fact=\tA fact\n");
    CHECK(offered("mco rpc lab look fact=co") == "fact=cost\nfact=country\n");
    CHECK(offered("mco ping -c some_f") == "some_file\n");
}

}  // namespace
}  // namespace mco::client
