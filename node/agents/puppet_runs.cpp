#include "node/agents/puppet_runs.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/agents/inputs.hpp"
#include "node/agents/settings.hpp"
#include "proto/config_file.hpp"
#include "proto/text_file.hpp"

namespace mco::node {
namespace {

using proto::Value;
using Words = std::vector<std::string>;

constexpr auto patience = std::chrono::seconds(17);  // below the DDL's timeout; a run itself goes on in the background

Words command_words(const Call& call) {
    Words words;
    const auto text = agent_setting(call, "plugin.puppet.command");
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = text.find_first_not_of(' ', at);
        if (begin == std::string::npos) break;
        at = std::min(text.find(' ', begin), text.size());
        words.push_back(text.substr(begin, at - begin));
    }
    return words;
}

std::string no_program(const Words& words, const proto::Error& error) {
    if (error.code != proto::Errc::not_found) return error.detail;
    return fmt::format("Puppet's program '{}' is not on this machine\nIf it is elsewhere, set plugin.puppet.command.",
                       words.front());
}

// What the caller asked for beside the run itself, as Puppet's options.
Words custom_options(const Call& call) {
    Words words;
    for (const auto* name : {"noop", "use_cached_catalog", "ignoreschedules"}) {
        if (const auto flag = flag_input(call, name)) words.push_back(fmt::format("--{}{}", *flag ? "" : "no-", name));
    }
    for (const auto* name : {"tags", "environment"}) {
        if (const auto text = text_input(call, name); !text.empty())
            words.insert(words.end(), {fmt::format("--{}", name), text});
    }
    if (const auto server = text_input(call, "server"); !server.empty()) {
        const auto colon = server.find(':');
        words.insert(words.end(), {"--server", server.substr(0, colon)});
        if (colon != std::string::npos) words.insert(words.end(), {"--serverport", server.substr(colon + 1)});
    }
    return words;
}

// A run that is forced starts at once; else as the caller said, or else as the configuration does.
Words splay_options(const Call& call) {
    const auto limit = number_input(call, "splaylimit");
    if (flag_input(call, "force").value_or(false) || !flag_input(call, "splay").value_or(
                                                         limit || agent_switch(call, "plugin.puppet.splay")))
        return {"--no-splay"};
    return {"--splay", "--splaylimit",
            limit ? fmt::format("{:.0f}", *limit) : agent_setting(call, "plugin.puppet.splaylimit")};
}

ActionReply signal_daemon(const Call& call, const PuppetPlaces& places, std::int64_t now) {
    const bool custom = !custom_options(call).empty() || flag_input(call, "splay") || number_input(call, "splaylimit");
    if (custom)
        return aborted(
            "Puppet's daemon is idling and would be told to run, which it does with its own options only\n"
            "Leave the options out, or set plugin.puppet.signal_daemon = no.");
    const auto text = proto::read_text_file(places.pid_file, 64);
    pid_t pid = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), pid);
    if (pid <= 1 || ::kill(pid, SIGUSR1) != 0)
        return aborted(fmt::format("Puppet's daemon could not be told to run: {}",
                                   std::generic_category().message(pid <= 1 ? ESRCH : errno)));
    return {.data = {{"summary", "Signalled the running Puppet Daemon"}, {"initiated_at", now}}};
}

// ------------------------------------------------------------------ resource

bool holds(const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

// Why this resource may not be touched; "" if it may. Nothing is allowed unless a list says so.
std::string objection(const Call& call, const PuppetPlaces& places, const std::string& type, const std::string& name) {
    const auto list = [&](const std::string& key) { return proto::parse_list(agent_setting(call, key)); };
    const auto types = list("plugin.puppet.resource_type_whitelist");
    const auto no_types = list("plugin.puppet.resource_type_blacklist");
    if (!types.empty() && !no_types.empty())
        return "both plugin.puppet.resource_type_whitelist and _blacklist are set on this node; only one can decide";
    if (types.empty() && no_types.empty())
        return "no type of resource may be changed on this node\nSet plugin.puppet.resource_type_whitelist there.";
    if (!types.empty() ? !holds(types, type) : holds(no_types, type))
        return fmt::format("resources of type {} may not be changed on this node", type);
    const auto names = list("plugin.puppet.resource_name_whitelist." + type);
    const auto no_names = list("plugin.puppet.resource_name_blacklist." + type);
    if (!names.empty() && !no_names.empty())
        return fmt::format("{} has both a whitelist and a blacklist of names on this node; only one can decide", type);
    if ((!names.empty() && !holds(names, name)) || holds(no_names, name))
        return fmt::format("the {} {} may not be changed on this node", type, name);
    if (agent_switch(call, "plugin.puppet.resource_allow_managed_resources")) return {};
    const auto id = lower(fmt::format("{}[{}]", type, name));
    for (const auto& managed : read_resources(places)) {
        if (lower(managed) == id) return fmt::format("Puppet manages the {} {} on this node already", type, name);
    }
    return {};
}

// Properties as Puppet's words; a list of what is no property in `wrong`.
Words properties(const Call& call, std::string& wrong) {
    Words words;
    for (const auto& [key, value] : call.arguments) {
        if (key == "type" || key == "name" || key == "process_results") continue;
        const bool plain = !key.empty() && key[0] >= 'a' && key[0] <= 'z' &&
                           std::all_of(key.begin(), key.end(), [](char c) {
                               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                           });
        const auto text = value.to_text();
        if (!plain || text.find('\0') != std::string::npos) wrong = key;
        words.push_back(fmt::format("{}={}", key, text));
    }
    return words;
}

}  // namespace

ActionReply run_once(const Call& call, const PuppetPlaces& places, const Programs& programs, std::stop_token stop) {
    const auto now = std::chrono::floor<std::chrono::seconds>(call.time.time_since_epoch()).count();
    const auto status = read_status(places);
    if (!status.enabled) return aborted(fmt::format("Puppet is disabled: '{}'", status.disable_message));
    if (status.applying) return aborted("Puppet is currently applying a catalog, cannot run now");
    if (!text_input(call, "server").empty() && !agent_switch(call, "plugin.puppet.allow_server_override"))
        return aborted("this node does not let callers choose the server\nSet plugin.puppet.allow_server_override.");
    const bool force = flag_input(call, "force").value_or(false);
    if (force && (flag_input(call, "splay").value_or(false) || number_input(call, "splaylimit")))
        return aborted("force starts the run at once; it cannot be combined with splay or splaylimit");
    if (status.idling() && !force && agent_switch(call, "plugin.puppet.signal_daemon"))
        return signal_daemon(call, places, now);

    auto words = command_words(call);
    if (words.empty()) return aborted("plugin.puppet.command is empty on this node");
    words.insert(words.end(), {"--onetime", "--daemonize", "--color=false"});
    for (auto& options : {splay_options(call), custom_options(call)})
        words.insert(words.end(), options.begin(), options.end());
    const auto end = programs.run({.argv = words, .timeout = patience}, std::move(stop));
    if (!end) return aborted(no_program(words, end.error()));
    if (!end->ok()) return aborted(fmt::format("Puppet did not start: {}", reason_of(*end)));
    return {.data = {{"summary", fmt::format("Started a Puppet run using the '{}' command", fmt::join(words, " "))},
                     {"initiated_at", now}}};
}

ActionReply apply_resource(const Call& call, const PuppetPlaces& places, const Programs& programs,
                           std::stop_token stop) {
    const auto type = lower(text_input(call, "type")), name = text_input(call, "name");
    std::string wrong = name.starts_with('-') || name.find('\0') != std::string::npos ? "name" : "";
    const auto set = properties(call, wrong);
    if (!wrong.empty())
        return {.status = proto::StatusCode::invalid_data,
                .message = fmt::format("Cannot validate input {}: Puppet would not take it for what it is", wrong),
                .data = {}};
    if (auto refused = objection(call, places, type, name); !refused.empty()) return aborted(std::move(refused));

    auto words = command_words(call);
    if (words.empty()) return aborted("plugin.puppet.command is empty on this node");
    if (words.back() == "agent") words.pop_back();
    words.insert(words.end(), {"resource", "--color=false", type, name});
    words.insert(words.end(), set.begin(), set.end());
    const auto end = programs.run({.argv = words, .timeout = patience}, std::move(stop));
    if (!end) return aborted(no_program(words, end.error()));
    // It exits with 0 also where it could not do it, and says so.
    const auto printed = end->out + end->err;
    if (!end->ok() || printed.find("Error: ") != std::string::npos)
        return aborted(fmt::format("Puppet could not do it: {}", reason_of(*end)));
    return {.data = {{"result", output_of(*end)}, {"changed", printed.find("Notice: /") != std::string::npos}}};
}

}  // namespace mco::node
