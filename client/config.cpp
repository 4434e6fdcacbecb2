#include "client/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "proto/limits.hpp"
#include "proto/obsolete_keys.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

// Sets one value; returns what is wrong with it, "" if nothing.
struct Key {
    std::string_view name;
    std::string (*set)(Config& config, std::string_view value);
};

std::string set_path(std::filesystem::path& path, std::string_view value) {
    path = std::filesystem::path(value);
    return path.is_absolute() ? "" : fmt::format("must be an absolute path, not \"{}\"", value);
}

std::string set_flag(bool& flag, std::string_view value) {
    const auto read = proto::parse_boolean(value);
    if (read) flag = *read;
    return read ? "" : read.error().detail;
}

std::string set_seconds(std::chrono::seconds& seconds, std::string_view value, proto::Range range) {
    const auto read = proto::parse_integer(value, range);
    if (read) seconds = std::chrono::seconds(*read);
    return read ? "" : read.error().detail;
}

std::string set_text(std::string& text, std::string_view value) {
    text = value;
    return "";
}

std::string add_libdirs(Config& config, std::string_view value) {
    while (!value.empty()) {
        const auto colon = std::min(value.find(':'), value.size());
        std::filesystem::path path;
        if (const auto wrong = set_path(path, value.substr(0, colon)); !wrong.empty()) return wrong;
        config.libdirs.push_back(std::move(path));
        value.remove_prefix(std::min(colon + 1, value.size()));
    }
    return "";
}

// "tcp://HOST:PORT KEY" or "ipc:///PATH KEY", the key as 64 hexadecimal digits.
std::string add_entry(Config& config, std::string_view value) {
    constexpr std::string_view form =
        "must be \"tcp://HOST:PORT KEY\" or \"ipc:///PATH KEY\" with KEY from mco-ca show --curve-key";
    const auto blank = value.find_last_of(" \t");
    if (blank == std::string_view::npos) return std::string(form);
    const auto key = proto::CurvePublicKey::from_hex(value.substr(blank + 1));
    const auto end = value.find_last_not_of(" \t", blank);
    const std::string endpoint(value.substr(0, end + 1));
    const bool tcp =
        endpoint.starts_with("tcp://") && endpoint.rfind(':') > 6 && endpoint.rfind(':') + 1 < endpoint.size();
    const bool ipc = endpoint.starts_with("ipc:///");
    if (!key || key->is_zero() || (!tcp && !ipc) || endpoint.size() > proto::limits::endpoint_size_max ||
        endpoint.find_first_of(" \t*") != std::string::npos)
        return std::string(form);
    config.entries.push_back({endpoint, *key});
    return "";
}

std::string set_collectives(Config& config, std::string_view value) {
    config.collectives = proto::parse_list(value);
    if (config.collectives.empty()) return "must name at least one collective";
    return config.collectives.size() > proto::limits::collectives_max
               ? fmt::format("must name at most {} collectives", proto::limits::collectives_max)
               : "";
}

constexpr std::array keys{
    Key{"entry", add_entry},
    Key{"certificate", [](Config& config, std::string_view value) { return set_path(config.certificate, value); }},
    Key{"secret_keys", [](Config& config, std::string_view value) { return set_path(config.secret_keys, value); }},
    Key{"trust", [](Config& config, std::string_view value) { return set_path(config.trust, value); }},
    Key{"identity",
        [](Config& config, std::string_view value) {
            config.identity = value;
            return std::string();
        }},
    Key{"collectives", set_collectives},
    Key{"main_collective",
        [](Config& config, std::string_view value) {
            config.main_collective = value;
            return std::string();
        }},
    Key{"libdir", add_libdirs},
    Key{"ttl",
        [](Config& config, std::string_view value) {
            return set_seconds(config.ttl, value, {1, std::chrono::seconds(proto::limits::request_ttl_max).count()});
        }},
    Key{"discovery_timeout",
        [](Config& config, std::string_view value) {
            return set_seconds(config.discovery_timeout, value, {0, 86'400});
        }},
    Key{"default_discovery_method", [](Config& config, std::string_view value) { return set_text(config.discovery_method, value); }},
    Key{"default_discovery_options",
        [](Config& config, std::string_view value) {
            config.discovery_options.emplace_back(value);
            return std::string();
        }},
    Key{"rpclimitmethod",
        [](Config& config, std::string_view value) {
            config.limit_at_random = value == "random";
            return value == "first" || value == "random" ? std::string()
                                                         : fmt::format("must be first or random, not \"{}\"", value);
        }},
    Key{"default_batch_size", [](Config& config, std::string_view value) { return set_text(config.batch_size, value); }},
    Key{"default_batch_sleep_time", [](Config& config, std::string_view value) { return set_text(config.batch_sleep, value); }},
    Key{"color", [](Config& config, std::string_view value) { return set_flag(config.color, value); }},
    Key{"compat_exit", [](Config& config, std::string_view value) { return set_flag(config.compat_exit, value); }},
    Key{"plugin.discovery.puppetdb.host", [](Config& config, std::string_view value) { return set_text(config.puppetdb.host, value); }},
    Key{"plugin.discovery.puppetdb.port",
        [](Config& config, std::string_view value) {
            const auto port = proto::parse_integer(value, {1, 65'535});
            if (port) config.puppetdb.port = static_cast<std::uint16_t>(*port);
            return port ? std::string() : port.error().detail;
        }},
    Key{"plugin.discovery.puppetdb.use_ssl", [](Config& config, std::string_view value) { return set_flag(config.puppetdb.ssl, value); }},
    Key{"plugin.discovery.puppetdb.use_krb", [](Config& config, std::string_view value) { return set_flag(config.puppetdb.kerberos, value); }},
    Key{"plugin.discovery.puppetdb.ssl_ca", [](Config& config, std::string_view value) { return set_path(config.puppetdb.ca, value); }},
    Key{"plugin.discovery.puppetdb.ssl_cert", [](Config& config, std::string_view value) { return set_path(config.puppetdb.certificate, value); }},
    Key{"plugin.discovery.puppetdb.ssl_private_key", [](Config& config, std::string_view value) { return set_path(config.puppetdb.key, value); }},
    Key{"plugin.discovery.puppetdb.collective_fact", [](Config& config, std::string_view value) { return set_text(config.puppetdb.collective_fact, value); }},
    Key{"plugin.process.fields",
        [](Config& config, std::string_view value) {
            config.process_fields = value;
            return std::string();
        }},
    Key{"plugin.rpc.graph", [](Config& config, std::string_view value) { return set_flag(config.ping_graph, value); }},
};

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

std::optional<std::string_view> without_effect(std::string_view key) {
    for (const auto& idle : idle_keys) {
        if (idle.name == key) return idle.because;
    }
    return proto::replacement(key);
}

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
    for (const auto& key : keys) names.push_back(key.name);
    const auto near = proto::nearest(setting.key, names);
    return proto::config_error(setting, near.empty()
                                            ? fmt::format("unknown key '{}'", setting.key)
                                            : fmt::format("unknown key '{}'\n  did you mean '{}'?", setting.key, near));
}

}  // namespace

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
    for (const auto& setting : settings) {
        const auto key =
            std::find_if(keys.begin(), keys.end(), [&](const Key& row) { return row.name == setting.key; });
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
