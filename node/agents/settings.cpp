#include "node/agents/settings.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "proto/config_file.hpp"

namespace mco::node {
namespace {

std::string anything(std::string_view) { return {}; }

std::string path(std::string_view value) {
    return value.starts_with('/') ? std::string() : fmt::format("'{}' is not an absolute path", value);
}

std::string paths(std::string_view value) {
    while (true) {
        const auto colon = value.find(':');
        if (auto problem = path(value.substr(0, colon)); !problem.empty()) return problem;
        if (colon == std::string_view::npos) return {};
        value.remove_prefix(colon + 1);
    }
}

std::string boolean(std::string_view value) {
    const auto flag = proto::parse_boolean(value);
    return flag ? std::string() : flag.error().detail;
}

std::string seconds(std::string_view value) {
    const auto number = proto::parse_integer(value, {0, 86'400});
    return number ? std::string() : number.error().detail;
}

std::string package_provider(std::string_view value) {
    return value == "apt" || value == "puppet" ? std::string()
                                               : fmt::format("'{}' is not known; 'apt' is the only one so far", value);
}

std::string service_provider(std::string_view value) {
    return value == "auto" || value == "systemd" || value == "init" || value == "puppet"
               ? std::string()
               : fmt::format("'{}' is not auto, systemd or init", value);
}

constexpr auto rows = std::to_array<AgentSetting>({
    {"plugin.filemgr.touch_file", "/var/run/mcollective.plugin.filemgr.touch", "The file meant when none is named.",
     path},
    {"plugin.nrpe.conf_dir", "/etc/nagios/nrpe.d", "Folder whose *.cfg files define commands.", path},
    {"plugin.nrpe.conf_file", "", "The one file to read instead of the folder; relative to it, or absolute.", anything},
    {"plugin.nrpe.conf_path", "", "':'-separated folders and files to read instead of both.", paths},
    {"plugin.package.provider", "apt", "What installs packages: apt ('puppet', MCollective's default, means the same).",
     package_provider},
    {"plugin.puppet.command", "puppet agent", "How the agent run is started; words, no shell.", anything},
    {"plugin.puppet.config", "", "Its puppet.conf, if it is not where it usually is.", path},
    {"plugin.puppet.splay", "yes", "Whether runs wait a random time unless asked otherwise.", boolean},
    {"plugin.puppet.splaylimit", "30", "The longest such wait, in seconds.", seconds},
    {"plugin.puppet.signal_daemon", "yes", "Whether an idling daemon is told to run, instead of starting a run.",
     boolean},
    {"plugin.puppet.allow_server_override", "no", "Whether runonce may name another server.", boolean},
    {"plugin.puppet.statedir", "", "Folder of Puppet's state files, if puppet.conf does not say.", path},
    {"plugin.puppet.rundir", "", "Folder of the daemon's pid file, if puppet.conf does not say.", path},
    {"plugin.puppet.resource_allow_managed_resources", "no",
     "Whether 'resource' may change what the last catalog manages.", boolean},
    {"plugin.puppet.resource_type_whitelist", "", "Types that 'resource' may change, ','-separated; 'none', or all.",
     anything},
    {"plugin.puppet.resource_type_blacklist", "", "Types that it may not change.", anything},
    {"plugin.puppet.resource_name_whitelist.*", "", "Names of one type that it may change.", anything},
    {"plugin.puppet.resource_name_blacklist.*", "", "Names of one type that it may not change.", anything},
    {"plugin.service.provider", "auto", "systemd, init, or auto: systemd where it runs ('puppet' means the same).",
     service_provider},
    {"plugin.shell.state_directory", "/var/run/mcollective-shell", "Where jobs that were started are kept.", path},
});

}  // namespace

std::span<const AgentSetting> agent_settings() { return rows; }

const AgentSetting* find_agent_setting(std::string_view key) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const AgentSetting& row) {
        if (!row.key.ends_with('*')) return row.key == key;
        const auto front = row.key.substr(0, row.key.size() - 1);
        return key.size() > front.size() && key.starts_with(front);
    });
    return found == rows.end() ? nullptr : &*found;
}

std::string agent_setting(const Call& call, std::string_view key) {
    const auto configured = call.node->agent_settings.find(key);
    if (configured != call.node->agent_settings.end()) return configured->second;
    const auto* row = find_agent_setting(key);
    return row == nullptr ? std::string() : std::string(row->fallback);
}

bool agent_switch(const Call& call, std::string_view key) {
    return proto::parse_boolean(agent_setting(call, key)).value_or(false);
}

}  // namespace mco::node
