// What the program does before any command touches the mesh: finding the command, its options, its help, its refusals.

#include <algorithm>

#include <doctest/doctest.h>

#include "client/words.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/client/paper_mesh.hpp"

namespace mco::client {
namespace {

using test::PaperConsole;
using test::PaperMesh;

struct Ran {
    int status;
    std::string out, err;
};
Ran run(std::vector<std::string> arguments, Environment environment = {}) {
    std::ostringstream out, err;
    World world{.out = out,
                .err = err,
                .environment = std::move(environment),
                .terminal = {},
                .libdirs = {},
                .now = [] { return proto::Now{}; },
                .open_links = [](const security::Identity&, security::TrustStore&) -> std::unique_ptr<Links> {
                    FAIL("nothing may be sent");
                    return nullptr;
                }};
    const int status = run_program(world, arguments);
    return {status, out.str(), err.str()};
}

TEST_CASE("mco alone lists the commands in three columns of twenty and ends well") {
    const auto ran = run({"/usr/bin/mco"});
    CHECK(ran.status == 0);
    CHECK(has(ran.out,
              "Known commands:\n\n   audit               completion          config              \n   describe_filter     facts "));
    CHECK(ran.err.empty());
}

TEST_CASE("an unknown command says where was searched, shows the table and fails") {
    const auto ran = run({"mco", "pingg"});
    CHECK(ran.status == 1);
    CHECK(has(ran.err, "Unknown command 'pingg'; did you mean 'ping'?"));
    CHECK(has(ran.err, "Searched: "));
    CHECK(has(ran.out, "Known commands:"));
    CHECK(has(run({"mco", "hlep"}).err, "did you mean 'help'?"));
    CHECK(has(run({"mco", "help", "pign"}).err, "there is no command 'pign' (did you mean 'ping'?)"));
    CHECK(run({"mco", "-v"}).status == 1);
    CHECK(has(run({"mco", "-F", "a=b", "ping"}).err, "Unknown command '-F'; the command comes first: mco COMMAND [options]"));
    CHECK(has(run({"mco", "\x1b[2J"}).err, "'\\x1b[2J'"));
}

TEST_CASE("help lists every command with its description") {
    const auto ran = run({"mco", "help"});
    CHECK(ran.status == 0);
    for (const auto* command : commands())
        CHECK(has(ran.out, "  " + left(command->name, 15) + " " + std::string(command->summary) + "\n"));
}

TEST_CASE("help of a command is the same page by every way, also into a pipe") {
    const auto page = run({"mco", "help", "rpc"});
    CHECK(page.status == 0);
    CHECK(run({"mco", "rpc", "--help"}).out == page.out);
    CHECK(run({"mco", "rpc", "-h"}).out == page.out);
    CHECK(run({"mc-rpc", "-h"}).out == page.out);
    CHECK(run({"mco", "rpc", "-h"}).status == 0);
    std::size_t at = 0;
    for (const auto* title : {"Usage: mco rpc ", "Examples:", "Application Options", "RPC Options", "-v, --verbose",
                              "Common Options", "Host Filters", "version"}) {
        const auto found = page.out.find(title, at);
        CHECK_MESSAGE(found != std::string::npos, title);
        at = found;
    }
    CHECK(run({"mco", "help", "nosuch"}).status == 1);
}

TEST_CASE("the version ends well") {
    CHECK(run({"mco", "--version"}).status == 0);
    CHECK(has(run({"mco", "version"}).out, "0."));
    CHECK(run({"mco", "--version"}).out == run({"mco", "version"}).out);
}

TEST_CASE("describe_filter says in words whom a filter means, without a mesh") {
    const auto ran = run({"mco", "describe_filter", "-I", "web1", "-C", "/http/", "-A", "rpcutil", "-F", "uptime>=9", "-W",
                          "mysql country=uk", "-S", "!a=1 and (b or f('x').y!=2)"});
    CHECK(ran.status == 0);
    CHECK(ran.out ==
          "One of these names (-I):\n\n  the name is 'web1'\n\n"
          "All of these classes (-C, -W):\n\n  a class is 'mysql'\n  a class matches '/http/'\n\n"
          "All of these agents (-A):\n\n  an agent is 'rpcutil'\n\n"
          "All of these facts (-F, -W):\n\n  fact 'country' is 'uk'\n  fact 'uptime' is at least '9'\n\n"
          "-S not a=1 and (b or f(\"x\").y!=2):\n\n  NOT\n  fact 'a' is '1'\n  AND\n  (\n    a class is 'b'\n    OR\n"
          "    data source 'f', asked for 'x': output 'y' is not '2'\n  )\n\n");
    CHECK(has(run({"mco", "describe_filter"}).out, "every node"));
    CHECK(run({"mco", "describe_filter", "-S", "a="}).status == 1);
    CHECK(run({"mco", "describe_filter", "-S", "a", "-S", "b"}).out == "-S a:\n\n  a class is 'a'\n\n-S b:\n\n  a class is 'b'\n\n");
}

TEST_CASE("every command's own examples parse") {
    for (const auto* command : commands()) {
        std::istringstream lines{std::string(command->examples)};
        for (std::string line; std::getline(lines, line);) {
            auto words = split_shell_words(line);
            REQUIRE(words.has_value());
            words->erase(std::find(words->begin(), words->end(), "|"), words->end());  // what other programs get
            REQUIRE_MESSAGE(words->size() >= 2, line);
            CHECK_MESSAGE((*words)[1] == command->name, line);
            OptionSet set;
            command->declare(set);
            const auto options = set.parse(std::span(*words).subspan(2));
            CHECK_MESSAGE(options.has_value(), line);
        }
    }
}

TEST_CASE("an option that does not exist fails with the way to the help") {
    const auto ran = run({"mco", "ping", "--grahp"});
    CHECK(ran.status == 1);
    CHECK(ran.err == "mco ping: unknown option --grahp; did you mean --graph?\nTry: mco help ping\n");
    CHECK(run({"mco", "ping", "--color", "pink"}).status == 1);
}

TEST_CASE("MCOLLECTIVE_EXTRA_OPTS stands before what is typed") {
    CHECK(has(run({"mco", "ping"}, {{"MCOLLECTIVE_EXTRA_OPTS", "--nosuch"}}).err, "--nosuch"));
    // What only other commands have is left out, with its value.
    const Environment others{{"MCOLLECTIVE_EXTRA_OPTS", "--np --display all --batch=3 -C httpd"}};
    CHECK(run({"mco", "describe_filter"}, others).out == run({"mco", "describe_filter", "-C", "httpd"}).out);
    CHECK(run({"mco", "version"}, others).status == 0);
    CHECK(has(run({"mco", "ping"}, {{"MCOLLECTIVE_EXTRA_OPTS", "'open"}}).err, "MCOLLECTIVE_EXTRA_OPTS"));
    CHECK(has(run({"mco", "ping"}, {{"MCOLLECTIVE_EXTRA_OPTS", "-c /nonexistent/extra.cfg"}}).err,
              "/nonexistent/extra.cfg"));
    CHECK(has(
        run({"mco", "ping", "-c", "/nonexistent/typed.cfg"}, {{"MCOLLECTIVE_EXTRA_OPTS", "-c /nonexistent/extra.cfg"}})
            .err,
        "/nonexistent/typed.cfg"));
}

TEST_CASE("completion lists one item a line, and with -v its description") {
    PaperMesh mesh({});
    PaperConsole console(mesh);
    CHECK(console.run({"completion", "--list-agents"}).out == "lab\nrpcutil\n");
    CHECK(console.run({"completion", "--list-agents", "-v"}).out == "lab:For tests\nrpcutil:Utilities\n");
    CHECK(console.run({"completion", "--list-actions", "--agent", "rpcutil"}).out ==
          "collective_info\ndaemon_stats\nget_fact\ninventory\nping\n");
    CHECK(console.run({"completion", "--list-inputs", "--agent", "rpcutil", "--action", "get_fact"}).out == "fact\n");
    CHECK(has(console.run({"completion", "--list-applications"}).out, "ping\n"));
    CHECK(console.run({"completion"}).status == 1);
    CHECK(console.run({"completion", "--list-agents", "--list-applications"}).status == 1);
    CHECK(console.run({"completion", "--list-actions"}).status == 1);
    CHECK(console.opened == 0);
}

}  // namespace
}  // namespace mco::client
