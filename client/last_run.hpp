#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/account.hpp"
#include "client/config.hpp"
#include "proto/error.hpp"
#include "proto/time.hpp"

// What became of the nodes of the last command, so that the next one can mean them: -I @last.failed. One small file of the user.
namespace mco::client {

struct LastRun {
    std::string command;  // as typed, with mco in front
    proto::WallTime when{};
    std::map<std::string, std::vector<std::string>, std::less<>> nodes;  // ok, failed, denied, missing
};

// $XDG_STATE_HOME/mco/last, or ~/.local/state/mco/last; none without both variables.
std::optional<std::filesystem::path> last_run_file(const Environment& environment);

LastRun last_run(const Gathered& gathered, const Account& account);

// Replaces the file at once, readable for its owner only; makes its folder. Whole groups that are missing are not nodes, and are
// left out.
proto::Result<void> write_last_run(const std::filesystem::path& file, const LastRun& run);
proto::Result<LastRun> read_last_run(const std::filesystem::path& file);

// What "last.failed" stands for: last.ok, last.failed, last.denied, last.missing, or last for all of them. `not_found` with what
// there is when nobody is in it; an empty set is never a target.
proto::Result<std::vector<std::string>> last_set(const LastRun& run, std::string_view name);

// "mco rpc service restart service=nginx, 2026-11-21 18:20:31 UTC"
std::string describe(const LastRun& run);

}  // namespace mco::client
