// The drill of docs/security.md: an issuer's key was stolen, everything that it signed or could sign ends, and the fleet goes on under a new one.
// MCO_DRILL_NODES=200 tries it on as many daemons; what it took is printed.

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

int nodes_wanted() {
    const char* wish = std::getenv("MCO_DRILL_NODES");
    return wish == nullptr ? 6 : std::clamp(std::atoi(wish), 2, 1'000);
}

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

class Drill {
 public:
    explicit Drill(int count) : fleet(Fleet::plain("n", count)) {
        for (int i = 1; i <= count; ++i) names.push_back(fmt::format("n{}", i));
    }
    fs::path issuer(const std::string& name) const { return fleet.dir() / name; }
    void make_issuer(const std::string& name) const {
        const auto folder = issuer(name).string();
        fleet.ca({"init", folder, "--role", "issuer", "--name", name});
        fleet.ca({"sign", "--ca", fleet.authority().string(), folder + "/issuer.request", "--out", folder + "/issuer.cert"});
        fs::copy_file(fleet.authority() / "root.cert", folder + "/root.cert");
    }
    // Steps 3 and 4, with the machines of the documentation's loops being folders here.
    void sign_all(const std::string& by) {
        const auto work = issuer(by).string();
        const auto each = fmt::format(
            "cd {0} && printf '%s\\n' {1} | xargs -P 8 -I@ sh -c '{2} request --secret-keys @/@.key --name @ --role node --out {3}/requests >/dev/null' && "
            "{2} request --secret-keys operator/operator.key --name operator --role caller --out {3}/requests >/dev/null && "
            "{2} sign --ca {3} {3}/requests/*.request --out {3}/certs && "
            "printf '%s\\n' {1} operator | xargs -P 8 -I@ sh -c 'cp {3}/certs/@.cert @/@.cert.new && mv @/@.cert.new @/@.cert'",
            fleet.dir().path().string(), fmt::join(names, " "), program("mco-ca").string(), work);
        const auto signed_all = run({.argv = {"/bin/sh", "-c", each}}, std::chrono::seconds(900));
        REQUIRE_MESSAGE(signed_all.status == 0, signed_all.err);
    }
    void publish() {
        fs::copy_file(fleet.authority() / "revocations", fleet.folder("n1") / "revocations");
        REQUIRE(fleet.node("n1").signal(SIGHUP));
    }
    // Everybody has the list: kept, in case he is restarted.
    void until_published() const {
        for (const auto& name : names) {
            const auto began = Clock::now();
            const auto kept = fleet.folder(name) / "state" / "mcod.revocations";
            while (!fs::exists(kept)) REQUIRE_MESSAGE(seconds_since(began) < 30, name << fleet.logs());
        }
    }
    void restart_all() {
        for (const auto& name : names) fleet.restart(name);
    }
    Finished until_whole() const {
        auto ping = fleet.mco({"ping"});
        for (int i = 0; ping.status != 0; ++i) {
            REQUIRE_MESSAGE(i < 500, ping.out << ping.err);
            ping = fleet.mco({"ping"});
        }
        return ping;
    }

    Fleet fleet;
    std::vector<std::string> names;
};

TEST_CASE("revoke everything, new issuer: the fleet goes on, and what the stolen key signs is refused") {
    Drill drill(nodes_wanted());
    drill.make_issuer("old");
    drill.sign_all("old");
    drill.restart_all();
    drill.until_whole();

    const auto began = Clock::now();
    const auto serial = drill.fleet.ca({"show", "--json", (drill.issuer("old") / "issuer.cert").string()});
    const auto at = serial.find("\"serial\":\"") + 10;
    drill.fleet.ca({"revoke", "--ca", drill.fleet.authority().string(), serial.substr(at, serial.find('"', at) - at)});
    bool published = false;
    SUBCASE("the list is published at the end") {}
    SUBCASE("the list is published at once") {
        drill.publish();
        published = true;
    }
    drill.make_issuer("new");
    drill.sign_all("new");
    const auto after_signing = seconds_since(began);
    drill.restart_all();
    const auto after_restarts = seconds_since(began);
    if (!published) drill.publish();
    drill.until_published();
    const auto ping = drill.until_whole();
    MESSAGE(fmt::format("{} nodes: signed after {:.1f} s, restarted one after the other after {:.1f} s, whole under the new issuer after {:.1f} s",
                        drill.names.size(), after_signing, after_restarts, seconds_since(began)));
    for (const auto& name : drill.names) CHECK_MESSAGE(has(ping.out, name), name);

    // The thief still has the old issuer.
    const auto out = (drill.fleet.dir() / "thief").string();
    const auto root = drill.fleet.authority() / "root.cert";
    drill.fleet.ca({"issue", "--ca", drill.issuer("old").string(), "--name", "thief", "--role", "caller", "--out", out});
    const auto config = drill.fleet.dir().write("thief.cfg", fmt::format("certificate = {0}/thief.cert\nsecret_keys = {0}/thief.key\ntrust = {1}\nentry = {2} {3}\n", out,
                                                                         root.string(), drill.fleet.endpoint("n1"), drill.fleet.curve_key("n1")));
    const auto stolen = drill.fleet.mco({"ping"}, {{"MCO_CONFIG", config.string()}});
    CHECK(stolen.status == 1);
    CHECK_MESSAGE(has(stolen.err, "revoked"), stolen.err);
}

}  // namespace
}  // namespace mco::test
