// Agents that somebody else wrote, in a real fleet: the examples of docs/agents.md as they are, and what happens to those
// that come, go and break while the daemon runs.

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

namespace fs = std::filesystem;

// One node with a libdir of its own, which the operator has, too, and a policy that opens every agent.
struct Workshop {
    TempDir lib;
    Fleet fleet;

    explicit Workshop(std::string_view extra = "")
        : fleet({{.name = "web1",
                  .facts = "country: uk\n",
                  .classes = {},
                  .extra = fmt::format("libdir = {}\nplugin.actionpolicy.allow_unconfigured = 1\n{}",
                                       prepared(lib).string(), extra)}}) {}

    // The examples, older than what is left alone for being young.
    static fs::path prepared(const TempDir& lib) {
        const fs::path from = fs::path(MCO_SOURCE_DIR) / "conf" / "agents", to = lib.path() / "mcollective" / "agent";
        fs::create_directories(to);
        fs::copy_file(from / "uptime.json", to / "uptime.json");
        fs::copy(from / "disk", to / "disk");
        fs::create_directory(to / "load");
        fs::copy_file(from / "load" / "load.json", to / "load" / "load.json");
        fs::copy_file(program("example_load"), to / "load" / "load");
        for (const auto& entry : fs::recursive_directory_iterator(to)) {
            fs::permissions(entry.path(), fs::perms::group_write | fs::perms::others_write, fs::perm_options::remove);
            if (entry.path().extension() == ".json") rest(entry.path());
        }
        return lib.path();
    }
    static void rest(const fs::path& file) {
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::minutes(1));
    }
    Finished rpc(std::vector<std::string> words) const {
        words.insert(words.begin(), "rpc");
        return fleet.mco(std::move(words), {{"MCO_CONFIG", client().string()}});
    }
    Finished mco(std::vector<std::string> words) const {
        return fleet.mco(std::move(words), {{"MCO_CONFIG", client().string()}});
    }
    // The operator's configuration with the libdir.
    fs::path client() const {
        std::ifstream stream(fleet.client_config());
        const std::string text((std::istreambuf_iterator<char>(stream)), {});
        return fleet.dir().write("client-agents.cfg", text + fmt::format("libdir = {}\n", lib.path().string()));
    }
    // Reloads until the node's agents are as wanted; each round is a signal and a request.
    bool reload_until(std::string_view agent, bool there) {
        for (int round = 0; round < 2000; ++round) {
            if (!fleet.node("web1").signal(SIGHUP)) return false;
            if (has(mco({"find", "-A", std::string(agent)}).out, "web1") == there) return true;
        }
        return false;
    }
};

TEST_CASE("the examples run as they are: commands, Python, C++ that is kept") {
    Workshop workshop;
    for (const char* agent : {"uptime", "disk", "load"})  // on a busy machine Python may be late with its wish
        REQUIRE_MESSAGE(workshop.reload_until(agent, true), workshop.fleet.logs());
    const auto load = workshop.rpc({"uptime", "load", "-j"});
    CHECK_MESSAGE(load.status == 0, load.out << load.err << workshop.fleet.logs());
    CHECK(has(load.out, "\"load1\""));
    CHECK(workshop.rpc({"uptime", "kernel"}).status == 0);
    const auto disk = workshop.rpc({"disk", "usage", "path=/tmp"});
    CHECK_MESSAGE(disk.status == 0, disk.out << disk.err << workshop.fleet.logs());
    CHECK(has(disk.out, "Used %"));
    const auto nowhere = workshop.rpc({"disk", "usage", "path=/nonexistent"});
    CHECK(nowhere.status == 2);
    CHECK(has(nowhere.out + nowhere.err, "No such file or directory"));
    CHECK(has(workshop.rpc({"disk", "usage", "path=relative"}).err, "path"));
    CHECK(workshop.rpc({"load", "sample"}).status == 0);
    const auto second = workshop.rpc({"load", "sample", "-j"});
    CHECK_MESSAGE(has(second.out, "\"requests\":2"), second.out);  // the same process as before
    CHECK(has(workshop.mco({"inventory", "web1"}).out, "uptime"));
    CHECK(workshop.mco({"find", "-A", "disk"}).out == "web1\n");
    CHECK(has(workshop.mco({"plugin", "doc", "disk"}).out, "usage action:"));
}

TEST_CASE("agents come, change, break and go while the daemon runs") {
    Workshop workshop;
    const auto file = workshop.lib.path() / "mcollective/agent/uptime.json";
    fs::rename(file, workshop.lib.path() / "aside");
    CHECK(workshop.reload_until("uptime", false));
    fs::rename(workshop.lib.path() / "aside", file);
    CHECK(workshop.reload_until("uptime", true));
    workshop.lib.write("mcollective/agent/uptime.json", "{\"metadata\": {");
    Workshop::rest(file);
    workshop.lib.write("mcollective/agent/other.json", "{");
    Workshop::rest(workshop.lib.path() / "mcollective/agent/other.json");
    fs::remove_all(workshop.lib.path() / "mcollective/agent/disk");
    CHECK(workshop.reload_until("disk", false));
    CHECK(has(workshop.mco({"find", "-A", "uptime"}).out, "web1"));  // the last good one serves on
    CHECK(has(workshop.fleet.logs(), "agent other: "));
}

TEST_CASE("what plugin generate writes runs, and plugin validate finds it fine") {
    Workshop workshop;
    const auto agents = workshop.lib.path() / "mcollective/agent";
    for (const auto& [name, kind] : {std::pair{"greeter", "--python"}, std::pair{"shouter", "--description=Shouts"}}) {
        const auto made = run({.argv = {program("mco").string(), "plugin", "generate", "agent", name, "actions=hello,bye", kind},
                               .directory = agents});
        REQUIRE_MESSAGE(made.status == 0, made.out << made.err);
        const auto ddl = agents / name / (std::string(name) + ".json");
        CHECK(workshop.mco({"plugin", "validate", ddl.string()}).status == 0);
        Workshop::rest(ddl);
        REQUIRE_MESSAGE(workshop.reload_until(name, true), workshop.fleet.logs());
        const auto reply = workshop.rpc({name, "bye", "message=you", "-j"});
        CHECK_MESSAGE(has(reply.out, std::string(name) + " bye: you"), reply.out << reply.err);
    }
}

}  // namespace
}  // namespace mco::test
