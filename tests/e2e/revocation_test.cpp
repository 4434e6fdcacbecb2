// From mco-ca revoke to every node's refusal; and keys that take each other's place while the mesh runs.

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"

namespace mco::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string text_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Another caller of the fleet's authority, and his configuration.
fs::path caller(const Fleet& fleet, const std::string& name) {
    const auto out = (fleet.dir() / name).string();
    fleet.ca({"issue", "--ca", fleet.authority().string(), "--name", name, "--role", "caller", "--out", out});
    return fleet.dir().write(name + ".cfg", fmt::format("certificate = {0}/{1}.cert\nsecret_keys = {0}/{1}.key\ntrust = {2}/root.cert\n"
                                                        "entry = {3} {4}\nentry = {5} {6}\n",
                                                        out, name, fleet.authority().string(), fleet.endpoint("web1"),
                                                        fleet.curve_key("web1"), fleet.endpoint("db1"), fleet.curve_key("db1")));
}

// Who was restarted has to be linked with again by the others.
void until_linked(const Fleet& fleet) {
    for (int i = 0; fleet.mco({"ping"}).status != 0; ++i) REQUIRE(i < 200);
}

TEST_CASE("a revoked caller is refused by the whole mesh within five seconds of one node's knowing, and after a restart") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto guest = caller(fleet, "guest").string();
    CHECK(fleet.mco({"ping"}, {{"MCO_CONFIG", guest}}).status == 0);
    fleet.ca({"revoke", "--ca", fleet.authority().string(), "guest"});
    fs::copy_file(fleet.authority() / "revocations", fleet.folder("web2") / "revocations");
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(fleet.node("web2").signal(SIGHUP));
    for (const auto* node : {"web1", "web2", "db1"}) {
        const auto kept = fleet.folder(node) / "state" / "mcod.revocations";
        while (!fs::exists(kept)) REQUIRE(std::chrono::steady_clock::now() - began < 5s);
    }
    const auto refused = fleet.mco({"ping"}, {{"MCO_CONFIG", guest}});
    CHECK(refused.status == 1);
    CHECK_MESSAGE(has(refused.err, "revoked"), refused.err);
    CHECK(fleet.mco({"ping"}).status == 0);

    // It is not forgotten, and a list from before does not bring him back.
    fs::remove(fleet.folder("web2") / "revocations");
    for (const auto* node : {"web1", "web2", "db1"}) fleet.restart(node);
    CHECK(fleet.mco({"ping"}, {{"MCO_CONFIG", guest}}).status == 1);
    until_linked(fleet);
}

TEST_CASE("a caller who is revoked while his request goes from node to node gets no further") {
    Fleet fleet(Fleet::acceptance_nodes());
    for (const auto* node : {"web1", "web2", "db1"}) {
        fleet.dir().write(std::string(node) + "/policies/rpcutil.policy", "policy default allow\n");
        fleet.restart(node);
    }
    until_linked(fleet);
    const auto guest = caller(fleet, "guest").string();
    const auto performed = [&] {
        int count = 0;
        for (const auto* node : {"web1", "web2", "db1"}) {
            std::ifstream audit(fleet.folder(node) / "audit.jsonl");
            for (std::string line; std::getline(audit, line);)
                count += has(line, "\"name\":\"guest\"") && has(line, "rpcutil") && has(line, "\"allowed\"") ? 1 : 0;
        }
        return count;
    };
    Process slow({.argv = {program("mco").string(), "rpc", "rpcutil", "ping", "--batch", "1", "--batch-sleep", "4"},
                  .environment = {{"MCO_CONFIG", guest}, {"HOME", fleet.dir().path().string()}}},
                 fleet.dir() / "slow.log");
    while (performed() == 0) REQUIRE(!slow.wait(std::chrono::seconds(0)));
    fleet.ca({"revoke", "--ca", fleet.authority().string(), "guest"});
    fs::copy_file(fleet.authority() / "revocations", fleet.folder("web2") / "revocations");
    REQUIRE(fleet.node("web2").signal(SIGHUP));
    const auto status = slow.wait();
    REQUIRE(status);
    CHECK_MESSAGE(*status != 0, slow.log_text());
    CHECK_MESSAGE(performed() < 3, slow.log_text());
}

TEST_CASE("the answers of a revoked node do not count, and its links are gone") {
    Fleet fleet(Fleet::acceptance_nodes());
    fleet.ca({"revoke", "--ca", fleet.authority().string(), "db1"});
    fs::copy_file(fleet.authority() / "revocations", fleet.folder("web1") / "revocations");
    REQUIRE(fleet.node("web1").signal(SIGHUP));
    const auto began = std::chrono::steady_clock::now();
    auto ping = fleet.mco({"ping"});
    while (!has(ping.out, "2 replies")) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() - began < 10s, ping.out << ping.err);
        ping = fleet.mco({"ping"});
    }
    CHECK_MESSAGE(ping.status == 5, ping.out);  // it is missed, like everybody who is down
}

TEST_CASE("the collective key is rotated while requests run, and none is lost") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto key = fleet.dir() / "collective.key";
    fleet.ca({"collective-key", key.string()});
    const auto give = [&](const char* node) {
        const auto file = fleet.folder(node) / "collective.key";
        fs::copy_file(key, file, fs::copy_options::overwrite_existing);
        fs::permissions(file, fs::perms(0600));
        const auto line = fmt::format("collective_key = {}\n", file.string());
        const auto text = text_of(fleet.config(node));
        if (!has(text, line)) fleet.dir().write(fmt::format("{}/mcod.conf", node), line + text);
        fleet.node(node).signal(SIGHUP);
    };
    const auto sealed = [&] {
        const auto with_key = fleet.dir().write("sealed.cfg", fmt::format("collective_key = {}\n", key.string()) + text_of(fleet.client_config()));
        return fleet.mco({"rpc", "rpcutil", "ping"}, {{"MCO_CONFIG", with_key.string()}});
    };
    const auto nobody_has_it = sealed();
    CHECK(nobody_has_it.status == 2);
    CHECK(has(nobody_has_it.out, "does not have the collective key"));
    for (const auto* node : {"web1", "web2", "db1"}) give(node);
    for (int i = 0; sealed().status != 0; ++i) REQUIRE(i < 100);
    fleet.ca({"collective-key", "--rotate", key.string()});
    // The operator is not ahead of the nodes: each has the new one before anybody seals with it.
    for (const auto* node : {"web1", "web2", "db1"}) {
        give(node);
        const auto plain = fleet.mco({"rpc", "rpcutil", "ping"});
        CHECK_MESSAGE(plain.status == 0, plain.out << plain.err);
    }
    for (int i = 0; sealed().status != 0; ++i) REQUIRE(i < 100);
}

// An operator who never stops asking. What he was told when it was not everything.
class Load {
 public:
    explicit Load(const Fleet& fleet)
        : asking_([this, &fleet](const std::stop_token& stop) {
              for (; !stop.stop_requested(); ++asked_) {
                  const auto ping = fleet.mco({"rpc", "rpcutil", "ping"});
                  if (ping.status != 0) lost_ += fmt::format("{}: {}{}\n", ping.status, ping.out, ping.err);
              }
          }) {}
    int end() {  // how often he asked
        asking_.request_stop();
        asking_.join();
        return asked_;
    }
    const std::string& lost() const { return lost_; }  // after the end

 private:
    int asked_ = 0;
    std::string lost_;
    std::jthread asking_;
};

TEST_CASE("one root takes the other's place while the mesh runs, and no request is lost") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto next = (fleet.dir() / "next").string();
    fleet.ca({"init", next, "--name", "next"});
    const auto trust = fleet.authority() / "root.cert";
    const auto all = {"web1", "web2", "db1"};
    const auto whole = [&] {
        const auto ping = fleet.mco({"ping"});
        CHECK_MESSAGE(ping.status == 0, ping.out << ping.err << fleet.logs());
        for (const auto* node : all) CHECK_MESSAGE(has(ping.out, node), ping.out);
    };
    const auto believe = [&](const std::string& roots) {  // in one step, as there is always somebody who reads it
        fs::rename(fleet.dir().write("ca/root.new", roots), trust);
    };
    const auto old_root = text_of(trust);
    Load load(fleet);
    believe(old_root + text_of(next + "/root.cert"));
    for (const auto* node : all) {
        fleet.node(node).signal(SIGHUP);
        whole();
    }
    const auto sign_anew = [&](const std::string& name, const std::string& role, const fs::path& folder) {
        const auto work = (fleet.dir() / ("anew-" + name)).string();
        fleet.ca({"request", "--name", name, "--role", role, "--out", work, "--secret-keys", (folder / (name + ".key")).string()});
        fleet.ca({"sign", "--ca", next, fmt::format("{}/{}.request", work, name), "--out", work + "/cert"});
        fs::rename(work + "/cert", folder / (name + ".cert"));
    };
    for (const auto* node : all) {
        sign_anew(node, "node", fleet.folder(node));
        fleet.node(node).signal(SIGHUP);
        whole();
    }
    sign_anew("operator", "caller", fleet.dir() / "operator");
    whole();
    CHECK(load.end() > 0);
    CHECK_MESSAGE(load.lost().empty(), load.lost());
    for (const auto* node : all) {
        fleet.restart(node);
        until_linked(fleet);
    }
    believe(text_of(next + "/root.cert"));
    for (const auto* node : all) {
        fleet.node(node).signal(SIGHUP);
        whole();
    }
}

}  // namespace
}  // namespace mco::test
