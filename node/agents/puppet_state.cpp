#include "node/agents/puppet_state.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "node/agents/settings.hpp"
#include "node/facts.hpp"
#include "proto/limits.hpp"
#include "proto/text_file.hpp"

namespace mco::node {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;
using proto::Value;
using Words = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t state_file_max = 8U << 20U;  // a report of a large catalog has some MiB

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\"";
    while (!text.empty() && blanks.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && blanks.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
}

template <typename Visit>
void each_line(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        visit(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// The settings of [main] and [agent], the latter winning.
Words read_puppet_conf(const fs::path& file) {
    Words main, agent;
    Words* section = nullptr;
    const auto text = proto::read_text_file(file, proto::limits::config_size_max);
    if (!text) return {};
    each_line(*text, [&](std::string_view raw) {
        const auto line = trimmed(raw);
        if (line.empty() || line.front() == '#') return;
        if (line.front() == '[') {
            section = line == "[main]" ? &main : line == "[agent]" ? &agent : nullptr;
            return;
        }
        const auto equals = line.find('=');
        if (section == nullptr || equals == std::string_view::npos) return;
        section->insert_or_assign(std::string(trimmed(line.substr(0, equals))),
                                  std::string(trimmed(line.substr(equals + 1))));
    });
    agent.merge(main);
    return agent;
}

// The file of a setting; "$vardir/state" and its like are filled in from settings that are known already.
fs::path place_of(const Words& conf, std::string_view key, const fs::path& fallback,
                  std::initializer_list<std::pair<std::string_view, fs::path>> known) {
    const auto found = conf.find(key);
    if (found == conf.end()) return fallback;
    std::string text = found->second;
    for (const auto& [name, value] : known) {
        for (const auto& form : {fmt::format("${}", name), fmt::format("${{{}}}", name)}) {
            const auto at = text.find(form);
            if (at != std::string::npos) text.replace(at, form.size(), value.string());
        }
    }
    return text.starts_with('/') && text.find('$') == std::string::npos ? fs::path(text) : fallback;
}

fs::path first_there(std::initializer_list<const char*> paths) {
    for (const auto* path : paths) {
        if (is_there(path)) return path;
    }
    return {};
}

bool runs(const fs::path& pid_file) {
    const auto text = proto::read_text_file(pid_file, 64);
    pid_t pid = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc() || pid <= 0)
        return false;
    return ::kill(pid, 0) == 0 || errno == EPERM;
}

std::int64_t whole(const Value* value) {
    if (value == nullptr) return 0;
    const auto text = value->to_text();
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

Result<PuppetPlaces> find_puppet(const Call& call) {
    fs::path config = agent_setting(call, "plugin.puppet.config");
    if (config.empty())
        config = first_there({"/etc/puppetlabs/puppet/puppet.conf", "/etc/puppet/puppet.conf"});
    const auto conf = read_puppet_conf(config);
    const auto vardir = place_of(
        conf, "vardir",
        first_there({"/opt/puppetlabs/puppet/cache", "/var/cache/puppet", "/var/lib/puppet"}), {});
    PuppetPlaces places;
    places.state = agent_setting(call, "plugin.puppet.statedir");
    if (places.state.empty())
        places.state = place_of(conf, "statedir", vardir.empty() ? fs::path() : vardir / "state", {{"vardir", vardir}});
    if (places.state.empty() || (config.empty() && !is_there(places.state)))
        return fail(Errc::not_found,
                    "Puppet is not on this machine: no puppet.conf and no state folder\n"
                    "If it is elsewhere, set plugin.puppet.config or plugin.puppet.statedir.");
    places.run = agent_setting(call, "plugin.puppet.rundir");
    if (places.run.empty()) {
        const auto usual = first_there({"/var/run/puppetlabs", "/run/puppet", "/var/run/puppet"});
        places.run = place_of(conf, "rundir", usual.empty() ? fs::path("/run/puppet") : usual, {{"vardir", vardir}});
    }
    const auto in_state = [&](std::string_view key, const char* name) {
        return place_of(conf, key, places.state / name, {{"statedir", places.state}, {"vardir", vardir}});
    };
    places.last_run_summary = in_state("lastrunfile", "last_run_summary.yaml");
    // Puppet 7 and later keep it one folder higher.
    if (!is_there(places.last_run_summary) && !vardir.empty() &&
        is_there(vardir / "public" / "last_run_summary.yaml"))
        places.last_run_summary = vardir / "public" / "last_run_summary.yaml";
    places.last_run_report = in_state("lastrunreport", "last_run_report.yaml");
    places.resources = in_state("resourcefile", "resources.txt");
    places.run_lock = in_state("agent_catalog_run_lockfile", "agent_catalog_run.lock");
    places.disabled_lock = in_state("agent_disabled_lockfile", "agent_disabled.lock");
    places.pid_file = place_of(conf, "pidfile", places.run / "agent.pid", {{"rundir", places.run}});
    return places;
}

std::string_view PuppetStatus::word() const {
    if (!enabled) return "disabled";
    if (applying) return "applying a catalog";
    return idling() ? "idling" : "stopped";
}

PuppetStatus read_status(const PuppetPlaces& places) {
    PuppetStatus status;
    status.applying = runs(places.run_lock);
    status.daemon_present = runs(places.pid_file);
    status.enabled = !is_there(places.disabled_lock);
    if (!status.enabled) {
        const auto text = proto::read_text_file(places.disabled_lock, 64 * 1024);
        const auto lock = text ? proto::parse_json(*text) : Value();
        const auto* message = lock ? lock->find("disabled_message") : nullptr;
        if (message != nullptr) status.disable_message = message->to_text();
    }
    if (const auto run = read_last_run(places)) {
        if (const auto* time = run->find("time")) status.lastrun = whole(time->find("last_run"));
    }
    return status;
}

Result<Value> read_last_run(const PuppetPlaces& places) {
    const auto text = proto::read_text_file(places.last_run_summary, proto::limits::facts_size_max);
    if (!text && text.error().code == Errc::not_found) return Value(Value::Map{});
    if (!text) return tl::unexpected(text.error());
    auto parsed = parse_yaml_facts(*text);
    if (!parsed)
        return fail(Errc::malformed,
                    fmt::format("{}: {}", places.last_run_summary.string(), parsed.error().detail));
    return parsed;
}

Result<std::vector<std::string>> read_last_logs(const PuppetPlaces& places, std::size_t max) {
    const auto text = proto::read_text_file(places.last_run_report, state_file_max);
    if (!text) return tl::unexpected(text.error());
    const auto report = parse_yaml_facts(*text);
    if (!report)
        return fail(Errc::malformed,
                    fmt::format("{}: {}", places.last_run_report.string(), report.error().detail));
    std::vector<std::string> logs;
    const auto* entries = report->find("logs");
    const auto* list = entries == nullptr ? nullptr : entries->list();
    if (list == nullptr) return logs;
    for (std::size_t i = list->size() > max ? list->size() - max : 0; i < list->size(); ++i) {
        const auto* level = (*list)[i].find("level");
        const auto* message = (*list)[i].find("message");
        if (message == nullptr) continue;
        logs.push_back(fmt::format("{}: {}", level == nullptr ? "notice" : level->to_text(), message->to_text()));
    }
    return logs;
}

std::vector<std::string> read_resources(const PuppetPlaces& places) {
    constexpr std::size_t resources_max = 65'536;
    std::vector<std::string> resources;
    const auto text = proto::read_text_file(places.resources, state_file_max);
    if (!text) return resources;
    each_line(*text, [&](std::string_view line) {
        if (!line.empty() && resources.size() < resources_max) resources.emplace_back(line);
    });
    return resources;
}

std::string ago(std::int64_t seconds) {
    const std::int64_t days = seconds / 86'400, hours = seconds / 3'600 % 24, minutes = seconds / 60 % 60;
    std::string text;
    if (days > 0) text += fmt::format("{} days ", days);
    if (days > 0 || hours > 0) text += fmt::format("{} hours ", hours);
    if (days > 0 || hours > 0 || minutes > 0) text += fmt::format("{} minutes ", minutes);
    return text + fmt::format("{} seconds", seconds % 60);
}

}  // namespace mco::node
