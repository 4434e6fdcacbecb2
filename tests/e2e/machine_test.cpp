// What a machine can do to a daemon: a full disk, a folder that cannot be written, few descriptors, a wrong clock, a second daemon, an old
// configuration. Each time one clear sentence, nothing lost, and the daemon lives.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proto/config_file.hpp"
#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"
#include "tests/support/text_of.hpp"

namespace mco::test {
namespace {

// mcod of a node under a shell that prepares its world first. What it replaces has ended.
Process start(Fleet& fleet, const std::string& node, const std::string& preparation, std::vector<std::string> before = {},
              std::map<std::string, std::string> environment = {}) {
    fleet.node(node).signal(SIGTERM);
    REQUIRE(fleet.node(node).wait() == 0);
    auto argv = std::move(before);
    argv.insert(argv.end(), {"/bin/sh", "-c", preparation + "exec \"$0\" \"$@\"", program("mcod").string(), "-c", fleet.config(node).string(),
                             "--ready-fd", "3"});
    return Process({.argv = std::move(argv), .environment = std::move(environment)}, fleet.folder(node) / "stderr.log",
                   Process::Ready::on_descriptor_3);
}

bool can_mount() {
    const bool can = run({.argv = {"unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"}}).status == 0;
    if (!can) MESSAGE("not run: mounting needs root");
    return can;
}

void allow_touch(const Fleet& fleet, const std::string& node) {
    fleet.dir().write(node + "/policies/filemgr.policy", "policy default deny\nallow\tcert=operator\t*\t*\t*\n");
}

TEST_CASE("a full disk: what changes the machine is refused, reading works, and all is well when there is room again") {
    if (!can_mount()) return;
    auto nodes = Fleet::acceptance_nodes();
    Fleet fleet(nodes);
    allow_touch(fleet, "db1");
    const auto small = fleet.folder("db1") / "small";
    std::filesystem::create_directory(small);
    const auto config = text_of(fleet.config("db1"));
    fleet.dir().write("db1/mcod.conf", config + fmt::format("plugin.rpcaudit.logfile = {0}/audit.jsonl\nstate_folder = {0}/state\nlogfile = {0}/mcod.log\n",
                                                            small.string()));
    auto daemon = start(fleet, "db1", fmt::format("mount -t tmpfs -o size=256k none {} && ", small.string()), {"unshare", "-m"});
    REQUIRE_MESSAGE(daemon.wait_ready(), daemon.log_text());
    const auto inside = std::filesystem::path(fmt::format("/proc/{}/root{}", daemon.pid(), small.string()));
    const auto touch = [&] { return fleet.mco({"rpc", "filemgr", "touch", fmt::format("file={}/touched", fleet.folder("db1").string()), "-I", "db1"}); };
    REQUIRE_MESSAGE(touch().status == 0, daemon.log_text());

    const auto filler = inside / "filler";
    {
        std::ofstream stream(filler, std::ios::binary);
        while (stream << std::string(4096, 'x') << std::flush) {}
    }
    // The last pages of the files hold a few lines more.
    const auto touched = fleet.folder("db1") / "touched";
    Finished refused;
    for (int i = 0; i < 60 && refused.status != 2; ++i) {
        std::filesystem::remove(touched);
        refused = touch();
    }
    CHECK(refused.status == 2);
    CHECK_MESSAGE(has(refused.out, "; nothing was done. Its log says why."), refused.out);
    CHECK_FALSE(std::filesystem::exists(touched));
    CHECK(fleet.mco({"rpc", "rpcutil", "get_fact", "fact=country", "-I", "db1"}).status == 0);

    std::filesystem::remove(filler);
    const auto again = touch();
    CHECK_MESSAGE(again.status == 0, again.out << again.err);
    CHECK(std::filesystem::exists(touched));
    CHECK(daemon.signal(SIGTERM));
    CHECK(daemon.wait() == 0);
}

TEST_CASE("a read-only state folder: the daemon says so, answers, and refuses what changes the machine") {
    if (!can_mount()) return;
    Fleet fleet(Fleet::acceptance_nodes());
    allow_touch(fleet, "db1");
    const auto state = (fleet.folder("db1") / "state").string();
    auto daemon = start(fleet, "db1", fmt::format("mount -t tmpfs -o ro,mode=700 none {} && ", state), {"unshare", "-m"});
    REQUIRE_MESSAGE(daemon.wait_ready(), daemon.log_text());
    CHECK(fleet.mco({"rpc", "rpcutil", "get_fact", "fact=country", "-I", "db1"}).status == 0);
    const auto refused = fleet.mco({"rpc", "filemgr", "touch", fmt::format("file={}/touched", fleet.folder("db1").string()), "-I", "db1"});
    CHECK(refused.status == 2);
    CHECK_MESSAGE(has(refused.out, "cannot write its journal; nothing was done"), refused.out);
    CHECK_FALSE(std::filesystem::exists(fleet.folder("db1") / "touched"));
    const auto log = text_of(fleet.folder("db1") / "mcod.log");
    CHECK_MESSAGE(has(log, "Read-only file system"), log);
    CHECK(has(log, "Actions that change the machine are refused until it can be written."));
}

TEST_CASE("64 descriptors: a daemon joins, and strangers that take them all keep nobody out for good") {
    Fleet fleet(Fleet::acceptance_nodes());
    auto daemon = start(fleet, "db1", "ulimit -n 64; ");
    REQUIRE_MESSAGE(daemon.wait_ready(), daemon.log_text());
    CHECK(fleet.mco({"ping", "-I", "db1"}).status == 0);
    const auto endpoint = fleet.endpoint("db1");
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(*proto::parse_integer(endpoint.substr(endpoint.rfind(':') + 1), {1, 65'535})));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<int> strangers;
    for (int i = 0; i < 100; ++i) {
        strangers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(strangers.back(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    }
    CHECK(fleet.mco({"rpc", "rpcutil", "get_fact", "fact=country", "-I", "db1"}).status == 0);  // its links stand
    for (const int one : strangers) ::close(one);
    CHECK(fleet.mco({"ping", "-I", "db1"}, fleet.entering_by({"db1"})).status == 0);  // and new ones are taken
    CHECK(daemon.signal(SIGTERM));
    CHECK(daemon.wait() == 0);
}

TEST_CASE("a daemon started twice is refused by name, also where no port would show it") {
    auto nodes = Fleet::acceptance_nodes();
    nodes.back().kind = NodeTraits::Kind::dial_only;  // db1
    Fleet fleet(nodes);
    const auto second = run({.argv = {program("mcod").string(), "-c", fleet.config("db1").string()}});
    CHECK(second.status == 1);
    CHECK_MESSAGE(has(second.err, fmt::format("is in use: mcod runs already, as process {}", fleet.node("db1").pid())), second.err);
    CHECK(fleet.mco({"ping", "-I", "db1"}).status == 0);
    fleet.restart("db1");  // killed: nothing is left in the way
    CHECK(fleet.mco({"ping", "-I", "db1"}).status == 0);
}

TEST_CASE("an old server.cfg of MCollective: as it is it says what is missing, with that it runs") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto old = text_of(std::filesystem::path(MCO_SOURCE_DIR) / "tests/e2e/migration/server.cfg");
    auto text = old;
    for (auto at = text.find(" = /"); at != std::string::npos; at = text.find(" = /", at + 1))
        text.insert(at + 3, fleet.dir().path().string() + "/old");  // not this machine's own files
    const auto config = fleet.dir().write("old/server.cfg", text);
    std::filesystem::create_directories(fleet.dir() / "old/var/log");
    const auto mcod = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {program("mcod").string(), "-c", config.string()});
        return run({.argv = std::move(more)});
    };
    const auto refused = mcod({});
    CHECK(refused.status == 1);
    CHECK_MESSAGE(has(refused.err, "listen"), refused.err);
    CHECK_MESSAGE(has(refused.err, "mco-ca"), refused.err);
    CHECK_FALSE(has(refused.out + refused.err, "marionette"));  // its password

    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", "old", "--role", "node", "--out", (fleet.dir() / "keys").string()});
    fleet.dir().write("old/policies/rpcutil.policy", "policy default deny\nallow\tcert=operator\t*\t*\t*\n");
    fleet.dir().write("old/server.cfg", text + fmt::format("certificate = {0}/keys/old.cert\nsecret_keys = {0}/keys/old.key\ntrust = {1}/root.cert\n"
                                                           "listen = tcp://127.0.0.1:*\nseed = {2} {3}\nstate_folder = {0}/old/state\n",
                                                           fleet.dir().path().string(), fleet.authority().string(), fleet.endpoint("web1"), fleet.curve_key("web1")));
    const auto checked = mcod({"--check-config"});
    CHECK_MESSAGE(checked.status == 0, checked.out << checked.err);
    Process daemon({.argv = {program("mcod").string(), "-c", config.string(), "--ready-fd", "3"}}, fleet.dir() / "old/stderr.log",
                   Process::Ready::on_descriptor_3);
    REQUIRE_MESSAGE(daemon.wait_ready(), daemon.log_text());
    CHECK(fleet.mco({"rpc", "rpcutil", "ping", "-I", "old"}).status == 0);
    CHECK(has(text_of(fleet.dir() / "old/var/log/mcollective.log"), "'connector' has no effect: there is no broker any more"));
}

TEST_CASE("a clock that is wrong is named to who asks, and stops nobody else") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto with_clock = [&](std::string offset) {
        return start(fleet, "db1", "", {}, {{"LD_PRELOAD", MCO_CLOCK_OFFSET}, {"CLOCK_OFFSET", std::move(offset)}, {"ASAN_OPTIONS", "verify_asan_link_order=0"}});
    };
    SUBCASE("an hour ahead: it takes part, and refuses what looks old") {
        auto daemon = with_clock("3600");
        REQUIRE_MESSAGE(daemon.wait_ready(), daemon.log_text());
        const auto ran = fleet.mco({"rpc", "rpcutil", "get_fact", "fact=country"});
        CHECK(ran.status == 2);
        CHECK_MESSAGE(has(ran.out, "The request is too old. This node's clock reads "), ran.out);
        CHECK_MESSAGE(has(ran.out, "3 expected = 2 ok + 1 denied"), ran.out);
    }
    SUBCASE("before its certificate begins: it says which clock to look at") {
        auto daemon = with_clock("-3600");
        CHECK_FALSE(daemon.wait_ready());
        CHECK(daemon.wait() == 1);
        CHECK_MESSAGE(has(daemon.log_text(), "is not valid before "), daemon.log_text());
        CHECK_MESSAGE(has(daemon.log_text(), "check the clock of this machine"), daemon.log_text());
    }
}

}  // namespace
}  // namespace mco::test
