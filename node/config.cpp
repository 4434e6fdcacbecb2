#include "node/config.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "node/agents/settings.hpp"
#include "proto/limits.hpp"
#include "proto/obsolete_keys.hpp"
#include "proto/text_file.hpp"

namespace mco::node {
namespace {

std::string_view nearest_key(std::string_view key, Program program) {
    std::vector<std::string_view> names;
    for (const auto& row : config_keys()) {
        if (is_key_of(row, program)) names.push_back(row.name);
    }
    if (program == Program::mcod) {
        for (const auto& row : agent_settings()) names.push_back(row.key);
    }
    return proto::nearest(key, names);
}

std::string_view example_of(Program program) { return program == Program::mcod ? "mcod.conf" : "proxy.conf"; }

// Whether we know this agent's settings: an unknown one is a slip then, and not something for an external agent.
bool is_ours(std::string_view plugin) {
    return std::any_of(config_keys().begin(), config_keys().end(),
                       [&](const ConfigKey& row) { return proto::plugin_of(row.name) == plugin; }) ||
           std::any_of(agent_settings().begin(), agent_settings().end(),
                       [&](const AgentSetting& row) { return proto::plugin_of(row.key) == plugin; });
}

// The agent of "plugin.AGENT.activate_agent".
std::optional<std::string_view> activated_agent(std::string_view key) {
    constexpr std::string_view front = "plugin.", back = ".activate_agent";
    if (key.size() <= front.size() + back.size() || !key.starts_with(front) || !key.ends_with(back))
        return std::nullopt;
    return key.substr(front.size(), key.size() - front.size() - back.size());
}

std::string_view host_of(std::string_view endpoint) {
    const auto host = endpoint.substr(6);  // after tcp://
    return host.substr(0, host.rfind(':'));
}

proto::Result<std::vector<proto::Setting>> read_lines(const std::filesystem::path& file, Program program) {
    if (program == Program::mcod) return proto::read_config(file);
    const auto text = proto::read_text_file(file, proto::limits::config_size_max);
    if (!text) return tl::unexpected(text.error());
    return proto::parse_config(*text, file);
}

bool is_loopback(std::string_view host) { return host.starts_with("127.") || host == "localhost" || host == "[::1]"; }

// On loopback several nodes share the ports of one machine and no firewall stands between them, so a neighbour's port is
// more likely taken than wanted.
std::string default_fanout(const std::string& listen) {
    const auto host = host_of(listen);
    const auto port = std::string_view(listen).substr(listen.rfind(':') + 1);
    if (port == "*" || is_loopback(host)) return fmt::format("tcp://{}:*", host);
    return fmt::format("tcp://{}:{}", host, std::stoul(std::string(port)) + 1);
}

class Interpreter {
 public:
    Interpreter(LoadedConfig& loaded, std::filesystem::path file, Program program)
        : loaded_(loaded), config_(loaded.config), program_(program) {
        config_.program = program;
        config_.file = std::move(file);
        config_.log.program = name(program);
        if (program == Program::proxy) config_.relay = proto::RelayWish::always;
        for (const auto& row : config_keys()) {
            if (!is_key_of(row, program)) continue;
            if (row.fallback.empty() || row.fallback.starts_with('(')) continue;
            row.set(config_, row.fallback);
            if (row.shown == ConfigKey::Shown::yes) config_.settings.emplace(row.name, row.fallback);
        }
    }

    void line(const proto::Setting& line) {
        const auto& keys = config_keys();
        const auto row =
            std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.name == line.key; });
        if (row != keys.end() && !is_key_of(*row, program_)) {
            not_ours(line, program_ == Program::mcod ? Program::proxy : Program::mcod, row->why_not_other);
        } else if (row != keys.end()) {
            const auto problem = row->set(config_, line.value);
            if (!problem.empty()) {
                loaded_.broken.push_back(line.key);
                return report(loaded_.problems, line, fmt::format("{}: {}", line.key, escaped(problem)));
            }
            if (row->shown == ConfigKey::Shown::yes) remember(*row, line.value);
        } else if (const auto agent = activated_agent(line.key)) {
            if (program_ == Program::proxy) return not_ours(line, Program::mcod, "a proxy runs no agents");
            activation(line, *agent);
        } else if (const auto* setting = find_agent_setting(line.key)) {
            agent_setting(line, *setting);
        } else if (proto::only_reader(line.key) == proto::Reader::mco) {
            if (program_ == Program::mcod) return;  // the client's, which shares the file
            report(loaded_.problems, line,
                   fmt::format("'{}' is a key of mco, the client\nRemove the line.", escaped(line.key)));
        } else if (const auto instead = proto::replacement(line.key)) {
            // One warning a sentence: a broker's pool alone has dozens of keys.
            if (warned_.insert(*instead).second)
                report(loaded_.warnings, line, fmt::format("'{}' has no effect: {}", escaped(line.key), *instead));
        } else if (const auto plugin = proto::plugin_of(line.key); !plugin.empty() && !is_ours(plugin)) {
            if (program_ == Program::proxy) return not_ours(line, Program::mcod, "a proxy runs no agents");
            config_.agent_settings.insert_or_assign(line.key, line.value);
            if (line.key.ends_with(".run_as")) config_.run_as.insert_or_assign(std::string(plugin), line.value);
        } else {
            const auto nearest = nearest_key(line.key, program_);
            report(loaded_.problems, line,
                   nearest.empty() ? fmt::format("unknown key '{}'\nThe example {} lists the known ones.",
                                                 escaped(line.key), example_of(program_))
                                   : fmt::format("unknown key '{}'\nDid you mean '{}'?", escaped(line.key), nearest));
        }
    }

    void finish(const std::filesystem::path& share) {
        const auto folder = config_.file.parent_path();
        const bool proxy = program_ == Program::proxy;
        fill("certificate", config_.certificate, folder / (proxy ? "proxy.cert" : "mcod.cert"));
        if (config_.secret_keys.empty()) config_.secret_keys = folder / (proxy ? "proxy.key" : "mcod.key");
        fill("trust", config_.trust, folder / "root.cert");
        fill("revocations", config_.revocations, folder / "revocations");
        if (!proxy) {
            fill("policies", config_.policies, folder / "policies");
            fill("fact_folder", config_.fact_folder, folder / "facts.d");
            config_.libdirs.push_back(share);
            if (!config_.settings.contains("libdir")) config_.settings["libdir"] = share.string();
        }
        collectives();
        if (config_.log.target == LogTarget::file && config_.log.file.empty())
            problem(
                fmt::format("logger_type is file, but there is no 'logfile'\nAdd 'logfile = /var/log/mco/{}.log', say.",
                            name(program_)));
        endpoints();
    }

 private:
    bool is_broken(std::string_view key) const {
        return std::find(loaded_.broken.begin(), loaded_.broken.end(), key) != loaded_.broken.end();
    }

    void not_ours(const proto::Setting& line, Program whose, std::string_view why) {
        report(loaded_.problems, line,
               fmt::format("'{}' is a key of {}: {}\nRemove the line.", escaped(line.key), name(whose), why));
    }

    void problem(std::string_view text) {
        loaded_.problems.push_back(fmt::format("{}: {}", config_.file.string(), text));
    }

    static void report(std::vector<std::string>& into, const proto::Setting& line, std::string_view text) {
        into.push_back(proto::config_error(line, text));
    }

    void remember(const ConfigKey& row, const std::string& value) {
        auto& setting = config_.settings[std::string(row.name)];
        const bool adds = row.repeat == ConfigKey::Repeat::adds && !setting.empty();
        setting = adds ? fmt::format("{}, {}", setting, escaped(value)) : escaped(value);
    }

    void activation(const proto::Setting& line, std::string_view agent) {
        static const ConfigKey& all = *std::find_if(config_keys().begin(), config_keys().end(),
                                                    [](const ConfigKey& key) { return key.name == "activate_agents"; });
        Config scratch;
        const auto wrong = all.set(scratch, line.value);
        if (!wrong.empty()) return report(loaded_.problems, line, fmt::format("{}: {}", escaped(line.key), wrong));
        config_.activation.single.insert_or_assign(std::string(agent), scratch.activation.all);
        config_.settings[escaped(line.key)] = escaped(line.value);
    }

    void agent_setting(const proto::Setting& line, const AgentSetting& setting) {
        if (program_ == Program::proxy) return not_ours(line, Program::mcod, "a proxy runs no agents");
        const auto wrong = setting.object_to(line.value);
        if (!wrong.empty())
            return report(loaded_.problems, line, fmt::format("{}: {}", escaped(line.key), escaped(wrong)));
        config_.agent_settings.insert_or_assign(line.key, line.value);
        config_.settings[escaped(line.key)] = escaped(line.value);
    }

    void fill(const std::string& key, std::filesystem::path& path, const std::filesystem::path& fallback) {
        if (path.empty()) path = fallback;
        config_.settings[key] = path.string();
    }

    void collectives() {
        const auto& joined = config_.collectives;
        if (joined.empty()) return;  // a problem of its line
        const auto belongs = [&](const std::string& one) {
            return std::find(joined.begin(), joined.end(), one) != joined.end();
        };
        for (const auto& confined : config_.confined) {
            if (!belongs(confined))  // a slip here would let out what was to stay
                problem(fmt::format("confine names '{}', which is not one of collectives\nAdd it there.", confined));
        }
        if (program_ == Program::proxy) return;
        if (config_.main_collective.empty()) config_.main_collective = joined.front();
        config_.settings["main_collective"] = config_.main_collective;
        if (!belongs(config_.main_collective))
            problem(
                fmt::format("main_collective '{}' is not one of collectives\nAdd it there.", config_.main_collective));
    }

    void endpoints() {
        if (is_broken("listen")) return;  // what it was to be is not known
        if (config_.listen.empty()) return unreachable();
        if (config_.dial_only) problem("listen is both 'none' and an address\nRemove one of the lines.");
        if (config_.fanout_listen.empty()) config_.fanout_listen = default_fanout(config_.listen.front());
        config_.settings["fanout_listen"] = config_.fanout_listen;
    }

    void unreachable() {
        if (!config_.fanout_listen.empty())
            problem(
                "fanout_listen without 'listen': nobody could link here to hear it\nAdd 'listen = tcp://HOST:PORT'.");
        if (!config_.advertise.empty())
            problem("advertise without 'listen': there is nothing to be reached\nAdd 'listen = tcp://HOST:PORT'.");
        if (program_ == Program::proxy)
            return problem(
                "a proxy is there to be dialled, but it would listen nowhere\nAdd 'listen = tcp://HOST:PORT'.");
        if (config_.relay == proto::RelayWish::always)
            problem(
                "relay is always, but without 'listen' nobody can dial this node\nAdd 'listen = tcp://HOST:PORT', or "
                "remove 'relay'.");
        if (config_.dial_only && config_.seeds.empty() && !is_broken("seed"))
            problem(
                "listen is none and there is no 'seed': this node would reach nobody, and nobody it\n"
                "Add 'seed = tcp://HOST:PORT KEY' of a node or proxy.");
        if (!config_.dial_only && config_.local_socket.empty() && !is_broken("local_socket"))
            problem(
                "the node would listen nowhere\nAdd 'listen = tcp://HOST:PORT', or 'listen = none' if it is only to "
                "dial "
                "its seeds.");
    }

    LoadedConfig& loaded_;
    Config& config_;
    Program program_;
    std::set<std::string_view> warned_;
};

}  // namespace

std::string_view name(Program program) {
    switch (program) {
        case Program::mcod:
            return "mcod";
        case Program::proxy:
            return "mco-proxy";
    }
    return "mcod";
}

LoadedConfig interpret(const std::vector<proto::Setting>& lines, const std::filesystem::path& file,
                       const std::filesystem::path& share, Program program) {
    LoadedConfig loaded;
    Interpreter interpreter(loaded, file, program);
    for (const auto& line : lines) interpreter.line(line);
    interpreter.finish(share);
    return loaded;
}

LoadedConfig load_config(const std::filesystem::path& file, const std::filesystem::path& share, Program program) {
    std::error_code error;
    auto absolute = std::filesystem::absolute(file, error);
    if (error) absolute = file;
    const auto lines = read_lines(absolute, program);
    if (lines) return interpret(*lines, absolute, share, program);
    LoadedConfig loaded;
    loaded.readable = false;
    const bool absent = lines.error().code == proto::Errc::not_found;
    loaded.problems.push_back(
        lines.error().detail +
        (absent ? fmt::format("\nName another with -c FILE, or begin with the example {}.", example_of(program)) : ""));
    return loaded;
}

std::vector<std::string> needs_restart(const Config& before, const Config& after) {
    std::vector<std::string> keys;
    const auto compare = [&](std::string_view key, const auto& a, const auto& b) {
        if (!(a == b)) keys.emplace_back(key);
    };
    compare("collectives", before.collectives, after.collectives);
    compare("group", before.group, after.group);
    compare("relay", before.relay, after.relay);
    compare("homes", before.homes, after.homes);
    compare("confine", before.confined, after.confined);
    compare("listen", std::tie(before.listen, before.dial_only), std::tie(after.listen, after.dial_only));
    compare("fanout_listen", before.fanout_listen, after.fanout_listen);
    compare("advertise", before.advertise, after.advertise);
    compare("local_socket", before.local_socket, after.local_socket);
    compare("seed", before.seeds, after.seeds);
    compare("state_folder", before.state_folder, after.state_folder);
    compare("workers", before.workers, after.workers);
    compare("metrics_listen", before.metrics_listen, after.metrics_listen);
    return keys;
}

}  // namespace mco::node
