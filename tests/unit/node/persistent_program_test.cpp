#include "node/external/persistent_program.hpp"

#include <chrono>
#include <future>
#include <stop_token>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/temp_dir.hpp"

namespace mco::node::external {
namespace {

using namespace std::chrono_literals;
using proto::Errc;
using proto::Value;

// A kept program in Python: reads requests, and does what their "do" says.
constexpr std::string_view script = R"(
import json, os, signal, sys
held = []
def say(request, **more): print(json.dumps({"requestid": request["requestid"], "pid": os.getpid(), **more}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    do = request["do"]
    if do == "answer": say(request)
    elif do == "hold": held.append(request)
    elif do == "release":
        for one in reversed(held): say(one)
        say(request)
    elif do == "die": sys.exit(3)
    elif do == "chatter":
        print("not an answer"); print('{"requestid": "nobody"}'); print("on stderr", file=sys.stderr, flush=True); say(request)
    elif do == "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN); say(request)
    elif do == "mumble": print("thinking", flush=True)
    elif do == "broken": print('{"requestid": "' + request["requestid"] + '", nonsense', flush=True)
    elif do == "large": say(request, text="x" * 500000)
print("ended", file=sys.stderr)
)";

struct Talk {
    test::TempDir dir;
    std::shared_ptr<AgentLines> lines = std::make_shared<AgentLines>();
    PersistentProgram program;

    explicit Talk(PersistentProgram::Timing timing = {})
        : program({.who = "agent echo",
                   .child = {.argv = {"python3", dir.write("agent.py", script).string()},
                             .environment = {{"PATH", "/usr/bin:/bin"}},
                             .grace = 500ms},
                   .prepare = {}},
                  lines, timing) {}

    proto::Result<Value> ask(std::string id, std::string_view what, proto::Duration limit = 60s,
                             std::stop_token stop = {}) {
        return program.ask({.id = id, .line = fmt::format(R"({{"requestid":"{}","do":"{}"}})", id, what), .limit = limit, .context = {}},
                           std::move(stop));
    }
    std::int64_t pid(std::string id) {
        const auto answer = ask(std::move(id), "answer");
        REQUIRE_MESSAGE(answer, answer.error().detail);
        return *answer->find("pid")->integer();
    }
    std::string said() {
        std::string text;
        for (const auto& line : lines->take()) text += line.text + "\n";
        return text;
    }
};

TEST_CASE("a kept program is started once and answers every request") {
    Talk talk;
    const auto pid = talk.pid("1");
    CHECK(talk.pid("2") == pid);
    CHECK(talk.ask("3", "large")->find("text")->text()->size() == 500'000);
    CHECK(talk.pid("3") == pid);
}

TEST_CASE("several requests are on their way at once, and answers come in any order") {
    Talk talk;
    std::vector<std::future<proto::Result<Value>>> held;
    for (const char* id : {"a", "b", "c"})
        held.push_back(std::async(std::launch::async, [&talk, id] { return talk.ask(id, "hold"); }));
    // The three are on their way when the releasing one finds them; until then it asks again.
    for (int round = 0;; ++round) {
        REQUIRE(talk.ask(fmt::format("r{}", round), "release"));
        bool all = true;
        for (auto& one : held) all = all && one.wait_for(10ms) == std::future_status::ready;
        if (all) break;
    }
    for (auto& one : held) CHECK(one.get());
}

TEST_CASE("a program that dies tells its callers how, and is started again after a pause") {
    Talk talk({.idle = 10min, .pause_first = 20ms, .pause_most = 40ms});
    const auto pid = talk.pid("1");
    const auto died = talk.ask("2", "die");
    REQUIRE_FALSE(died);
    CHECK(died.error().code == Errc::unreachable);
    CHECK(died.error().detail == "agent echo: python3 exited with status 3 before it answered");
    CHECK(talk.pid("3") != pid);  // waited for the pause
    CHECK(talk.said() == "agent echo: python3 exited with status 3\n");
}

TEST_CASE("who cannot wait for the next start is told at once") {
    Talk talk({.idle = 10min, .pause_first = 1h, .pause_most = 1h});
    CHECK_FALSE(talk.ask("1", "die"));
    const auto refused = talk.ask("2", "answer", 30s);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().detail == "agent echo keeps ending by itself and is not started again yet");
}

TEST_CASE("a program that hangs is stopped, one that is slow with one request is not") {
    Talk talk({.idle = 10min, .pause_first = 20ms, .pause_most = 20ms});
    const auto pid = talk.pid("1");
    CHECK(talk.ask("2", "stubborn"));
    const auto late = talk.ask("3", "mumble", 2s);
    REQUIRE_FALSE(late);
    CHECK(late.error().detail == "agent echo did not answer in time");
    CHECK(talk.pid("4") == pid);  // whatever it prints is a sign of life
    CHECK_FALSE(talk.ask("5", "hold", 100ms));
    CHECK(talk.pid("6") != pid);  // it ignores TERM, so it was killed
    CHECK(talk.said().find("said nothing while a request's time went by") != std::string::npos);
}

TEST_CASE("a request that nobody waits for any longer is given up") {
    Talk talk;
    talk.pid("1");
    std::stop_source stop;
    stop.request_stop();
    const auto answer = talk.ask("2", "hold", 60s, stop.get_token());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::cancelled);
}

TEST_CASE("an idle program is stopped, and started again when it is needed") {
    Talk talk({.idle = 0ms, .pause_first = 1h, .pause_most = 1h});
    const auto pid = talk.pid("1");
    CHECK(talk.pid("2") != pid);
    CHECK(talk.pid("3") != pid);
}

TEST_CASE("what is no answer goes to the log") {
    Talk talk;
    CHECK(talk.ask("1", "chatter"));
    const auto said = talk.said();
    CHECK(said.find("agent echo: not an answer\n") != std::string::npos);
    CHECK(said.find("agent echo: an answer that nobody waits for\n") != std::string::npos);
}

TEST_CASE("an answer that is no JSON is told at once where it can only be one request's") {
    Talk talk;
    const auto broken = talk.ask("1", "broken");
    REQUIRE_FALSE(broken);
    CHECK(broken.error().detail.starts_with("agent echo: its answer is not JSON: "));
}

TEST_CASE("a program that cannot be started says why") {
    auto lines = std::make_shared<AgentLines>();
    PersistentProgram program({.who = "agent x", .child = {.argv = {"/nonexistent"}}, .prepare = {}}, lines);
    const auto answer = program.ask({.id = "1", .line = "{}", .limit = 60s, .context = {}}, {});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().detail == "/nonexistent: No such file or directory");
}

}  // namespace
}  // namespace mco::node::external
