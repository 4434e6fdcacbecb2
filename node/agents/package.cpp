#include "node/agents/package.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/md5.hpp"

namespace mco::node {
namespace {

using proto::Value;
using Manager = PackageManager;

void describe(const Manager& manager, const Manager::Package& package, Value::Map& data) {
    data["name"] = package.name;
    data["ensure"] = package.ensure;
    data["epoch"] = package.epoch;
    data["version"] = package.version;
    data["release"] = package.release;
    if (!package.arch.empty()) data["arch"] = package.arch;  // what is not there has none, and no summary counts it
    data["provider"] = manager.name();
}

ActionReply status(const Manager& manager, const Call& call, const std::stop_token& stop) {
    const auto package = manager.status(text_input(call, "package"), stop);
    if (!package) return aborted(package.error().detail);
    ActionReply reply;
    describe(manager, *package, reply.data);
    return reply;
}

// What stands against a change before it is tried; "" if nothing. Saying it is friendlier than doing nothing in silence, and
// it is what MCollective's callers expect.
std::string objection(Manager::Change what, const Manager::Package& now, const std::string& version) {
    switch (what) {
        case Manager::Change::install:
            if (!now.installed() || (!version.empty() && now.ensure != version)) return {};
            return "Package is already installed";
        case Manager::Change::update:
            return now.installed() ? std::string() : "Package is not present on the system";
        case Manager::Change::uninstall:
            return now.installed() ? std::string() : "Package is not present on the system";
        case Manager::Change::purge:
            return now.ensure != "purged" ? std::string() : "Package is not present on the system";
    }
    return {};
}

ActionReply change(const Manager& manager, Manager::Change what, const Call& call, const std::stop_token& stop) {
    const auto name = text_input(call, "package"), version = text_input(call, "version");
    const auto before = manager.status(name, stop);
    if (!before) return aborted(before.error().detail);
    ActionReply reply;
    describe(manager, *before, reply.data);
    if (auto wrong = objection(what, *before, version); !wrong.empty()) {
        reply.status = proto::StatusCode::aborted;
        reply.message = std::move(wrong);
        return reply;
    }
    const auto printed = manager.change(what, name, version, stop);
    if (!printed) {
        reply.status = proto::StatusCode::aborted;
        reply.message = printed.error().detail;
        return reply;
    }
    const auto after = manager.status(name, stop);
    if (after) describe(manager, *after, reply.data);
    reply.data["output"] = *printed;
    return reply;
}

template <Manager::Change What>
ActionReply change(const Manager& manager, const Call& call, const std::stop_token& stop) {
    return change(manager, What, call, stop);
}

ActionReply count(const Manager& manager, const Call&, const std::stop_token& stop) {
    const auto lines = manager.list(stop);
    if (!lines) return aborted(lines.error().detail);
    return {.data = {{"output", std::to_string(lines->size())}, {"exitcode", 0}}};
}

ActionReply md5(const Manager& manager, const Call&, const std::stop_token& stop) {
    const auto lines = manager.list(stop);
    if (!lines) return aborted(lines.error().detail);
    std::string text;
    for (const auto& line : *lines) text += line + "\n";
    return {.data = {{"output", md5_of(text)}, {"exitcode", 0}}};
}

ActionReply refresh(const Manager& manager, const Call&, const std::stop_token& stop) {
    const auto text = manager.refresh(stop);
    if (!text) return aborted(text.error().detail);
    return {.data = {{"output", text->output}, {"exitcode", text->exitcode}}};
}

ActionReply outdated(const Manager& manager, const Call& call, const std::stop_token& stop) {
    const auto found = manager.outdated(stop);
    if (!found) return aborted(found.error().detail);
    Value::List packages;
    for (const auto& one : found->packages) {
        if (packages.size() == Package::outdated_max) break;
        packages.emplace_back(Value::Map{{"package", one.package}, {"version", one.version}, {"repo", one.repo}});
    }
    ActionReply reply{.data = {{"outdated_packages", std::move(packages)},
                               {"output", found->text.output},
                               {"exitcode", found->text.exitcode}}};
    if (call.action == "checkupdates") reply.data["package_manager"] = manager.name();
    if (found->packages.size() > Package::outdated_max)
        reply.message = fmt::format("{} of {} packages are listed", Package::outdated_max, found->packages.size());
    return reply;
}

struct Action {
    std::string_view name;
    Agent::Effect effect;
    std::string_view only_of;  // the manager that has it; "": every one
    ActionReply (*run)(const Manager& manager, const Call& call, const std::stop_token& stop);
};
constexpr auto reads = Agent::Effect::reads, changes = Agent::Effect::changes;
constexpr auto actions = std::to_array<Action>({
    {"install", changes, "", change<Manager::Change::install>},
    {"update", changes, "", change<Manager::Change::update>},
    {"uninstall", changes, "", change<Manager::Change::uninstall>},
    {"purge", changes, "", change<Manager::Change::purge>},
    {"status", reads, "", status},
    {"count", reads, "", count},
    {"md5", reads, "", md5},
    {"checkupdates", reads, "", outdated},
    {"apt_update", changes, "apt", refresh},
    {"apt_checkupdates", reads, "apt", outdated},
    {"yum_clean", changes, "yum", refresh},
    {"yum_checkupdates", reads, "yum", outdated},
});

const Action* find_action(std::string_view name) {
    for (const auto& action : actions) {
        if (action.name == name) return &action;
    }
    return nullptr;
}

}  // namespace

Agent::Effect Package::effect(std::string_view name) const {
    const auto* action = find_action(name);
    return action == nullptr ? Effect::changes : action->effect;
}

ActionReply Package::run(const Call& call, std::stop_token stop) {
    const auto* action = find_action(call.action);
    if (action == nullptr) return unknown_action(call);
    if (!action->only_of.empty() && action->only_of != manager_.name())
        return aborted(fmt::format("this machine has {}, not {}", manager_.name(), action->only_of));
    return action->run(manager_, call, stop);
}

}  // namespace mco::node
