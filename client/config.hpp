#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/links.hpp"
#include "proto/config_file.hpp"
#include "proto/error.hpp"

namespace mco::client {

using Environment = std::map<std::string, std::string, std::less<>>;

inline constexpr std::int64_t registerinterval_max = 7 * 86'400;  // seconds

// Where --dm puppetdb asks: plugin.discovery.puppetdb.*
struct PuppetDb {
    std::string host = "localhost";
    std::uint16_t port = 8080;
    bool ssl = false, kerberos = false;
    std::filesystem::path ca, certificate, key;
    std::string collective_fact;  // nodes of a collective have its name in this fact
};

// What the operator's configuration says, with every default filled in.
struct Config {
    std::filesystem::path file;
    std::vector<std::string> collectives{"mcollective"};
    std::string main_collective = "mcollective";
    std::vector<std::filesystem::path> libdirs;  // searched before our own
    std::chrono::seconds ttl{60};
    std::chrono::seconds discovery_timeout{2};  // a contributor to the longest wait, nothing is waited for by it
    bool color = true;
    bool compat_exit = false;  // an incomplete result ends with 0, as in MCollective
    std::string discovery_method = "mesh";
    std::vector<std::string> discovery_options;
    bool limit_at_random = false;     // rpclimitmethod
    std::string batch_size = "0";     // as --batch and --batch-sleep take it
    std::string batch_sleep = "1";
    std::chrono::seconds registerinterval{0};  // between two rounds of mco registration; 0: one round
    bool registration_meta = true;             // registration: meta, or agentlist
    PuppetDb puppetdb;
    bool ping_graph = false;   // plugin.rpc.graph
    std::string process_fields = "pid,user,vsz,command";  // plugin.process.fields
    std::string identity;      // if given: must be the certificate's name
    std::filesystem::path certificate, secret_keys, trust;
    std::filesystem::path collective_key, revocations;  // empty: none; the daemons bring newer lists
    std::vector<Entry> entries;
};

// Where a configuration is looked for without -c, best first: $MCO_CONFIG, the user's own files, the machine's.
std::vector<std::filesystem::path> config_places(const Environment& environment);

// The file of -c if there is one, else $MCO_CONFIG if it is set, else the first place that can be read. `not_found` names what
// was searched.
proto::Result<std::filesystem::path> choose_config(const std::optional<std::string>& option,
                                                   const Environment& environment);

// Why a key that is known does nothing here; nothing for all others.
std::optional<std::string_view> without_effect(std::string_view key);

struct LoadedConfig {
    Config config;
    std::vector<std::string> warnings;  // keys of MCollective without effect, one line each
};
// Errors are complete lines: file, line, key and the nearest known key.
proto::Result<LoadedConfig> load_config(const std::filesystem::path& file);
proto::Result<LoadedConfig> interpret(const std::vector<proto::Setting>& settings, const std::filesystem::path& file);

}  // namespace mco::client
