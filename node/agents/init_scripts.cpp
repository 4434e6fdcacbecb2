#include "node/agents/init_scripts.hpp"

#include <unistd.h>

#include <fmt/format.h>

namespace mco::node {

using proto::Errc;
using proto::fail;
using proto::Result;

Result<ProcessEnd> InitScripts::run(const std::string& service, std::string_view action, std::stop_token stop) const {
    const auto script = folder_ / service;
    if (service.find('/') != std::string::npos || service.starts_with('.') || ::access(script.c_str(), X_OK) != 0)
        return fail(Errc::not_found, fmt::format("there is no service {} on this machine (no script {}, and systemd "
                                                 "does not run)",
                                                 service, script.string()));
    return programs_.run({.argv = {script.string(), std::string(action)}}, std::move(stop));
}

Result<ServiceManager::State> InitScripts::state(const std::string& service, std::stop_token stop) const {
    const auto end = run(service, "status", std::move(stop));
    if (!end) return tl::unexpected(end.error());
    if (end->ok()) return State::running;
    const bool says_stopped = end->why == ProcessEnd::Why::exited && end->code >= 1 && end->code <= 3;
    if (says_stopped) return State::stopped;
    return fail(Errc::invalid, fmt::format("{} status: {}", service, reason_of(*end)));
}

Result<void> InitScripts::change(Change what, const std::string& service, std::stop_token stop) const {
    const auto end = run(service, word(what), std::move(stop));
    if (!end) return tl::unexpected(end.error());
    if (end->ok()) return {};
    return fail(Errc::invalid, fmt::format("{} {}: {}", service, word(what), reason_of(*end)));
}

}  // namespace mco::node
