#include "client/config_keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/config_file.hpp"
#include "proto/limits.hpp"

namespace mco::client {
namespace {

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

// MCollective took the names of its plug-ins in any case.
std::string set_registration(Config& config, std::string_view value) {
    std::string word(value);
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    config.registration_meta = word == "meta";
    return word == "meta" || word == "agentlist" ? std::string() : fmt::format("must be meta or agentlist, not \"{}\"", value);
}

std::string yes_or_no(bool flag) { return flag ? "yes" : "no"; }

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
    ConfigKey{"entry", "Where a daemon listens, and its key; several lines for several entries", add_entry, nullptr},
    ConfigKey{"certificate", "The operator's certificate",
              [](Config& config, std::string_view value) { return set_path(config.certificate, value); },
              [](const Config& config) { return config.certificate.string(); }},
    ConfigKey{"secret_keys", "The file with the operator's keys",
              [](Config& config, std::string_view value) { return set_path(config.secret_keys, value); },
              [](const Config& config) { return config.secret_keys.string(); }},
    ConfigKey{"collective_key", "The file with the key that keeps the bodies of requests from proxies",
              [](Config& config, std::string_view value) { return set_path(config.collective_key, value); },
              [](const Config& config) { return config.collective_key.string(); }},
    ConfigKey{"revocations", "The file with the list of revoked certificates",
              [](Config& config, std::string_view value) { return set_path(config.revocations, value); },
              [](const Config& config) { return config.revocations.string(); }},
    ConfigKey{"trust", "The authority's certificate",
              [](Config& config, std::string_view value) { return set_path(config.trust, value); },
              [](const Config& config) { return config.trust.string(); }},
    ConfigKey{"identity", "If given, the name that the certificate must have",
              [](Config& config, std::string_view value) { return set_text(config.identity, value); },
              [](const Config& config) { return config.identity; }},
    ConfigKey{"collectives", "The collectives that -T may name", set_collectives,
              [](const Config& config) { return fmt::format("{}", fmt::join(config.collectives, ", ")); }},
    ConfigKey{"main_collective", "The collective that is asked without -T",
              [](Config& config, std::string_view value) { return set_text(config.main_collective, value); },
              [](const Config& config) { return config.main_collective; }},
    ConfigKey{"libdir", "Folders with DDLs, before those of the installation", add_libdirs, nullptr},
    ConfigKey{"ttl", "Seconds for which a request may be started by a node",
              [](Config& config, std::string_view value) {
                  return set_seconds(config.ttl, value,
                                     {1, std::chrono::seconds(proto::limits::request_ttl_max).count()});
              },
              [](const Config& config) { return std::to_string(config.ttl.count()); }},
    ConfigKey{"discovery_timeout", "Seconds added to the longest wait; nothing is waited for by it",
              [](Config& config, std::string_view value) {
                  return set_seconds(config.discovery_timeout, value, {0, 86'400});
              },
              [](const Config& config) { return std::to_string(config.discovery_timeout.count()); }},
    ConfigKey{"default_discovery_method", "Who is asked for the nodes, without --dm",
              [](Config& config, std::string_view value) { return set_text(config.discovery_method, value); },
              [](const Config& config) { return config.discovery_method; }},
    ConfigKey{"default_discovery_options", "What that method reads, without --do",
              [](Config& config, std::string_view value) {
                  config.discovery_options.emplace_back(value);
                  return std::string();
              },
              nullptr},
    ConfigKey{"rpclimitmethod", "Which nodes --limit takes: first or random",
              [](Config& config, std::string_view value) {
                  config.limit_at_random = value == "random";
                  return value == "first" || value == "random"
                             ? std::string()
                             : fmt::format("must be first or random, not \"{}\"", value);
              },
              [](const Config& config) { return std::string(config.limit_at_random ? "random" : "first"); }},
    ConfigKey{"default_batch_size", "Nodes at a time, without --batch; 0 is all",
              [](Config& config, std::string_view value) { return set_text(config.batch_size, value); },
              [](const Config& config) { return config.batch_size; }},
    ConfigKey{"default_batch_sleep_time", "Seconds between two batches, without --batch-sleep",
              [](Config& config, std::string_view value) { return set_text(config.batch_sleep, value); },
              [](const Config& config) { return config.batch_sleep; }},
    ConfigKey{"registerinterval", "Seconds between two rounds of mco registration, without --every; 0 is one round",
              [](Config& config, std::string_view value) {
                  return set_seconds(config.registerinterval, value, {0, registerinterval_max});
              },
              [](const Config& config) { return std::to_string(config.registerinterval.count()); }},
    ConfigKey{"registration", "What mco registration keeps: meta (what filters can ask for) or agentlist", set_registration,
              [](const Config& config) { return std::string(config.registration_meta ? "meta" : "agentlist"); }},
    ConfigKey{"color", "Whether a terminal gets colours, without --color",
              [](Config& config, std::string_view value) { return set_flag(config.color, value); },
              [](const Config& config) { return yes_or_no(config.color); }},
    ConfigKey{"compat_exit", "Whether an incomplete result ends with 0, as in MCollective",
              [](Config& config, std::string_view value) { return set_flag(config.compat_exit, value); },
              [](const Config& config) { return yes_or_no(config.compat_exit); }},
    ConfigKey{"plugin.discovery.puppetdb.host", "Where PuppetDB is, for --dm puppetdb",
              [](Config& config, std::string_view value) { return set_text(config.puppetdb.host, value); },
              [](const Config& config) { return config.puppetdb.host; }},
    ConfigKey{"plugin.discovery.puppetdb.port", "Its port",
              [](Config& config, std::string_view value) {
                  const auto port = proto::parse_integer(value, {1, 65'535});
                  if (port) config.puppetdb.port = static_cast<std::uint16_t>(*port);
                  return port ? std::string() : port.error().detail;
              },
              [](const Config& config) { return std::to_string(config.puppetdb.port); }},
    ConfigKey{"plugin.discovery.puppetdb.use_ssl", "Whether it is asked by HTTPS",
              [](Config& config, std::string_view value) { return set_flag(config.puppetdb.ssl, value); },
              [](const Config& config) { return yes_or_no(config.puppetdb.ssl); }},
    ConfigKey{"plugin.discovery.puppetdb.use_krb", "Whether Kerberos says who asks",
              [](Config& config, std::string_view value) { return set_flag(config.puppetdb.kerberos, value); },
              [](const Config& config) { return yes_or_no(config.puppetdb.kerberos); }},
    ConfigKey{"plugin.discovery.puppetdb.ssl_ca", "The authority of its certificate",
              [](Config& config, std::string_view value) { return set_path(config.puppetdb.ca, value); },
              [](const Config& config) { return config.puppetdb.ca.string(); }},
    ConfigKey{"plugin.discovery.puppetdb.ssl_cert", "The certificate that it is shown",
              [](Config& config, std::string_view value) { return set_path(config.puppetdb.certificate, value); },
              [](const Config& config) { return config.puppetdb.certificate.string(); }},
    ConfigKey{"plugin.discovery.puppetdb.ssl_private_key", "The key of that certificate",
              [](Config& config, std::string_view value) { return set_path(config.puppetdb.key, value); },
              [](const Config& config) { return config.puppetdb.key.string(); }},
    ConfigKey{"plugin.discovery.puppetdb.collective_fact", "The fact that holds a node's collectives",
              [](Config& config, std::string_view value) { return set_text(config.puppetdb.collective_fact, value); },
              [](const Config& config) { return config.puppetdb.collective_fact; }},
    ConfigKey{"plugin.process.fields", "The columns of mco process list",
              [](Config& config, std::string_view value) { return set_text(config.process_fields, value); },
              [](const Config& config) { return config.process_fields; }},
    ConfigKey{"plugin.rpc.graph", "Whether mco ping always draws its graph",
              [](Config& config, std::string_view value) { return set_flag(config.ping_graph, value); },
              [](const Config& config) { return yes_or_no(config.ping_graph); }},
};

}  // namespace

std::span<const ConfigKey> config_keys() { return keys; }

}  // namespace mco::client
