// What who runs the daemons relies on: metrics, reports, logs for programs, and restarts in the middle of work.

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"
#include "tests/support/text_of.hpp"

namespace mco::test {
namespace {

// Asks until it is so; each question is a whole command, so this is bounded by work and not by a clock.
template <typename Condition>
void until(const Fleet& fleet, Condition condition) {
    for (int attempt = 0; !condition(); ++attempt) {
        REQUIRE_MESSAGE(attempt < 200, fleet.logs());
        fleet.mco({"ping", "-I", "web1"});
    }
}

// The socket on which a service manager is told things.
class Manager {
 public:
    Manager() : path_((dir_ / "notify").string()), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path_.size() < sizeof address.sun_path);
        path_.copy(address.sun_path, path_.size());
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Manager() { ::close(socket_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    const std::string& path() const { return path_; }
    // Reads on until somebody says this; fails after ten silent seconds.
    bool hears(std::string_view words) {
        constexpr int limit_ms = 10'000;
        for (pollfd poll{socket_, POLLIN, 0}; ::poll(&poll, 1, limit_ms) == 1;) {
            char text[512];
            const auto size = ::recv(socket_, text, sizeof text, 0);
            if (size > 0 && std::string_view(text, static_cast<std::size_t>(size)).starts_with(words)) return true;
        }
        return false;
    }

 private:
    TempDir dir_;
    std::string path_;
    int socket_;
};

TEST_CASE("systemd hears when a daemon takes part, that it lives, and that it stops") {
    Fleet fleet(Fleet::acceptance_nodes());
    REQUIRE(fleet.node("web2").signal(SIGTERM));
    REQUIRE(fleet.node("web2").wait() == 0);
    Manager manager;
    Process daemon({.argv = {program("mcod").string(), "-c", fleet.config("web2").string()},
                    .environment = {{"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "200000"}}},
                   fleet.folder("web2") / "stderr.log");
    CHECK_MESSAGE(manager.hears("READY=1\n"), fleet.logs());
    CHECK(has(fleet.mco({"ping"}).out, "3 replies"));
    CHECK(manager.hears("WATCHDOG=1"));
    CHECK(manager.hears("WATCHDOG=1"));
    REQUIRE(daemon.signal(SIGTERM));
    CHECK(manager.hears("STOPPING=1\n"));
    CHECK(daemon.wait() == 0);
}

TEST_CASE("SIGUSR1 writes the daemon's state to its log and changes nothing") {
    Fleet fleet(Fleet::acceptance_nodes());
    CHECK(fleet.mco({"rpc", "rpcutil", "ping"}).status == 0);
    REQUIRE(fleet.node("web1").signal(SIGUSR1));
    const auto log = fleet.folder("web1") / "mcod.log";
    until(fleet, [&] { return has(text_of(log), "info: state: counted:"); });
    const auto text = text_of(log);
    CHECK_MESSAGE(has(text, "takes part, relay "), text);
    CHECK_MESSAGE(has(text, "of group default, 3 members known, 2 links"), text);
    CHECK_MESSAGE(has(text, "info: state: link db1 (default): up for "), text);
    CHECK_FALSE(has(text, "reloaded"));
}

TEST_CASE("logformat = json: every line of a daemon's log is an object") {
    auto nodes = Fleet::acceptance_nodes();
    nodes[0].extra += "logformat = json\n";
    Fleet fleet(nodes);
    CHECK(fleet.mco({"ping"}).status == 0);
    std::ifstream log(fleet.folder("web1") / "mcod.log");
    const std::regex event(R"re(\{"time":"[-0-9T:.+]+","program":"mcod","pid":[0-9]+,"area":"[a-z]+","level":"[a-z]+","message":".*"\})re");
    int lines = 0;
    for (std::string line; std::getline(log, line); ++lines) {
        CHECK_MESSAGE(std::regex_match(line, event), line);
    }
    CHECK(lines > 2);
}

TEST_CASE("metrics_file holds the counters from the start on, as Prometheus reads them, and metrics_listen tells them") {
    auto nodes = Fleet::acceptance_nodes();
    TempDir dir;
    const auto file = dir / "mcod.prom";
    nodes[0].extra += fmt::format("metrics_file = {}\nmetrics_listen = 127.0.0.1:*\n", file.string());
    Fleet fleet(nodes);
    until(fleet, [&] { return std::filesystem::exists(file); });
    const auto text = text_of(file);
    CHECK_MESSAGE(has(text, "mco_info{name=\"web1\""), text);
    CHECK(has(text, "# TYPE mco_requests_total counter\n"));
    const auto log = text_of(fleet.folder("web1") / "mcod.log");
    const auto at = log.find("http://127.0.0.1:");
    REQUIRE_MESSAGE(at != std::string::npos, log);
    const auto asked = run({.argv = {"python3", "-c", "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
                                     log.substr(at, log.find('\n', at) - at)}});
    CHECK_MESSAGE(has(asked.out, "mco_info{name=\"web1\""), asked.err);
    if (run({.argv = {"/bin/sh", "-c", "command -v promtool"}}).status != 0) {
        MESSAGE("promtool is not here: only its own reading is left out");
        return;
    }
    const auto checked = run({.argv = {"promtool", "check", "metrics"}, .input = text});
    CHECK_MESSAGE(checked.status == 0, checked.out << checked.err);
}

// One round of what an operator sends while the fleet is being upgraded: who answered, who is missing.
struct Round {
    int status = 0;
    std::string out;
};

// How many replies failed, with this sentence.
auto failures(const std::string& json, const std::string& sentence = {}) {
    const std::regex reply("\"statuscode\":[1-9][0-9]*,\"statusmsg\":\"" + sentence);
    return std::distance(std::sregex_iterator(json.begin(), json.end(), reply), std::sregex_iterator());
}

TEST_CASE("a rolling restart of 20 daemons under load loses no request") {
    constexpr int count = 20;
    Fleet fleet(Fleet::plain("n", count));
    const auto entries = fleet.entering_by({"n1", "n2", "n3"});
    const auto ask_as = [&](Fleet::Version version) {
        const auto ran = fleet.mco({"rpc", "rpcutil", "ping", "-j", "--np"}, entries, {}, version);
        return Round{ran.status, ran.out + ran.err};
    };
    const auto ask = [&] { return ask_as(Fleet::Version::after); };
    const auto ask_before = [&] { return ask_as(Fleet::Version::before); };
    for (const auto& round : {ask_before(), ask()}) REQUIRE_MESSAGE(round.status == 0, round.out);
    std::vector<std::future<Round>> load;
    for (int number = 1; number <= count; ++number) {
        const auto name = fmt::format("n{}", number);
        load.push_back(std::async(std::launch::async, ask_before));
        REQUIRE(fleet.node(name).signal(SIGTERM));
        const auto ended = fleet.node(name).wait();
        REQUIRE_MESSAGE(ended == 0, name << fleet.logs());
        load.push_back(std::async(std::launch::async, ask));
        fleet.restart(name);
    }
    // A node that is down at that moment is named as missing, one that is about to be says that nothing was done. A request
    // without an end, or another failure, is what must not be.
    for (auto& round : load) {
        const auto [status, text] = round.get();
        const bool accounted = status == 0 || status == 5 || (status == 2 && failures(text) == failures(text, "This node is stopping"));
        CHECK_MESSAGE(accounted, status << ": " << text);
    }
    for (const auto& round : {ask_before(), ask()}) CHECK_MESSAGE(round.status == 0, round.out);
}

}  // namespace
}  // namespace mco::test
