#include "client/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "client/config_keys.hpp"
#include "proto/obsolete_keys.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

// Keys of MCollective's client that are known and do nothing here, or not yet.
struct Idle {
    std::string_view name;
    std::string_view because;
};
constexpr std::string_view own_terminal = "mco writes to its terminal, and keeps no log";
constexpr std::array idle_keys{
    Idle{"publish_timeout", "a request is one frame to one entry"},
    Idle{"threaded", "a request is one frame to one entry"},
    Idle{"connection_timeout", "entries that do not answer are given up after seconds"},
    Idle{"logger_type", own_terminal},
    Idle{"logfile", own_terminal},
    Idle{"loglevel", own_terminal},
    Idle{"logfacility", own_terminal},
};

Result<void> check(Config& config, bool main_given) {
    const auto missing = [&](std::string_view key, std::string_view hint) {
        return fail(Errc::invalid,
                    fmt::format("{}: there is no line '{} = ...'\n  {}", config.file.string(), key, hint));
    };
    if (config.certificate.empty()) return missing("certificate", "name the operator's certificate that mco-ca signed");
    if (config.secret_keys.empty()) return missing("secret_keys", "name the file with the operator's keys");
    if (config.trust.empty()) return missing("trust", "name the authority's certificate, ca/root.cert");
    if (config.entries.empty())
        return missing(
            "entry", "say where a daemon listens: entry = tcp://HOST:PORT KEY, with KEY from mco-ca show --curve-key");
    auto& known = config.collectives;
    if (!main_given && std::find(known.begin(), known.end(), config.main_collective) == known.end())
        config.main_collective = known.front();
    if (std::find(known.begin(), known.end(), config.main_collective) == known.end())
        return fail(Errc::invalid, fmt::format("{}: main_collective '{}' is not one of collectives\n  add it there",
                                               config.file.string(), config.main_collective));
    return {};
}

std::string unknown(const proto::Setting& setting) {
    std::vector<std::string_view> names;
    for (const auto& key : config_keys()) names.push_back(key.name);
    const auto near = proto::nearest(setting.key, names);
    return proto::config_error(setting, near.empty()
                                            ? fmt::format("unknown key '{}'", setting.key)
                                            : fmt::format("unknown key '{}'\n  did you mean '{}'?", setting.key, near));
}

}  // namespace

std::optional<std::string_view> without_effect(std::string_view key) {
    for (const auto& idle : idle_keys) {
        if (idle.name == key) return idle.because;
    }
    return proto::replacement(key);
}

std::vector<std::filesystem::path> config_places(const Environment& environment) {
    std::vector<std::filesystem::path> places;
    const auto variable = [&](std::string_view name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    };
    if (const auto file = variable("MCO_CONFIG"); !file.empty()) places.emplace_back(file);
    if (const auto home = variable("HOME"); !home.empty()) {
        places.push_back(std::filesystem::path(home) / ".mcollective");
        places.push_back(std::filesystem::path(home) / ".config/mco/client.cfg");
    }
    places.insert(places.end(),
                  {"/etc/mco/client.cfg", "/etc/puppetlabs/mcollective/client.cfg", "/etc/mcollective/client.cfg"});
    return places;
}

Result<std::filesystem::path> choose_config(const std::optional<std::string>& option, const Environment& environment) {
    if (option) return std::filesystem::path(*option);
    const auto places = config_places(environment);
    // What the operator named is meant: a typing error there must not lead to another file.
    if (const auto named = environment.find("MCO_CONFIG"); named != environment.end() && !named->second.empty())
        return places.front();
    for (const auto& place : places) {
        if (::access(place.c_str(), R_OK) == 0) return place;
    }
    std::string searched;
    for (const auto& place : places) searched += "\n  " + place.string();
    return fail(Errc::not_found,
                "there is no client configuration; searched" + searched + "\nName one with -c FILE or $MCO_CONFIG.");
}

Result<LoadedConfig> load_config(const std::filesystem::path& file) {
    const auto settings = proto::read_config(file);
    if (!settings) return tl::unexpected(settings.error());
    return interpret(*settings, file);
}

Result<LoadedConfig> interpret(const std::vector<proto::Setting>& settings, const std::filesystem::path& file) {
    LoadedConfig loaded;
    loaded.config.file = file;
    bool main_given = false;
    std::set<std::string_view> warned;
    const auto keys = config_keys();
    for (const auto& setting : settings) {
        const auto key =
            std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& row) { return row.name == setting.key; });
        if (key != keys.end()) {
            const auto wrong = key->set(loaded.config, setting.value);
            if (!wrong.empty())
                return fail(Errc::invalid, proto::config_error(setting, fmt::format("{} {}", setting.key, wrong)));
            main_given = main_given || setting.key == "main_collective";
        } else if (const auto instead = without_effect(setting.key)) {
            // A broker's pool has dozens of keys with one answer: once is enough.
            if (warned.insert(*instead).second)
                loaded.warnings.push_back(
                    proto::config_error(setting, fmt::format("'{}' has no effect: {}", setting.key, *instead)));
        } else if (proto::only_reader(setting.key) != proto::Reader::mcod && !setting.key.starts_with("plugin.")) {
            return fail(Errc::invalid, unknown(setting));
        }
    }
    if (auto complete = check(loaded.config, main_given); !complete) return tl::unexpected(complete.error());
    return loaded;
}

}  // namespace mco::client
