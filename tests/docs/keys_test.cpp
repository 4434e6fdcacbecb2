// What the client tells of the daemon's keys, held against the daemon's own tables: no library may link both.

#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "client/config_check.hpp"
#include "node/agents/settings.hpp"
#include "node/config.hpp"
#include "proto/config_file.hpp"
#include "tests/support/has.hpp"

namespace mco {
namespace {

bool kept(std::string_view key) {
    const auto line = proto::parse_config(fmt::format("{} = x\n", key), "/etc/mcollective/server.cfg");
    return client::fates(line.value(), proto::Reader::mcod).front().kind == client::LineFate::Kind::kept;
}

TEST_CASE("mco config check keeps every key that mcod has") {
    for (const auto& key : node::config_keys()) {
        if (node::is_key_of(key, node::Program::mcod)) CHECK_MESSAGE(kept(key.name), key.name << ": add it to daemon_keys in client/config_check.cpp");
    }
    for (const auto& setting : node::agent_settings()) CHECK_MESSAGE(kept(setting.key), setting.key);
}

TEST_CASE("mcod takes the MCollective configuration that mco config check has nothing against") {
    const std::string file = MCO_SOURCE_DIR "/tests/e2e/migration/server.cfg";
    auto lines = proto::read_config(file).value();
    for (const auto& fate : client::fates(lines, proto::Reader::mcod)) {
        CHECK_MESSAGE(fate.kind != client::LineFate::Kind::unknown, fate.line.key);
        CHECK_MESSAGE(fate.kind != client::LineFate::Kind::wrong, fate.line.key);
    }
    lines.push_back({.key = "listen", .value = "tcp://*:21000", .file = file, .line = 99});
    const auto loaded = node::interpret(lines, file, "/usr/share/mco", node::Program::mcod);
    for (const auto& problem : loaded.problems) FAIL_CHECK(problem);
    CHECK(has(loaded.warnings.front(), "has no effect"));
}

}  // namespace
}  // namespace mco
