// Writes docs/settings.md: every setting of the three programs, from the tables that read them.

#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/config.hpp"
#include "client/config_keys.hpp"
#include "node/agents/settings.hpp"
#include "node/config.hpp"
#include "proto/config_file.hpp"

namespace {

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
}

std::string fallback(std::string_view text) {
    if (text.empty()) return "";
    return text.starts_with('(') ? cell(text) : fmt::format("`{}`", cell(text));
}

std::string_view whose(const mco::node::ConfigKey& key) {
    using Of = mco::node::ConfigKey::Of;
    return key.of == Of::both ? "both" : key.of == Of::mcod ? "mcod" : "mco-proxy";
}

// What a restart is needed for: everything that differs between two configurations and cannot change in place.
bool needs_restart(const mco::node::ConfigKey& key) {
    mco::node::Config one, other;
    one.program = other.program = key.of == mco::node::ConfigKey::Of::proxy ? mco::node::Program::proxy : mco::node::Program::mcod;
    for (const std::string_view value : {"tcp://192.0.2.1:21000", "/var/tmp/x", "always", "3", "x", "2"}) {
        other = one;
        if (key.set(other, value).empty() && !mco::node::needs_restart(one, other).empty()) return true;
    }
    const auto seed = fmt::format("tcp://192.0.2.1:21000 {}", std::string(64, 'a'));
    other = one;
    return key.set(other, seed).empty() && !mco::node::needs_restart(one, other).empty();
}

}  // namespace

int main() {
    fmt::print(
        "# Settings\n\n"
        "Written by `settings_page` from the tables that the programs read by; `ctest -R settings_page` says when it is not current.\n\n"
        "One `key = value` a line; a comment has its `#` in the first column; a value goes to the end of its line. `plugin.AGENT.KEY = value` may also\n"
        "stand as `KEY = value` in `plugin.d/AGENT.cfg` beside the file, which wins. An unknown key keeps a program from starting; keys of MCollective that\n"
        "mean nothing any more are named in one warning (`mco config check FILE` explains them all).\n\n"
        "## mcod and mco-proxy\n\n"
        "`/etc/mco/mcod.conf` and `/etc/mco/proxy.conf`. SIGHUP reads them again; what is marked needs a restart.\n\n"
        "| key | default | of | means |\n|---|---|---|---|\n");
    for (const auto& key : mco::node::config_keys())
        fmt::print("| `{}` | {} | {} | {}{} |\n", key.name, fallback(key.fallback), whose(key), cell(key.description),
                   needs_restart(key) ? " *Restart.*" : "");
    fmt::print(
        "\n`plugin.AGENT.activate_agent` (yes or no) takes one agent away from a node or puts it there.\n"
        "`plugin.AGENT.run_as` is the user that an external agent runs as.\n\n"
        "## Agents of mcod\n\n| key | default | means |\n|---|---|---|\n");
    for (const auto& setting : mco::node::agent_settings())
        fmt::print("| `{}` | {} | {} |\n", setting.key, fallback(setting.fallback), cell(setting.description));
    fmt::print("\n## mco\n\n`mco config` shows what is in force and where it comes from.\n\n| key | default | means |\n|---|---|---|\n");
    const mco::client::Config defaults;
    for (const auto& key : mco::client::config_keys())
        fmt::print("| `{}` | {} | {} |\n", key.name, key.shown == nullptr ? "" : fallback(key.shown(defaults)),
                   cell(key.meaning));
}
