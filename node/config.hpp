#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/core/effect.hpp"
#include "node/log.hpp"
#include "node/registry.hpp"
#include "proto/config_file.hpp"
#include "proto/messages.hpp"
#include "security/audit.hpp"
#include "security/policy.hpp"

namespace mco::node {

// The two programs of this folder: a node, and a node that only relays.
enum class Program : std::uint8_t { mcod, proxy };
std::string_view name(Program program);  // "mcod", "mco-proxy"

// What an operator decided about this node or proxy. Every member's default is the table's.
struct Config {
    Program program = Program::mcod;
    std::filesystem::path file;
    std::string identity;  // empty: the certificate's name
    std::vector<std::string> collectives;
    std::string main_collective;
    std::vector<std::filesystem::path> libdirs;  // configured ones first, then that of the installation
    std::filesystem::path classesfile;
    std::vector<std::filesystem::path> fact_files;
    std::filesystem::path fact_folder;  // facts.d
    bool facter = false;
    std::chrono::seconds fact_cache_time{300};
    LogSettings log;
    std::filesystem::path collective_key;  // empty: none
    std::filesystem::path revocations;     // brought by the operator; others come over the mesh
    std::filesystem::path state_folder;  // what a restart must not forget; empty: it forgets
    std::filesystem::path metrics_file;  // empty: none
    std::string metrics_listen;          // empty: nowhere
    std::filesystem::path audit_file;  // empty: no audit trail
    security::Audit::Rotation audit_rotation;
    security::Policy::Settings policy;
    std::filesystem::path policies;
    Activation activation;
    std::map<std::string, std::string, std::less<>> run_as;  // external agent, user: plugin.NAME.run_as
    std::vector<std::string> listen;
    bool dial_only = false;     // listen = none
    std::string fanout_listen;  // empty: nothing is listened on
    std::string advertise;
    std::string local_socket;  // "ipc:///path"; empty: none
    std::vector<mesh::Address> seeds;
    std::chrono::seconds seed_timeout{10};
    std::string group;
    proto::RelayWish relay = proto::RelayWish::automatic;
    std::size_t homes = 2;
    std::set<std::string, std::less<>> confined;
    std::filesystem::path certificate, secret_keys, trust;
    std::size_t workers = 4;
    std::chrono::seconds soft_shutdown_timeout{5};

    // Every key that applies, with the value in force, as text; what could be a secret is not among them.
    std::map<std::string, std::string, std::less<>> settings;
    // plugin.AGENT.KEY: for the agents, built-in and external. What is another program's may be a secret, so get_config_item
    // tells those of built-in agents only.
    std::map<std::string, std::string, std::less<>> agent_settings;
};

// One row per key: reading, --check-config, rpcutil's get_config_item and the documentation agree because of it.
struct ConfigKey {
    enum class Repeat { last_wins, adds };
    enum class Shown { yes, no };
    enum class Of { both, mcod, proxy };
    std::string_view name;
    std::string_view fallback;  // "" and "(...)": computed, as the description says
    std::string_view description;
    // Sets the value; returns what is wrong with it, "" if nothing.
    std::string (*set)(Config& config, std::string_view value);
    Repeat repeat = Repeat::last_wins;
    Shown shown = Shown::yes;          // whether get_config_item may tell it
    Of of = Of::both;                  // whose key it is
    std::string_view why_not_other{};  // why the other program has no use for it; "" if it is both's
};
std::span<const ConfigKey> config_keys();
bool is_key_of(const ConfigKey& key, Program program);

struct LoadedConfig {
    Config config;                      // of use only without problems
    std::vector<std::string> problems;  // one line each, "FILE:LINE: ...", in the order of the lines
    std::vector<std::string> broken;    // the keys whose values the problems leave unknown
    bool readable = true;               // false: there is nothing but the one problem
    std::vector<std::string> warnings;
};
// `share` is the share/mco folder of the installation: its agents' DDLs are found without being configured.
// A proxy's configuration is one file: plugin.d, which it may share a folder with, is about agents.
LoadedConfig load_config(const std::filesystem::path& file, const std::filesystem::path& share, Program program);
// The same from lines that were read already.
LoadedConfig interpret(const std::vector<proto::Setting>& lines, const std::filesystem::path& file,
                       const std::filesystem::path& share, Program program);

// What differs and cannot change while the daemon runs: names of keys.
std::vector<std::string> needs_restart(const Config& before, const Config& after);

}  // namespace mco::node
