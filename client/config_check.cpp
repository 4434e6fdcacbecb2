#include "client/config_check.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "client/config.hpp"
#include "client/config_keys.hpp"

namespace mco::client {
namespace {

using proto::Reader;
using proto::Setting;
using Kind = LineFate::Kind;

struct Row {
    std::string_view key;  // a final '*' stands for anything
    std::string_view why;
};

// The keys that mcod reads, MCollective's first. Its own table is out of reach here; tests/docs holds this one against it.
constexpr auto daemon_keys = std::to_array<Row>({
    {"identity", "must be the name in the certificate"},
    {"collectives", "the certificate must allow them"},
    {"main_collective", ""},
    {"libdir", "DDLs are found there; agents in Ruby do not run, see docs/agents.md"},
    {"logger_type", ""},
    {"logfile", ""},
    {"loglevel", ""},
    {"logfacility", ""},
    {"keeplogs", ""},
    {"max_log_size", ""},
    {"factsource", "yaml and facter"},
    {"fact_cache_time", ""},
    {"plugin.yaml", ""},
    {"classesfile", ""},
    {"activate_agents", ""},
    {"soft_shutdown_timeout", ""},
    {"plugin.rpcaudit.logfile", "each line is a JSON object"},
    {"plugin.rpcaudit.max_log_size", ""},
    {"plugin.rpcaudit.keeplogs", ""},
    {"plugin.actionpolicy.*", "callers are cert=NAME in the policies"},
    {"plugin.filemgr.touch_file", ""},
    {"plugin.nrpe.conf_dir", ""},
    {"plugin.nrpe.conf_file", ""},
    {"plugin.nrpe.conf_path", ""},
    {"plugin.package.provider", "'puppet' means apt here"},
    {"plugin.puppet.*", ""},
    {"plugin.service.provider", "'puppet' means auto here"},
    {"plugin.shell.state_directory", ""},
    {"certificate", ""},
    {"secret_keys", ""},
    {"trust", ""},
    {"revocations", ""},
    {"collective_key", ""},
    {"group", ""},
    {"listen", ""},
    {"fanout_listen", ""},
    {"advertise", ""},
    {"local_socket", ""},
    {"seed", ""},
    {"seed_timeout", ""},
    {"state_folder", ""},
    {"relay", ""},
    {"homes", ""},
    {"workers", ""},
    {"fact_folder", ""},
    {"policies", ""},
    {"logformat", ""},
    {"metrics_file", ""},
    {"metrics_listen", ""},
});

std::string unknown_key(std::string_view key, std::vector<std::string_view> known) {
    const auto near = proto::nearest(key, known);
    return near.empty() ? "MCollective did not know it either; remove the line" : fmt::format("did you mean '{}'?", near);
}

LineFate of_daemon(const Setting& line) {
    for (const auto& row : daemon_keys) {
        if (proto::stands_for(row.key, line.key) && !(row.key.ends_with('*') && proto::replacement(line.key)))
            return {Kind::kept, line, std::string(row.why)};
    }
    if (line.key.ends_with(".activate_agent")) return {Kind::kept, line, ""};
    if (proto::only_reader(line.key) == Reader::mco) return {Kind::others, line, "read by mco"};
    if (const auto instead = proto::replacement(line.key)) return {Kind::gone, line, std::string(*instead)};
    const auto plugin = proto::plugin_of(line.key);
    const bool ours = std::any_of(daemon_keys.begin(), daemon_keys.end(),
                                  [&](const Row& row) { return !plugin.empty() && proto::plugin_of(row.key) == plugin; });
    if (!plugin.empty() && !ours) return {Kind::kept, line, fmt::format("for an external agent '{}'", plugin)};
    std::vector<std::string_view> known;
    for (const auto& row : daemon_keys) known.push_back(row.key);
    return {Kind::unknown, line, unknown_key(line.key, std::move(known))};
}

LineFate of_client(const Setting& line) {
    std::vector<std::string_view> known;
    for (const auto& key : config_keys()) {
        known.push_back(key.name);
        if (key.name != line.key) continue;
        Config scratch;
        auto wrong = key.set(scratch, line.value);
        return wrong.empty() ? LineFate{Kind::kept, line, ""} : LineFate{Kind::wrong, line, std::move(wrong)};
    }
    if (const auto because = without_effect(line.key)) return {Kind::gone, line, std::string(*because)};
    if (proto::only_reader(line.key) == Reader::mcod) return {Kind::others, line, "read by mcod"};
    if (line.key.starts_with("plugin.")) return {Kind::others, line, "of a plug-in that mco does not have"};
    return {Kind::unknown, line, unknown_key(line.key, std::move(known))};
}

bool has(const std::vector<Setting>& lines, std::string_view key) {
    return std::any_of(lines.begin(), lines.end(), [&](const Setting& line) { return line.key == key; });
}

}  // namespace

std::string_view name(LineFate::Kind kind) {
    switch (kind) {
        case Kind::kept:
            return "kept";
        case Kind::others:
            return "passed over";
        case Kind::gone:
            return "without effect";
        case Kind::unknown:
            return "unknown";
        case Kind::wrong:
            return "wrong";
    }
    return "unknown";
}

Reader reader_of(const std::vector<Setting>& lines) {
    for (const auto& line : lines) {
        const auto file = line.file.filename().string();
        if (file.starts_with("server.") || file.starts_with("mcod.")) return Reader::mcod;
        if (file.starts_with("client.") || file == ".mcollective") return Reader::mco;
    }
    // MCollective's own client.cfg holds keys of the daemon, so it is the client's that decide.
    const bool client = std::any_of(lines.begin(), lines.end(), [](const Setting& line) {
        return line.key == "entry" || proto::only_reader(line.key) == Reader::mco;
    });
    return client ? Reader::mco : Reader::mcod;
}

std::vector<LineFate> fates(const std::vector<Setting>& lines, Reader reader) {
    std::vector<LineFate> all;
    for (const auto& line : lines) all.push_back(reader == Reader::mcod ? of_daemon(line) : of_client(line));
    return all;
}

std::vector<std::string> lines_to_add(const std::vector<Setting>& lines, Reader reader) {
    std::vector<std::string> missing;
    const auto need = [&](std::string_view key, std::string_view value, std::string_view why) {
        if (!has(lines, key)) missing.push_back(fmt::format("{} = {}\n    {}", key, value, why));
    };
    if (reader == Reader::mcod) {
        need("certificate", "/etc/mco/mcod.cert", "this machine's, signed by mco-ca; without the line it is mcod.cert beside the file");
        need("secret_keys", "/etc/mco/mcod.key", "made with it by mco-ca; without the line mcod.key beside the file");
        need("trust", "/etc/mco/root.cert", "the authority's; without the line root.cert beside the file");
        need("listen", "tcp://*:21000", "where others reach this machine; 'none' where they cannot");
        need("seed", "tcp://HOST:PORT KEY", "two nodes that are seldom down together; KEY from mco-ca show --curve-key");
        need("local_socket", "/run/mco/mcod.sock", "for mco on this machine");
    } else {
        need("certificate", "/etc/mco/NAME.cert", "the operator's, signed by mco-ca");
        need("secret_keys", "/etc/mco/NAME.key", "made with it by mco-ca");
        need("trust", "/etc/mco/root.cert", "the authority's");
        need("entry", "tcp://HOST:PORT KEY", "a daemon, and another as spare; KEY from mco-ca show --curve-key");
    }
    return missing;
}

}  // namespace mco::client
