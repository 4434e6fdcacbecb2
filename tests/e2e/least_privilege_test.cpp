// mcod as somebody who is not root: what its agents may do works, the rest is refused with the reason; and root's daemon runs what it is told to as
// somebody else. Started by root these take an unprivileged user; started by anybody else that is who he is already.

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"
#include "tests/support/text_of.hpp"

namespace mco::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t nobody = 65'534;
const bool as_root = ::geteuid() == 0;

constexpr std::string_view whoami = R"({
  "metadata": {"name": "whoami", "description": "Who runs this", "author": "mco", "license": "Apache-2.0", "version": "1.0.0",
               "url": "https://example.net/whoami", "timeout": 5, "provider": "external"},
  "actions": [{"action": "tell", "description": "The number of the user", "display": "always", "input": {},
               "output": {"uid": {"description": "The number", "display_as": "Uid", "type": "string", "default": ""}},
               "command": ["/usr/bin/id", "-u"], "output_format": {"number": "^(?P<uid>[0-9]+)$"}}]
})";

// One node that has the external agent `whoami`, and may be run as somebody else.
class Machine {
 public:
    explicit Machine(const std::string& extra = {})
        : fleet_({{.name = "web1",
                   .facts = "country: uk\n",
                   .classes = {},
                   .extra = fmt::format("libdir = {}\nplugin.actionpolicy.allow_unconfigured = 1\n{}", library(), extra)}}) {
        fleet_.dir().write("client.cfg", text_of(fleet_.client_config()) + fmt::format("libdir = {}\n", library()));
    }
    // The same daemon, with the same files and endpoint, as nobody.
    void become_unprivileged() {
        fleet_.node("web1").kill();
        std::vector<std::string> argv{program("mcod").string(), "-c", fleet_.config("web1").string(), "--ready-fd", "3"};
        if (as_root) {
            fs::copy_file(fleet_.authority() / "root.cert", fleet_.folder("web1") / "root.cert");
            auto text = text_of(fleet_.config("web1"));
            const auto trust = (fleet_.authority() / "root.cert").string();
            text.replace(text.find(trust), trust.size(), (fleet_.folder("web1") / "root.cert").string());
            fleet_.dir().write("web1/mcod.conf", text);
            for (const auto& entry : fs::recursive_directory_iterator(fleet_.folder("web1"))) give(entry.path());
            give(fleet_.folder("web1"));
            for (const auto& folder : {fleet_.dir().path(), library_.path()}) fs::permissions(folder, fs::perms(0755));
            argv.insert(argv.begin(), {"setpriv", fmt::format("--reuid={}", nobody), fmt::format("--regid={}", nobody), "--clear-groups", "--"});
        }
        daemon_.emplace(Launch{.argv = argv}, fleet_.dir() / "unprivileged.log", Process::Ready::on_descriptor_3);
        REQUIRE_MESSAGE(daemon_->wait_ready(), daemon_->log_text() << log());
    }
    Finished mco(const std::vector<std::string>& words) const { return fleet_.mco(words); }
    Finished tell() const {  // external agents are found a moment after the start
        auto said = mco({"rpc", "whoami", "tell", "-j"});
        for (int i = 0; i < 300 && !has(said.out, "statuscode"); ++i) said = mco({"rpc", "whoami", "tell", "-j"});
        return said;
    }
    std::string log() const { return text_of(fleet_.folder("web1") / "mcod.log"); }
    const Fleet& fleet() const { return fleet_; }

 private:
    std::string library() const {
        const auto file = library_.write("mcollective/agent/whoami.json", whoami);
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::minutes(1));
        return library_.path().string();
    }
    static void give(const fs::path& path) { REQUIRE(::lchown(path.c_str(), nobody, nobody) == 0); }

    TempDir library_;
    Fleet fleet_;
    std::optional<Process> daemon_;
};

TEST_CASE("a daemon that is not root does what its user may, records it, and refuses the rest with the reason") {
    Machine machine;
    machine.become_unprivileged();
    const auto uid = as_root ? nobody : ::geteuid();
    const auto ping = machine.mco({"ping"});
    CHECK_MESSAGE(ping.status == 0, ping.out << ping.err << machine.log());
    CHECK(machine.mco({"rpc", "rpcutil", "get_fact", "fact=country"}).status == 0);
    CHECK(machine.mco({"process", "list", "mcod"}).status == 0);
    const auto told = machine.tell();
    CHECK_MESSAGE(has(told.out, fmt::format("\"uid\":\"{}\"", uid)), told.out << told.err << machine.log());

    const auto own = (machine.fleet().folder("web1") / "mine").string();
    const auto touched = machine.mco({"rpc", "filemgr", "touch", "file=" + own});
    CHECK_MESSAGE(touched.status == 0, touched.out << touched.err);
    CHECK(fs::exists(own));
    if (uid != 0) {
        const auto foreign = machine.mco({"rpc", "filemgr", "touch", "file=/etc/mco-canary"});
        CHECK(foreign.status == 2);
        CHECK_MESSAGE(has(foreign.out, "ermission denied"), foreign.out);
        CHECK_FALSE(fs::exists("/etc/mco-canary"));
    }
    const auto audit = machine.mco({"audit", "verify", (machine.fleet().folder("web1") / "audit.jsonl").string()});
    CHECK_MESSAGE(audit.status == 0, audit.out << audit.err);
}

TEST_CASE("a daemon that is not root runs nothing as somebody else, and says who could") {
    Machine machine("plugin.whoami.run_as = root\nplugin.shell.activate_agent = yes\n");
    machine.become_unprivileged();
    if (!as_root) return;  // then it is told of a user that may be himself
    for (int i = 0; i < 300 && !has(machine.log(), "run_as"); ++i) machine.mco({"ping"});
    CHECK_MESSAGE(has(machine.log(), "run_as = root: only a daemon that runs as root can do that"), machine.log());
    CHECK_FALSE(has(machine.mco({"find", "-A", "whoami"}).out, "web1"));
    const auto shell = machine.mco({"rpc", "shell", "run", "command=id", "user=daemon", "-j"});
    CHECK(shell.status == 2);
    CHECK_MESSAGE(has(shell.out, "the daemon is not root, so it cannot run anything as daemon"), shell.out << shell.err);
}

TEST_CASE("root's daemon runs an external agent as the user it is told to" * doctest::skip(!as_root)) {
    Machine machine("plugin.whoami.run_as = nobody\n");
    const auto told = machine.tell();
    CHECK_MESSAGE(has(told.out, fmt::format("\"uid\":\"{}\"", nobody)), told.out << told.err << machine.log());
}

TEST_CASE("another user of the machine gets nothing through the local socket without keys of his own" * doctest::skip(!as_root)) {
    Machine machine;
    fs::permissions(machine.fleet().dir().path(), fs::perms(0755));
    fs::permissions(machine.fleet().folder("web1"), fs::perms(0755));
    const auto as_nobody = [&](const fs::path& config) {
        return run({.argv = {"setpriv", fmt::format("--reuid={}", nobody), fmt::format("--regid={}", nobody), "--clear-groups", "--", program("mco").string(), "ping", "-c",
                             config.string()}});
    };
    const auto with_operators = as_nobody(machine.fleet().client_config());
    CHECK(with_operators.status == 1);
    CHECK_MESSAGE(has(with_operators.err, "ermission denied"), with_operators.err);
    // With keys that an authority of his own certified.
    const auto own = (machine.fleet().dir() / "own").string();
    machine.fleet().ca({"init", own + "-ca", "--name", "own"});
    machine.fleet().ca({"issue", "--ca", own + "-ca", "--name", "mallory", "--role", "caller", "--out", own});
    fs::copy_file(machine.fleet().authority() / "root.cert", own + "/root.cert");
    for (const auto& entry : fs::directory_iterator(own)) REQUIRE(::chown(entry.path().c_str(), nobody, nobody) == 0);
    REQUIRE(::chown(own.c_str(), nobody, nobody) == 0);
    const auto config = machine.fleet().dir().write("own.cfg", fmt::format("certificate = {0}/mallory.cert\nsecret_keys = {0}/mallory.key\ntrust = {0}/root.cert\nentry = ipc://{1} {2}\n",
                                                                           own, (machine.fleet().folder("web1") / "s").string(), machine.fleet().curve_key("web1")));
    const auto with_own = as_nobody(config);
    CHECK(with_own.status == 1);
    CHECK_MESSAGE(has(with_own.err, "did not answer our HELLO"), with_own.err);
}

}  // namespace
}  // namespace mco::test
