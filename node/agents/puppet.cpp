#include "node/agents/puppet.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/agents/puppet_runs.hpp"
#include "node/agents/puppet_state.hpp"
#include "proto/number_text.hpp"
#include "security/rfc3339.hpp"
#include "security/small_file.hpp"

namespace mco::node {
namespace {

using proto::Value;

std::int64_t epoch(const Call& call) {
    return std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count();
}

ActionReply status(const Call& call, const PuppetPlaces& places) {
    const auto now = read_status(places);
    const auto since = now.lastrun == 0 ? 0 : epoch(call) - now.lastrun;
    return {.data = {{"applying", now.applying},
                     {"idling", now.idling()},
                     {"enabled", now.enabled},
                     {"daemon_present", now.daemon_present},
                     {"lastrun", now.lastrun},
                     {"since_lastrun", since},
                     {"status", now.word()},
                     {"disable_message", now.disable_message},
                     {"message", now.lastrun == 0 ? fmt::format("Currently {}; never completed a run", now.word())
                                                  : fmt::format("Currently {}; last completed run {} ago", now.word(),
                                                                ago(since))}}};
}

ActionReply disable(const Call& call, const PuppetPlaces& places) {
    if (!read_status(places).enabled) {
        auto reply = aborted("Could not disable Puppet: it is disabled already");
        reply.data = {{"status", read_status(places).disable_message}, {"enabled", false}};
        return reply;
    }
    auto message = text_input(call, "message");
    if (message.empty())
        message = fmt::format("Disabled with mco by {} at {}", call.caller, security::to_rfc3339(call.time));
    const auto lock = proto::to_json(Value::Map{{"disabled_message", message}});
    if (auto made = security::create_file(places.disabled_lock, lock, 0644); !made)
        return aborted(fmt::format("Could not disable Puppet: {}", made.error().detail));
    return {.data = {{"status", fmt::format("disabled: {}", message)}, {"enabled", false}}};
}

ActionReply enable(const PuppetPlaces& places) {
    std::error_code error;
    const bool removed = std::filesystem::remove(places.disabled_lock, error);
    if (removed) return {.data = {{"status", "enabled"}, {"enabled", true}}};
    auto reply = aborted(error ? fmt::format("Could not enable Puppet: {}", error.message())
                               : std::string("Could not enable Puppet: it is enabled already"));
    reply.data = {{"status", error ? "disabled" : "enabled"}, {"enabled", !error}};
    return reply;
}

// A figure of the summary; `absent` where this Puppet does not note it.
Value figure(const Value& run, std::string_view part, std::string_view name, const Value& absent) {
    const auto* section = run.find(part);
    const auto* value = section == nullptr ? nullptr : section->find(name);
    if (value == nullptr) return absent;
    const auto text = value->to_text();
    if (const auto whole = proto::to_integer(text)) return *whole;
    if (const auto real = proto::to_real(text)) return *real;
    return absent;
}

ActionReply last_run_summary(const Call& call, const PuppetPlaces& places) {
    constexpr std::size_t logs_max = 1'000;
    const auto run = read_last_run(places);
    if (!run) return aborted(run.error().detail);
    std::map<std::string, std::int64_t> types;
    for (const auto& resource : read_resources(places)) {
        auto type = resource.substr(0, resource.find('['));
        if (!type.empty() && type[0] >= 'a' && type[0] <= 'z') type[0] = static_cast<char>(type[0] - 'a' + 'A');
        ++types[type];
    }
    Value::Map distribution;
    for (const auto& [type, count] : types) distribution.emplace(type, count);
    const auto lastrun = figure(*run, "time", "last_run", 0);
    ActionReply reply{.data = {{"out_of_sync_resources", figure(*run, "resources", "out_of_sync", 0)},
                               {"failed_resources", figure(*run, "resources", "failed", 0)},
                               {"corrected_resources", figure(*run, "resources", "corrective_change", 0)},
                               {"changed_resources", figure(*run, "resources", "changed", -1)},
                               {"total_resources", figure(*run, "resources", "total", 0)},
                               {"config_retrieval_time", figure(*run, "time", "config_retrieval", -1)},
                               {"total_time", figure(*run, "time", "total", 0)},
                               {"lastrun", lastrun},
                               {"since_lastrun", lastrun == Value(0) ? 0 : epoch(call) - *lastrun.integer()},
                               {"type_distribution", std::move(distribution)},
                               {"summary", *run}}};
    const auto* version = run->find("version");
    const auto* config = version == nullptr ? nullptr : version->find("config");
    reply.data["config_version"] = config == nullptr ? Value("") : *config;
    if (flag_input(call, "logs").value_or(false)) {
        const auto logs = read_last_logs(places, logs_max);
        reply.data["logs"] = logs ? Value(Value::List(logs->begin(), logs->end())) : Value(Value::List{});
        if (!logs) reply.message = fmt::format("without logs: {}", logs.error().detail);
    }
    return reply;
}

}  // namespace

ActionReply Puppet::run(const Call& call, std::stop_token stop) {
    const auto places = find_puppet(call);
    if (!places) return aborted(places.error().detail);
    if (call.action == "status") return status(call, *places);
    if (call.action == "disable") return disable(call, *places);
    if (call.action == "enable") return enable(*places);
    if (call.action == "last_run_summary") return last_run_summary(call, *places);
    if (call.action == "runonce") return run_once(call, *places, programs_, std::move(stop));
    if (call.action == "resource") return apply_resource(call, *places, programs_, std::move(stop));
    return unknown_action(call);
}

}  // namespace mco::node
