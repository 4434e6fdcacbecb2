#include "node/agents/service.hpp"

#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/agents/settings.hpp"

namespace mco::node {
namespace {

using Manager = ServiceManager;

std::optional<Manager::Change> change_of(std::string_view action) {
    for (const auto change : {Manager::Change::start, Manager::Change::stop, Manager::Change::restart}) {
        if (word(change) == action) return change;
    }
    return std::nullopt;
}

ActionReply refused(std::string_view action, const std::string& service, std::string_view why,
                    std::optional<Manager::State> state) {
    auto reply = aborted(fmt::format("Could not {} '{}': {}", action, service, why));
    if (state) reply.data.emplace("status", word(*state));
    return reply;
}

}  // namespace

const ServiceManager& choose_manager(const Call& call, const Service::Managers& managers) {
    const auto provider = agent_setting(call, "plugin.service.provider");
    if (provider == "systemd") return managers.systemd;
    if (provider == "init") return managers.init;
    return managers.systemd_runs() ? managers.systemd : managers.init;
}

ActionReply Service::run(const Call& call, std::stop_token stop) {
    const auto change = change_of(call.action);
    if (call.action != "status" && !change) return unknown_action(call);
    const auto& manager = choose_manager(call, managers_);
    const auto service = text_input(call, "service");
    const auto before = manager.state(service, stop);
    if (!before) return refused(call.action, service, before.error().detail, std::nullopt);
    if (!change) return {.data = {{"status", word(*before)}}};
    if (*change == Manager::Change::start && *before == Manager::State::running)
        return refused(call.action, service, "it is running already", before.value());
    if (*change == Manager::Change::stop && *before == Manager::State::stopped)
        return refused(call.action, service, "it is stopped already", before.value());
    const auto changed = manager.change(*change, service, stop);
    const auto after = manager.state(service, stop);
    if (!changed)
        return refused(call.action, service, changed.error().detail, after ? std::optional(*after) : std::nullopt);
    if (!after) return refused(call.action, service, after.error().detail, std::nullopt);
    return {.data = {{"status", word(*after)}}};
}

}  // namespace mco::node
