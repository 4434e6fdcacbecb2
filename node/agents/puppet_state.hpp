#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/call.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"

// What Puppet's agent leaves behind in files: locks, the last run, what it manages. Looking costs no process start. Any thread.
namespace mco::node {

// Where they are: as plugin.puppet.* says, else as puppet.conf does, else where Puppet puts them by itself.
struct PuppetPlaces {
    std::filesystem::path state, run;  // folders
    std::filesystem::path last_run_summary, last_run_report, resources, run_lock, disabled_lock, pid_file;
};
// not_found: neither a puppet.conf nor a state folder is on this machine.
proto::Result<PuppetPlaces> find_puppet(const Call& call);

struct PuppetStatus {
    bool applying = false, enabled = true, daemon_present = false;
    std::string disable_message;
    std::int64_t lastrun = 0;  // seconds since 1970; 0: never
    bool idling() const { return daemon_present && !applying; }
    std::string_view word() const;  // disabled, applying a catalog, idling, stopped
};
PuppetStatus read_status(const PuppetPlaces& places);

// last_run_summary.yaml: a map of maps; numbers are text. An empty map: there was no run yet.
proto::Result<proto::Value> read_last_run(const PuppetPlaces& places);
// Messages of the last run's report, the latest `max` of them.
proto::Result<std::vector<std::string>> read_last_logs(const PuppetPlaces& places, std::size_t max);
// What the last catalog manages, as "file[/etc/hosts]"; none if it is not known.
std::vector<std::string> read_resources(const PuppetPlaces& places);

// As MCollective's callers know it: "3 days 2 hours 5 minutes 10 seconds".
std::string ago(std::int64_t seconds);

}  // namespace mco::node
