#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "client/words.hpp"

namespace mco::client::applications {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;

constexpr auto actions = std::to_array<std::string_view>({"run", "start", "watch", "kill", "list"});
constexpr std::array own_options{
    Option{"tail", "", Section::application, "With run: start it, and show its output as it comes"},
    Option{"user,u", "USER", Section::application, "With run and start: who to run it as"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

// Each line of what a node printed, made visible.
std::string lines_of(std::string_view text, std::string_view before) {
    std::string lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines += fmt::format("{}{}\n", before, visible(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string result_of(const Reply& reply) {
    std::string text = visible(reply.node) + ":\n" + lines_of(text_of(reply, "stdout"), "");
    if (const auto err = text_of(reply, "stderr"); !err.empty()) text += "    STDERR:\n" + lines_of(err, "    ");
    if (reply.status != proto::StatusCode::ok) text += on_one_line(reply.message) + "\n";
    if (const auto code = text_of(reply, "exitcode"); code != "0" && !code.empty())
        text += fmt::format("exitcode: {}\n", visible(code));
    return text + "\n";
}

std::string jobs_of(const Reply& reply, bool verbose) {
    const auto* jobs = reply.data.find("jobs");
    if (jobs == nullptr || jobs->map() == nullptr || jobs->map()->empty()) return {};
    std::string text = visible(reply.node) + ":\n";
    for (const auto& [handle, job] : *jobs->map()) {
        text += fmt::format("    {}\n", visible(handle));
        if (!verbose) continue;
        const auto field = [&job = job](std::string_view name) {
            const auto* value = job.find(name);
            return value == nullptr ? std::string() : visible(value->to_text());
        };
        text += fmt::format("        command: {}\n        status:  {}\n\n", field("command"), field("status"));
    }
    return text;
}

// ------------------------------------------------------------------ watching

struct Watched {
    std::string node, handle;
    std::int64_t out = 0, err = 0;      // offsets
    std::string out_rest, err_rest;     // a line that is not whole yet
};

// Prints the whole lines of what is new, and keeps the rest.
void print_lines(Context& context, const Watched& job, std::string_view stream, std::string& rest, std::string fresh) {
    rest += fresh;
    const auto end = rest.rfind('\n');
    if (end == std::string::npos) return;
    context.out() << lines_of(rest.substr(0, end + 1), fmt::format("{} {}: ", visible(job.node), stream));
    rest.erase(0, end + 1);
}

Result<bool> look(Context& context, Session& session, Watched& job) {
    auto target = session.target_node(job.node, "shell");
    if (!target) return tl::unexpected(target.error());
    const auto call = call_agent(context, session,
                                 {.agent = "shell",
                                  .action = "status",
                                  .arguments = {{"handle", job.handle},
                                                {"stdout_offset", std::to_string(job.out)},
                                                {"stderr_offset", std::to_string(job.err)}},
                                  .target = std::move(*target)});
    if (!call) return tl::unexpected(call.error());
    if (call->gathered.interrupted) return true;
    if (call->gathered.replies.empty() || call->gathered.replies[0].status != proto::StatusCode::ok) {
        context.err() << fmt::format("{}: {}\n", visible(job.node),
                                     call->gathered.replies.empty() ? std::string("no answer")
                                                                    : on_one_line(call->gathered.replies[0].message));
        return false;
    }
    const auto& reply = call->gathered.replies[0];
    const auto offset = [&](std::string_view name, std::int64_t old) {
        const auto* value = reply.data.find(name);
        const auto* number = value == nullptr ? nullptr : value->integer();
        return number == nullptr ? old : *number;
    };
    const auto out = text_of(reply, "stdout"), err = text_of(reply, "stderr");
    job.out = offset("stdout_offset", job.out);
    job.err = offset("stderr_offset", job.err);
    print_lines(context, job, "stdout", job.out_rest, out);
    print_lines(context, job, "stderr", job.err_rest, err);
    const auto status = text_of(reply, "status");
    const bool ended = (status == "stopped" || status == "failed") && out.empty() && err.empty();
    if (ended && !job.out_rest.empty()) print_lines(context, job, "stdout", job.out_rest, "\n");
    if (ended && !job.err_rest.empty()) print_lines(context, job, "stderr", job.err_rest, "\n");
    context.out() << std::flush;
    return !ended;
}

Result<void> kill_all(Context& context, Session& session, const std::vector<Watched>& jobs) {
    for (const auto& job : jobs) {
        auto target = session.target_node(job.node, "shell");
        if (!target) return tl::unexpected(target.error());
        context.err() << fmt::format("Sending kill to {} {}\n", visible(job.node), visible(job.handle));
        const auto call = call_agent(
            context, session,
            {.agent = "shell", .action = "kill", .arguments = {{"handle", job.handle}}, .target = std::move(*target)});
        if (!call) return tl::unexpected(call.error());
    }
    return {};
}

// Until all have ended. Ctrl-C: ends them if they are ours, and a second one ends us; one that only watches ends at once.
enum class Ours { yes, no };
Result<ExitStatus> watch(Context& context, Session& session, std::vector<Watched> jobs, Ours ours) {
    constexpr auto between = std::chrono::seconds(1);
    bool told = false;
    while (!jobs.empty()) {
        for (std::size_t i = 0; i < jobs.size();) {
            const auto goes_on = look(context, session, jobs[i]);
            if (!goes_on) return tl::unexpected(goes_on.error());
            if (*goes_on) {
                ++i;
            } else {
                jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
        if (jobs.empty() || session.pause(between)) continue;
        if (ours == Ours::no || told) return ExitStatus::unusable;
        told = true;
        context.err() << "Ending the commands; Ctrl-C again to leave them and quit\n";
        if (auto killed = kill_all(context, session, jobs); !killed) return tl::unexpected(killed.error());
    }
    return ExitStatus::ok;
}

// ------------------------------------------------------------------ the commands

Wanted wanted(const Context& context, const std::string& action, const std::string& command) {
    Wanted wanted{.agent = "shell", .action = action, .arguments = {}};
    if (!command.empty()) wanted.arguments.emplace("command", command);
    if (const auto user = context.options.value("user")) wanted.arguments.emplace("user", *user);
    return wanted;
}

// What the command made of it is a result.
Result<ExitStatus> as_result(Result<ExitStatus> status) {
    return status && *status == ExitStatus::failed ? ExitStatus::ok : status;
}

Result<ExitStatus> run_and_tail(Context& context, Session& session, const std::string& command) {
    if (auto good = own_layout_only(context.options, "run --tail"); !good) return tl::unexpected(good.error());
    const auto call = call_agent(context, session, wanted(context, "start", command));
    if (!call) return tl::unexpected(call.error());
    std::vector<Watched> jobs;
    for (const auto& reply : call->gathered.replies) {
        if (reply.status == proto::StatusCode::ok) jobs.push_back({.node = reply.node, .handle = text_of(reply, "handle")});
    }
    const auto status = finish(context, session, *call, "Started command: " + command, Summaries::none);
    return jobs.empty() ? as_result(status) : watch(context, session, std::move(jobs), Ours::yes);
}

Result<ExitStatus> run_command(Context& context, Session& session, const std::string& action,
                               const std::string& command) {
    if (action == "run" && context.options.has("tail")) return run_and_tail(context, session, command);
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        for (const auto& reply : call.gathered.replies) {
            const bool ok = reply.status == proto::StatusCode::ok;
            text += action == "run" ? result_of(reply)
                                    : fmt::format("{}: {}\n", visible(reply.node),
                                                  ok ? visible(text_of(reply, "handle"))
                                                     : "ERROR: " + on_one_line(reply.message));
        }
        return text;
    };
    return as_result(call_and_show(context, session, wanted(context, action, command),
                                   {.lines = lines,
                                    .caption = (action == "run" ? "Command: " : "Started command: ") + command,
                                    .summaries = Summaries::none}));
}

Result<ExitStatus> list(Context& context, Session& session) {
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        for (const auto& reply : call.gathered.replies) text += jobs_of(reply, context.verbose());
        return text;
    };
    return as_result(call_and_show(context, session, wanted(context, "list", {}),
                                   {.lines = lines, .caption = "Command list", .summaries = Summaries::none}));
}

// The jobs with these handles, wherever they are.
Result<ExitStatus> with_handles(Context& context, Session& session, const std::string& action,
                                const std::vector<std::string>& handles) {
    if (auto good = own_layout_only(context.options, action); !good) return tl::unexpected(good.error());
    const auto call = call_agent(context, session, wanted(context, "list", {}));
    if (!call) return tl::unexpected(call.error());
    std::vector<Watched> jobs;
    for (const auto& reply : call->gathered.replies) {
        const auto* known = reply.data.find("jobs");
        for (const auto& handle : handles) {
            if (known != nullptr && known->find(handle) != nullptr) jobs.push_back({.node = reply.node, .handle = handle});
        }
    }
    if (jobs.empty()) return fail(Errc::not_found, fmt::format("no node knows {}", fmt::join(handles, ", ")));
    if (action == "watch") return watch(context, session, std::move(jobs), Ours::no);
    if (auto killed = kill_all(context, session, jobs); !killed) return tl::unexpected(killed.error());
    return ExitStatus::ok;
}

Result<ExitStatus> run(Context& context) {
    auto words = context.options.words();
    const std::string action = words.empty() ? "" : words[0];
    if (!words.empty()) words.erase(words.begin());
    const bool starts = action == "run" || action == "start", handles = action == "watch" || action == "kill";
    if (!starts && !handles && action != "list")
        return fail(Errc::invalid, not_known(context.options.words(), actions) + "takes run COMMAND, start COMMAND, watch HANDLE, kill HANDLE or list");
    if (action == "list" ? !words.empty() : words.empty())
        return fail(Errc::invalid, fmt::format("{} takes {}", action, starts ? "a command" : handles ? "handles" : "nothing"));
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    if (starts) return run_command(context, **session, action, fmt::format("{}", fmt::join(words, " ")));
    return handles ? with_handles(context, **session, action, words) : list(context, **session);
}

}  // namespace

const Command shell{
    "shell",
    "Run shell commands",
    "[options] [filters] run [--tail] COMMAND\n"
    "[options] [filters] start COMMAND\n"
    "[options] [filters] watch HANDLE ... | kill HANDLE ... | list",
    "mco shell run uptime -C webserver\n"
    "mco shell run --tail -I web1 -- tail -n 3 -f /var/log/syslog\n"
    "mco shell list -v",
    declare,
    run,
};

}  // namespace mco::client::applications
