#include "node/agents/shell.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "node/agents/inputs.hpp"
#include "node/agents/settings.hpp"
#include "node/agents/shell_jobs.hpp"

namespace mco::node {
namespace {

using proto::Errc;
using proto::fail;
using proto::Value;

// The user that the caller named; nothing if none was. Only root can be somebody else.
proto::Result<std::optional<ChildProcess::User>> user_of(const Call& call) {
    const auto name = text_input(call, "user");
    if (name.empty()) return std::nullopt;
    std::array<char, 16 * 1024> room{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
        return fail(Errc::not_found, fmt::format("there is no user {} on this machine", name));
    if (found->pw_uid == ::geteuid()) return std::nullopt;
    if (::geteuid() != 0)
        return fail(Errc::denied, fmt::format("the daemon is not root, so it cannot run anything as {}", name));
    return ChildProcess::User{.uid = found->pw_uid, .gid = found->pw_gid};
}

ActionReply run_command(const Call& call, const Programs& programs, const std::stop_token& stop) {
    constexpr double most_s = 170;  // below the DDL's timeout, so that the caller is told
    const auto user = user_of(call);
    if (!user) return aborted(user.error().detail);
    const auto timeout = number_input(call, "timeout").value_or(most_s);
    if (!(timeout > 0))
        return {.status = proto::StatusCode::invalid_data, .message = "timeout must be above 0 seconds", .data = {}};
    auto child = programs.child({.argv = {"/bin/sh", "-c", text_input(call, "command")},
                                 .output_max = ShellJobs::chunk_max});
    child.run_as = *user;
    child.timeout = std::chrono::duration_cast<proto::Duration>(
        std::chrono::duration<double>(std::min(timeout, most_s)));
    const auto end = run_process(child, stop);
    if (!end) return aborted(end.error().detail);
    const int exitcode = end->why == ProcessEnd::Why::exited ? end->code : 128 + end->code;
    ActionReply reply{.data = {{"stdout", end->out},
                               {"stderr", end->err},
                               {"success", end->ok()},
                               {"exitcode", exitcode}}};
    if (end->why == ProcessEnd::Why::timed_out || end->why == ProcessEnd::Why::stopped) {
        reply.status = proto::StatusCode::aborted;
        reply.message = fmt::format("it did not end within {:g} seconds and was stopped", std::min(timeout, most_s));
    } else if (end->out_truncated || end->err_truncated) {
        reply.message = fmt::format("it printed more than the {} octets that are kept", child.output_max);
    }
    return reply;
}

ActionReply start(const Call& call, const Programs& programs, const ShellJobs& jobs, const std::stop_token& stop) {
    const auto user = user_of(call);
    if (!user) return aborted(user.error().detail);
    const auto handle = jobs.start(programs, text_input(call, "command"), *user, stop);
    if (!handle) return aborted(handle.error().detail);
    return {.data = {{"handle", *handle}}};
}

ActionReply status(const Call& call, const ShellJobs& jobs) {
    const auto job = jobs.find(text_input(call, "handle"));
    if (!job) return aborted(job.error().detail);
    const auto out = jobs.output(*job, "stdout", integer_input(call, "stdout_offset").value_or(0));
    const auto err = jobs.output(*job, "stderr", integer_input(call, "stderr_offset").value_or(0));
    return {.data = {{"status", word(job->state)},
                     {"stdout", out.text},
                     {"stderr", err.text},
                     {"stdout_offset", out.next},
                     {"stderr_offset", err.next},
                     {"exitcode", job->exitcode ? Value(*job->exitcode) : Value()}}};
}

ActionReply list(const ShellJobs& jobs) {
    constexpr std::size_t shown_max = 1'024;  // octets of one command
    Value::Map all;
    for (const auto& job : jobs.list()) {
        const bool by_signal = job.exitcode && *job.exitcode > 128;
        all.emplace(job.handle, Value::Map{{"id", job.handle},
                                           {"command", job.command.substr(0, shown_max)},
                                           {"status", word(job.state)},
                                           {"signal", by_signal ? Value(*job.exitcode - 128) : Value()}});
    }
    return {.data = {{"jobs", std::move(all)}}};
}

ActionReply end_job(const Call& call, const ShellJobs& jobs) {
    const auto job = jobs.find(text_input(call, "handle"));
    if (!job) return aborted(job.error().detail);
    const auto ended = jobs.kill(*job);
    return ended ? ActionReply{} : aborted(ended.error().detail);
}

}  // namespace

ActionReply Shell::run(const Call& call, std::stop_token stop) {
    const ShellJobs jobs(agent_setting(call, "plugin.shell.state_directory"));
    if (call.action == "run") return run_command(call, programs_, stop);
    if (call.action == "start") return start(call, programs_, jobs, stop);
    if (call.action == "status") return status(call, jobs);
    if (call.action == "list") return list(jobs);
    if (call.action == "kill") return end_job(call, jobs);
    return unknown_action(call);
}

}  // namespace mco::node
