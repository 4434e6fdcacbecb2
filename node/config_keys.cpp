#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "node/config.hpp"
#include "node/metrics_port.hpp"
#include "proto/limits.hpp"
#include "security/certificate.hpp"

namespace mco::node {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(at);
        auto part = text.substr(0, end);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        if (!part.empty()) parts.push_back(part);
        if (end == std::string_view::npos) return parts;
        text = text.substr(end + 1);
    }
}

std::string set_flag(bool& flag, std::string_view value) {
    const auto read = proto::parse_boolean(value);
    if (!read) return read.error().detail;
    flag = *read;
    return {};
}

std::string set_number(std::size_t& number, std::string_view value, proto::Range range) {
    const auto read = proto::parse_integer(value, range);
    if (!read) return read.error().detail;
    number = static_cast<std::size_t>(*read);
    return {};
}

std::string set_seconds(std::chrono::seconds& seconds, std::string_view value, std::int64_t most) {
    std::size_t number = 0;
    auto problem = set_number(number, value, {0, most});
    if (problem.empty()) seconds = std::chrono::seconds(number);
    return problem;
}

std::string set_path(std::filesystem::path& path, std::string_view value) {
    if (!value.starts_with('/')) return fmt::format("'{}' is not an absolute path", value);
    path = value;
    return {};
}

std::string set_paths(std::vector<std::filesystem::path>& paths, std::string_view value) {
    for (const auto part : split(value, ':')) {
        std::filesystem::path path;
        if (auto problem = set_path(path, part); !problem.empty()) return problem;
        paths.push_back(std::move(path));
    }
    return {};
}

// [\w.-]+, at most 64 octets: what MCollective takes for names of machines and collectives.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= proto::limits::name_size_max &&
           std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; });
}

std::string set_name(std::string& name, std::string_view value) {
    if (!is_name(value))
        return fmt::format("'{}' is not a name: 1 to {} letters, digits, '_', '.' or '-'", value,
                           proto::limits::name_size_max);
    name = value;
    return {};
}

std::string set_identity(Config& config, std::string_view value) {
    if (auto checked = security::check_name(value); !checked) return checked.error().detail;
    config.identity = value;
    return {};
}

// Each once, in the order given.
std::string read_collectives(std::vector<std::string>& names, std::string_view value) {
    names.clear();
    for (const auto& part : proto::parse_list(value)) {
        std::string name;
        if (auto problem = set_name(name, part); !problem.empty()) return problem;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    if (names.empty()) return "a collective is needed";
    if (names.size() > proto::limits::collectives_max)
        return fmt::format("a node joins at most {} collectives", proto::limits::collectives_max);
    return {};
}

std::string set_collectives(Config& config, std::string_view value) {
    return read_collectives(config.collectives, value);
}

std::string set_confine(Config& config, std::string_view value) {
    std::vector<std::string> names;
    auto problem = read_collectives(names, value);
    if (problem.empty()) config.confined = {names.begin(), names.end()};
    return problem;
}

std::string set_relay(Config& config, std::string_view value) {
    using proto::RelayWish;
    for (const auto& [word, wish] : {std::pair{"auto", RelayWish::automatic}, std::pair{"always", RelayWish::always},
                                     std::pair{"never", RelayWish::never}}) {
        if (value != word) continue;
        config.relay = wish;
        return {};
    }
    return fmt::format("'{}' is not auto, always or never", value);
}

// "tcp://HOST:PORT". Ports from 32768 are what the kernel hands out to connecting sockets: one may be taken when the
// daemon starts, and a connection to a closed one of this machine can connect to itself.
std::string check_endpoint(std::string_view value, bool any_port) {
    const auto wrong = [&](std::string_view why) { return fmt::format("'{}' is not tcp://HOST:PORT: {}", value, why); };
    if (!value.starts_with("tcp://")) return wrong("it does not begin with tcp://");
    if (value.size() > proto::limits::endpoint_size_max) return wrong("it is too long");
    const auto colon = value.rfind(':');
    if (colon <= 6) return wrong("there is no host or no port");
    const auto port = value.substr(colon + 1);
    if (value.find_first_of(" \t/", 6) != std::string_view::npos) return wrong("blanks and paths do not belong there");
    if (port == "*") return any_port ? std::string() : wrong("the port must be a number");
    const auto number = proto::parse_integer(port, {1, any_port ? 32'767 : 65'535});
    return number ? std::string() : wrong(fmt::format("the port {}", number.error().detail));
}

std::string add_listen(Config& config, std::string_view value) {
    if (value == "none") {
        config.dial_only = true;
        return {};
    }
    auto problem = check_endpoint(value, true);
    if (problem.empty()) config.listen.emplace_back(value);
    return problem;
}

std::string set_fanout(Config& config, std::string_view value) {
    auto problem = check_endpoint(value, true);
    if (problem.empty()) config.fanout_listen = value;
    return problem;
}

std::string set_advertise(Config& config, std::string_view value) {
    const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
    });
    if (value.empty() || value.size() > 200 || !plain)
        return fmt::format("'{}' is not the name or address of a machine", value);
    config.advertise = value;
    return {};
}

std::string set_local_socket(Config& config, std::string_view value) {
    const auto path = value.starts_with("ipc://") ? value.substr(6) : value;
    if (!path.starts_with('/')) return fmt::format("'{}' is not an absolute path", value);
    if (path.size() > 107)
        return fmt::format("'{}' has {} octets; the name of a socket has at most 107", value, path.size());
    config.local_socket = fmt::format("ipc://{}", path);
    return {};
}

std::string add_seed(Config& config, std::string_view value) {
    const auto parts = split(value, ' ');
    const auto key = parts.size() == 2 ? proto::CurvePublicKey::from_hex(parts[1]) : std::nullopt;
    if (!key) {
        return fmt::format(
            "'{}' is not 'tcp://HOST:PORT KEY'; KEY is 64 hex digits, as 'mco-ca show --curve-key NAME.cert' prints "
            "them",
            value);
    }
    auto problem = check_endpoint(parts[0], false);
    if (problem.empty()) config.seeds.push_back({std::string(parts[0]), *key});
    return problem;
}

std::string set_factsource(Config& config, std::string_view value) {
    config.facter = false;
    const auto parts = split(value, ',');
    if (parts.empty()) return "it is empty: say 'yaml', 'facter' or 'yaml, facter'";
    for (const auto part : parts) {
        if (part == "facter") {
            config.facter = true;
        } else if (part != "yaml") {
            return fmt::format("'{}' is not known: facts come from 'yaml', which means files, and 'facter'", part);
        }
    }
    return {};
}

std::string set_logger(Config& config, std::string_view value) {
    for (const auto& [word, target] : {std::pair{"console", LogTarget::console}, std::pair{"file", LogTarget::file},
                                       std::pair{"syslog", LogTarget::syslog}}) {
        if (value != word) continue;
        config.log.target = target;
        return {};
    }
    return fmt::format("'{}' is not console, file or syslog", value);
}

std::string set_metrics_listen(Config& config, std::string_view value) {
    auto problem = MetricsPort::check(value);
    if (problem.empty()) config.metrics_listen = value;
    return problem;
}

std::string set_facility(Config& config, std::string_view value) {
    const bool local = value.size() == 6 && value.starts_with("local") && value[5] >= '0' && value[5] <= '7';
    if (value != "user" && value != "daemon" && !local)
        return fmt::format("'{}' is not user, daemon or local0 to local7", value);
    config.log.facility = value;
    return {};
}

template <std::size_t LogSettings::*Member, std::int64_t Most>
std::string set_log_number(Config& config, std::string_view value) {
    return set_number(config.log.*Member, value, {0, Most});
}

std::string set_workers(Config& config, std::string_view value) { return set_number(config.workers, value, {1, 256}); }

template <std::filesystem::path Config::*Member>
std::string set_path_member(Config& config, std::string_view value) {
    return set_path(config.*Member, value);
}

using Repeat = ConfigKey::Repeat;
using Shown = ConfigKey::Shown;
using Of = ConfigKey::Of;

constexpr ConfigKey only_mcod(ConfigKey key, std::string_view why_not_proxy) {
    key.of = Of::mcod;
    key.why_not_other = why_not_proxy;
    return key;
}
constexpr ConfigKey only_proxy(ConfigKey key, std::string_view why_not_mcod) {
    key.of = Of::proxy;
    key.why_not_other = why_not_mcod;
    return key;
}
constexpr std::string_view no_agents = "a proxy runs no agents";
constexpr std::string_view no_traits = "a proxy has no facts and no classes: no request is for it";
constexpr std::string_view no_decisions = "a proxy passes requests on; what is allowed each node decides for itself";

constexpr auto rows = std::to_array<ConfigKey>({
    // Who this node is.
    {"identity", "(the certificate's name)", "The node's name; must be the name in its certificate.", set_identity},
    {"collectives", "mcollective", "Comma-separated collectives the node belongs to; its certificate must allow them.",
     set_collectives},
    only_mcod({"main_collective", "(the first of collectives)", "The collective used where none is named.",
               [](Config& config, std::string_view value) { return set_name(config.main_collective, value); }},
              "a proxy starts no requests"),
    {"group", "default", "The group the node is a member of, such as its site; groups are joined by their proxies.",
     [](Config& config, std::string_view value) { return set_name(config.group, value); }},
    {"certificate", "(mcod.cert or proxy.cert beside the configuration file)",
     "The node's certificate, as mco-ca wrote it.", set_path_member<&Config::certificate>},
    {"secret_keys", "(mcod.key or proxy.key beside the configuration file)",
     "The node's three secret keys; readable by its user only.", set_path_member<&Config::secret_keys>,
     Repeat::last_wins, Shown::no},
    {"trust", "(root.cert beside the configuration file)", "The root certificates whose word counts.",
     set_path_member<&Config::trust>},

    {"revocations", "(revocations beside the configuration file)",
     "Whose certificates do not count any more; one node that reads a newer list tells all.", set_path_member<&Config::revocations>},
    only_mcod({"collective_key", "", "The key that hides the bodies of requests from proxies; this user's alone.",
               set_path_member<&Config::collective_key>},
              no_decisions),

    // Where it is reached.
    {"listen", "",
     "tcp://HOST:PORT for links, repeatable; port * takes any free one below 32768. 'none': this machine only dials.",
     add_listen, Repeat::adds},
    {"fanout_listen", "(host of the first listen, its port + 1; on loopback any free port)",
     "tcp://HOST:PORT where requests are published to other nodes.", set_fanout},
    {"advertise", "(host of the first listen; the host name where that is *)",
     "The name or address by which others reach this machine.", set_advertise},
    only_mcod({"local_socket", "", "Path of a Unix socket for mco on this machine.", set_local_socket},
              "mco reaches a proxy by an 'entry' line with its 'listen'"),
    {"seed", "", "tcp://HOST:PORT KEY of a node to link to, repeatable; KEY is its curve key in hex.", add_seed,
     Repeat::adds},

    {"seed_timeout", "10", "Seconds to wait for a seed before the node says that it is ready without one.",
     [](Config& config, std::string_view value) { return set_seconds(config.seed_timeout, value, 3'600); }},
    {"state_folder", "", "Folder for what a restart must not forget, such as who belongs to the mesh; this user's alone.",
     set_path_member<&Config::state_folder>},

    // What it does for others of its group.
    only_mcod(
        {"relay", "auto",
         "Whether this node passes requests on to others: auto (if the group needs it), always or never.", set_relay},
        "a proxy always relays"),
    only_mcod({"homes", "2", "Relays this node attaches to while it is none itself; 1 to 4.",
               [](Config& config, std::string_view value) {
                   return set_number(config.homes, value, {1, 4});
               }},
              "a proxy is a relay itself"),
    only_proxy({"confine", "",
                "Comma-separated collectives whose requests this proxy lets neither out of its group nor into it.",
                set_confine},
               "it is a proxy that stands between groups"),

    // What it does.
    only_mcod({"libdir", "(share/mco of the installation)",
               "Folders, absolute, ':'-separated or repeated, searched before the installation's for "
               "mcollective/agent/NAME.json.",
               [](Config& config, std::string_view value) { return set_paths(config.libdirs, value); }, Repeat::adds},
              no_agents),
    only_mcod({"activate_agents", "yes", "Whether agents are active unless named otherwise; 'discovery' always is.",
               [](Config& config, std::string_view value) { return set_flag(config.activation.all, value); }},
              no_agents),
    only_mcod({"workers", "4", "Threads for actions; they start when needed.", set_workers}, no_agents),
    only_mcod({"soft_shutdown_timeout", "5", "Seconds that running actions get when the daemon is told to stop.",
               [](Config& config, std::string_view value) {
                   return set_seconds(config.soft_shutdown_timeout, value, 3'600);
               }},
              no_agents),

    // What it is.
    only_mcod({"factsource", "yaml", "Where facts come from: 'yaml', which means files, 'facter', or 'yaml, facter'.",
               set_factsource},
              no_traits),
    only_mcod({"plugin.yaml", "",
               "Fact files, absolute, ':'-separated; YAML, or JSON where the name ends in .json; later ones win.",
               [](Config& config, std::string_view value) {
                   config.fact_files.clear();
                   return set_paths(config.fact_files, value);
               }},
              no_traits),
    only_mcod({"fact_folder", "(facts.d beside the configuration file)",
               "Folder of further facts: .yaml, .json, .txt (name=value) and executables that print such; need not exist.",
               set_path_member<&Config::fact_folder>},
              no_traits),
    only_mcod(
        {"fact_cache_time", "300",
         "Seconds after which programs are asked again for facts, and fact files read even if they look unchanged.",
         [](Config& config, std::string_view value) { return set_seconds(config.fact_cache_time, value, 86'400); }},
        no_traits),
    only_mcod({"classesfile", "/var/lib/puppet/state/classes.txt", "The node's classes, one a line.",
               set_path_member<&Config::classesfile>},
              no_traits),

    // Who may do what.
    only_mcod({"policies", "(policies/ beside the configuration file)",
               "Folder of AGENT.policy files; what none allows is denied.", set_path_member<&Config::policies>},
              no_decisions),
    only_mcod(
        {"plugin.actionpolicy.allow_unconfigured", "no",
         "Whether agents without a policy file are open to every caller.",
         [](Config& config, std::string_view value) { return set_flag(config.policy.allow_unconfigured, value); }},
        no_decisions),
    only_mcod(
        {"plugin.actionpolicy.enable_default", "no", "Whether a default policy file decides for agents without one.",
         [](Config& config, std::string_view value) { return set_flag(config.policy.enable_default, value); }},
        no_decisions),
    only_mcod({"plugin.actionpolicy.default_name", "default", "That file's name, without .policy.",
               [](Config& config, std::string_view value) { return set_name(config.policy.default_name, value); }},
              no_decisions),
    only_mcod({"plugin.rpcaudit.logfile", "", "The audit trail, JSON lines; without it nothing is recorded.",
               set_path_member<&Config::audit_file>},
              no_decisions),
    only_mcod({"plugin.rpcaudit.max_log_size", "0",
               "Octets after which the trail goes on in a new file, the full one being FILE.1; 0: it is not rotated by mcod.",
               [](Config& config, std::string_view value) {
                   std::size_t size = 0;
                   auto problem = set_number(size, value, {0, 1LL << 40});
                   if (problem.empty() && size != 0 && size < 65'536) problem = fmt::format("{} is less than 65536, which one line may have", size);
                   if (problem.empty()) config.audit_rotation.size_max = size;
                   return problem;
               }},
              no_decisions),
    only_mcod({"plugin.rpcaudit.keeplogs", "52", "Full files of the trail kept, FILE.1 being the newest; 1 to 250.",
               [](Config& config, std::string_view value) {
                   std::size_t keep = 0;
                   auto problem = set_number(keep, value, {1, 250});
                   if (problem.empty()) config.audit_rotation.keep = static_cast<std::uint32_t>(keep);
                   return problem;
               }},
              no_decisions),

    // What it tells.
    {"logger_type", "console", "console (standard error), file or syslog.", set_logger},
    {"logfile", "", "The log of logger_type = file.",
     [](Config& config, std::string_view value) { return set_path(config.log.file, value); }},
    {"logformat", "text", "text, or json: one object a line with time, program, pid, level, area and message.",
     [](Config& config, std::string_view value) {
         config.log.format = value == "json" ? LogFormat::json : LogFormat::text;
         return value == "json" || value == "text" ? std::string() : fmt::format("'{}' is not text or json", value);
     }},
    {"loglevel", "info", "fatal, error, warn, info or debug; then levels of single areas (daemon, mesh, request, agent): 'info, mesh=debug'.",
     [](Config& config, std::string_view value) { return set_levels(config.log, value); }},
    {"logfacility", "user", "Of logger_type = syslog: user, daemon, local0 to local7.", set_facility},
    {"max_log_size", "2097152", "Octets after which the log file is rotated; 0: never.",
     set_log_number<&LogSettings::size_max, 1LL << 40>},
    {"keeplogs", "5", "Rotated log files kept; 0: the log is not rotated.", set_log_number<&LogSettings::keep, 1'000>},
    {"metrics_file", "", "Counters in Prometheus' text format, written every 15 s, for node_exporter's textfile collector.",
     set_path_member<&Config::metrics_file>},
    {"metrics_listen", "", "127.0.0.1:PORT or [::1]:PORT where Prometheus finds the same at /metrics; port * is any free one.", set_metrics_listen},
});

}  // namespace

std::span<const ConfigKey> config_keys() { return rows; }

bool is_key_of(const ConfigKey& key, Program program) {
    switch (key.of) {
        case Of::both:
            return true;
        case Of::mcod:
            return program == Program::mcod;
        case Of::proxy:
            return program == Program::proxy;
    }
    return false;
}

}  // namespace mco::node
