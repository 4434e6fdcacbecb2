// mco config: every setting, its value, where it comes from.

#include <doctest/doctest.h>

#include "client/config_keys.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using namespace test;

// The line of a setting, its blanks reduced to one.
std::string line_of(const std::string& text, std::string_view key) {
    const auto at = text.find("\n" + std::string(key) + " ");
    if (at == std::string::npos) return {};
    std::string line;
    for (const char c : text.substr(at + 1, text.find('\n', at + 1) - at - 1)) {
        if (c != ' ' || !line.ends_with(' ')) line += c;
    }
    return line;
}

TEST_CASE("config shows every key of the client with its value and source") {
    PaperMesh mesh({});
    PaperConsole console(mesh);
    console.extra_config = "ttl = 30\nttl = 40\nplugin.other.key = x\n";
    const auto ran = console.run({"config"});
    CHECK(ran.status == 0);
    CHECK(console.opened == 0);
    const auto file = (mesh.dir() / "client.cfg").string();
    CHECK(ran.out.starts_with("Configuration: " + file + " ("));
    for (const auto& key : config_keys()) CHECK_MESSAGE(!line_of(ran.out, key.name).empty(), key.name);
    CHECK(line_of(ran.out, "ttl").starts_with("ttl 40 " + file + ":"));
    CHECK(line_of(ran.out, "discovery_timeout") == "discovery_timeout 2 default");
    CHECK(line_of(ran.out, "color") == "color yes default");
    CHECK(line_of(ran.out, "identity") == "identity (none) default");
    CHECK(line_of(ran.out, "plugin.other.key").starts_with("plugin.other.key x " + file + ":"));
    console.environment["NO_COLOR"] = "1";
    CHECK(line_of(console.run({"config"}).out, "NO_COLOR") == "NO_COLOR 1 environment");
    CHECK(line_of(console.run({"config", "-v"}).out, "ttl").ends_with("Seconds for which a request may be started by a node"));
    CHECK(console.run({"config", "ttl"}).status == 1);
}

TEST_CASE("config -j is one object; a key without effect is a warning in both") {
    PaperMesh mesh({});
    PaperConsole console(mesh);
    console.extra_config = "securityprovider = psk\n";
    const auto ran = console.run({"config", "-j"});
    const auto value = proto::parse_json(ran.out);
    REQUIRE(value.has_value());
    CHECK(value->find("settings")->list()->size() >= config_keys().size());
    CHECK(value->find("warnings")->list()->size() == 1);
    CHECK(has(ran.err, "securityprovider"));
}

TEST_CASE("what a key is set to is what is shown, and every key says what it is for") {
    for (const auto& key : config_keys()) {
        CHECK_MESSAGE(!key.meaning.empty(), key.name);
        if (key.shown == nullptr) continue;
        const Config defaults;
        Config set;
        const auto shown = key.shown(defaults);
        if (!shown.empty()) CHECK_MESSAGE(key.set(set, shown).empty(), key.name);
        CHECK(key.shown(set) == shown);
    }
}

}  // namespace
}  // namespace mco::client
