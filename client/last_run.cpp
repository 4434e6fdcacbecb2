#include "client/last_run.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "client/node_set.hpp"
#include "client/user_folder.hpp"
#include "client/words.hpp"
#include "proto/text_file.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::string_view title = "mco last run 1";
constexpr std::size_t size_max = 16 * 1024 * 1024;  // node_set_max names with their outcomes are half of it
constexpr std::array<std::string_view, 4> outcomes{"ok", "failed", "denied", "missing"};

std::int64_t seconds(proto::WallTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string to_text(const LastRun& run) {
    std::string text = fmt::format("{}\ntime {}\ncommand {}\n", title, seconds(run.when), run.command);
    for (const auto& [outcome, names] : run.nodes) {
        for (const auto& name : names) text += fmt::format("{} {}\n", outcome, name);
    }
    return text;
}

}  // namespace

std::optional<std::filesystem::path> last_run_file(const Environment& environment) {
    const auto folder = user_folder(environment, "XDG_STATE_HOME", ".local/state");
    return folder ? std::optional(*folder / "last") : std::nullopt;
}

LastRun last_run(const Gathered& gathered, const Account& account) {
    LastRun run;
    std::size_t count = 0;
    const auto add = [&](std::string_view outcome, const std::string& name) {
        if (is_node_name(name) && count++ < node_set_max) run.nodes[std::string(outcome)].push_back(name);
    };
    for (const auto& reply : gathered.replies) {
        add(reply.outcome == proto::Outcome::denied         ? "denied"
            : reply.status == proto::StatusCode::ok ? "ok"
                                                            : "failed",
            reply.node);
    }
    for (const auto& absent : account.absent) add("missing", absent.node);
    return run;
}

Result<void> write_last_run(const std::filesystem::path& file, const LastRun& run) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    if (error) return fail(Errc::internal, fmt::format("{}: cannot be written: {}", file.string(), error.message()));
    return proto::replace_file(file, to_text(run), 0600);  // two commands at once: one of them is the last
}

Result<LastRun> read_last_run(const std::filesystem::path& file) {
    const auto text = proto::read_text_file(file, size_max);
    if (!text && text.error().code == Errc::not_found)
        return fail(Errc::not_found, fmt::format("no command was remembered yet: there is no {}", file.string()));
    if (!text) return tl::unexpected(text.error());
    LastRun run;
    std::size_t number = 0;
    for (std::string_view rest = *text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto blank = std::min(line.find(' '), line.size());
        const auto word = line.substr(0, blank);
        const auto value = line.substr(std::min(blank + 1, line.size()));
        bool good = true;
        if (++number == 1) {
            good = line == title;
        } else if (word == "time") {
            std::int64_t time = 0;
            const auto read = std::from_chars(value.data(), value.data() + value.size(), time);
            good = read.ec == std::errc() && time >= 0 && time < 253'402'300'800;  // four digits of year
            run.when = proto::WallTime(std::chrono::seconds(good ? time : 0));
        } else if (word == "command") {
            run.command = value;
        } else {
            good = std::find(outcomes.begin(), outcomes.end(), word) != outcomes.end() && is_node_name(value);
            if (good) run.nodes[std::string(word)].emplace_back(value);
        }
        if (!good)
            return fail(Errc::malformed, fmt::format("{}:{}: this is not how mco wrote it; the next command will mend it",
                                                     file.string(), number));
    }
    if (number == 0) return fail(Errc::malformed, fmt::format("{} is empty", file.string()));
    return run;
}

Result<std::vector<std::string>> last_set(const LastRun& run, std::string_view name) {
    std::vector<std::string> names;
    const bool all = name == "last";
    const auto outcome = name.substr(std::min<std::size_t>(5, name.size()));
    if (!all && (!name.starts_with("last.") ||
                 std::find(outcomes.begin(), outcomes.end(), outcome) == outcomes.end()))
        return fail(Errc::invalid, fmt::format("there is no set @{}; there are @last, @last.ok, @last.failed, "
                                               "@last.denied and @last.missing",
                                               name));
    for (const auto& [kind, nodes] : run.nodes) {
        if (all || kind == outcome) names.insert(names.end(), nodes.begin(), nodes.end());
    }
    if (!names.empty()) return names;
    std::vector<std::string> there;
    for (const auto& [kind, nodes] : run.nodes) there.push_back(fmt::format("{} {}", nodes.size(), kind));
    return fail(Errc::not_found,
                fmt::format("nobody is in @{}; the last command ({}) had {}", name, describe(run), enumerate(there)));
}

std::string describe(const LastRun& run) {
    return fmt::format("{}, {:%Y-%m-%d %H:%M:%S} UTC", run.command, fmt::gmtime(static_cast<std::time_t>(seconds(run.when))));
}

}  // namespace mco::client
