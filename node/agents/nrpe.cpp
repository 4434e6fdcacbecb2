#include "node/agents/nrpe.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/agents/nrpe_commands.hpp"
#include "node/agents/settings.hpp"

namespace mco::node {
namespace {

using proto::Value;

std::vector<std::string> split(std::string_view text, char by) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = text.find(by);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return parts;
}

std::vector<std::filesystem::path> places(const Call& call) {
    std::vector<std::filesystem::path> places;
    for (auto& place : split(agent_setting(call, "plugin.nrpe.conf_path"), ':')) places.emplace_back(std::move(place));
    if (!places.empty()) return places;
    const std::filesystem::path folder = agent_setting(call, "plugin.nrpe.conf_dir");
    const auto file = agent_setting(call, "plugin.nrpe.conf_file");
    if (!file.empty()) return {folder / file};  // an absolute one replaces the folder
    return {folder};
}

// "DISK OK - free space | /=2643MB;5948" and further lines of both, as the plug-in guidelines have it.
void take_apart(std::string_view printed, CheckResult& result) {
    const auto bar = printed.find('|');
    auto text = printed.substr(0, bar);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
    result.output = text;
    if (bar == std::string_view::npos) return;
    auto perfdata = printed.substr(bar + 1);
    while (!perfdata.empty() && perfdata.front() == ' ') perfdata.remove_prefix(1);
    while (!perfdata.empty() && (perfdata.back() == ' ' || perfdata.back() == '\n')) perfdata.remove_suffix(1);
    result.perfdata = perfdata;
}

CheckResult unknown(std::string why) { return {.exitcode = 3, .output = std::move(why), .perfdata = {}}; }

CheckResult check(const Programs& programs, std::string_view definition, const std::vector<std::string>& arguments,
                  proto::Duration patience, const std::stop_token& stop) {
    constexpr std::size_t output_max = 16 * 1024;
    auto argv = nrpe_argv(definition, arguments);
    if (!argv) return unknown(argv.error().detail);
    constexpr auto grace = std::chrono::milliseconds(300);
    const auto end = programs.run(
        {.argv = std::move(*argv), .timeout = patience, .grace = grace, .output_max = output_max}, stop);
    if (!end) return unknown(end.error().detail);
    if (end->why != ProcessEnd::Why::exited) return unknown(reason_of(*end));
    CheckResult result{.exitcode = end->code >= 0 && end->code <= 2 ? end->code : 3};
    take_apart(end->out.empty() ? end->err : end->out, result);
    return result;
}

std::string_view state(int exitcode) {
    switch (exitcode) {
        case 0:
            return "OK";
        case 1:
            return "WARNING";
        case 2:
            return "CRITICAL";
        default:
            return "UNKNOWN";
    }
}

ActionReply run_one(const Call& call, const NrpeCommands& commands, const Programs& programs,
                    proto::Duration patience, const std::stop_token& stop) {
    const auto name = text_input(call, "command");
    const auto definition = commands.find(name);
    const auto result = definition == commands.end()
                            ? unknown(fmt::format("No such command: {}", name))
                            : check(programs, definition->second, split(text_input(call, "args"), '!'), patience, stop);
    ActionReply reply{.data = {{"exitcode", result.exitcode},
                               {"output", result.output},
                               {"perfdata", result.perfdata},
                               {"command", name}}};
    if (result.exitcode != 0) {
        reply.status = proto::StatusCode::aborted;
        reply.message = state(result.exitcode);
    }
    return reply;
}

ActionReply run_all(const NrpeCommands& commands, const Programs& programs, proto::Duration patience,
                    const std::stop_token& stop) {
    const auto until = std::chrono::steady_clock::now() + patience;
    Value::Map results;
    for (const auto& [name, definition] : commands) {
        const auto left =
            std::chrono::duration_cast<proto::Duration>(until - std::chrono::steady_clock::now());
        const auto result = left > proto::Duration(0) ? check(programs, definition, {}, left, stop)
                                                      : unknown("not run: the checks before it took all the time");
        results.emplace(name, Value::Map{{"exitcode", result.exitcode},
                                         {"output", result.output},
                                         {"perfdata", result.perfdata}});
    }
    return {.data = {{"commands", std::move(results)}}};
}

}  // namespace

proto::Result<CheckResult> run_check(const Call& call, const Programs& programs, std::string_view name,
                                     proto::Duration patience, std::stop_token stop) {
    const auto commands = read_nrpe_commands(places(call));
    if (!commands) return tl::unexpected(commands.error());
    const auto definition = commands->find(name);
    if (definition == commands->end()) return unknown(fmt::format("No such command: {}", name));
    return check(programs, definition->second, {}, patience, stop);
}

ActionReply Nrpe::run(const Call& call, std::stop_token stop) {
    const auto commands = read_nrpe_commands(places(call));
    if (!commands) return aborted(commands.error().detail);
    if (call.action == "runcommand") return run_one(call, *commands, programs_, patience_, stop);
    if (call.action == "runallcommands") return run_all(*commands, programs_, patience_, stop);
    return unknown_action(call);
}

}  // namespace mco::node
