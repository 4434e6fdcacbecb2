#include "node/external/external_agent.hpp"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "node/external/exchange.hpp"
#include "proto/command.hpp"
#include "proto/limits.hpp"

namespace mco::node::external {
namespace {

using namespace std::chrono_literals;

constexpr auto activation_timeout = 2s;
constexpr std::size_t reply_size_max = proto::limits::frame_size_max;

ActionReply failure(proto::StatusCode status, std::string message) {
    return {.status = status, .message = std::move(message), .data = {}};
}
ActionReply aborted(std::string message) { return failure(proto::StatusCode::aborted, std::move(message)); }

// The files' folder of a kept program, and which facts it has seen. Touched by its thread only.
struct KeptFiles {
    std::optional<CallFiles> files;
    std::shared_ptr<const NodeView> view;
};

}  // namespace

ExternalAgent::ExternalAgent(Parts parts) : parts_(std::move(parts)), who_(fmt::format("agent {}", parts_.schema->name)) {
    if (parts_.schema->persistent && !parts_.program.empty()) keep_running();
}

ChildProcess ExternalAgent::child() const {
    std::error_code error;
    const auto temporary = std::filesystem::temp_directory_path(error);
    return {.argv = {parts_.program.string()},
            .environment = {{"PATH", parts_.search_path}},
            .folder = error ? "/" : temporary.string(),
            .run_as = parts_.run_as};
}

ActionReply ExternalAgent::run(const Call& call, std::stop_token stop) {
    const auto* action = parts_.schema->find_action(call.action);
    if (action == nullptr)
        return failure(proto::StatusCode::unknown_action,
                       fmt::format("Unknown action '{}' for agent '{}'", call.action, parts_.schema->name));
    if (action->command) return run_command(call, *action, std::move(stop));
    return kept_ ? ask(call, std::move(stop)) : run_once(call, std::move(stop));
}

proto::Result<ProcessEnd> ExternalAgent::exchange(const CallFiles& files, std::string_view protocol,
                                                  proto::Duration timeout, std::stop_token stop) const {
    auto program = child();
    const auto request = files.path("request.json").string(), reply = files.path("reply.json").string();
    program.argv = {parts_.program.string(), request, reply, std::string(rpc_protocol)};
    program.environment.insert({{"CHORIA_EXTERNAL_REQUEST", request},
                                {"CHORIA_EXTERNAL_REPLY", reply},
                                {"CHORIA_EXTERNAL_PROTOCOL", std::string(protocol)},
                                {"CHORIA_EXTERNAL_CONFIG", parts_.config.string()},
                                {"CHORIA_EXTERNAL_FACTS", files.path("facts.json").string()}});
    program.timeout = timeout;
    auto end = run_process(program, std::move(stop));
    if (!end) return proto::fail(proto::Errc::expired, end.error().detail);
    parts_.lines->say_all(LogLevel::info, who_, end->out);
    parts_.lines->say_all(LogLevel::error, who_, end->err);
    if (!end->ok())
        return proto::fail(end->why == ProcessEnd::Why::timed_out ? proto::Errc::expired : proto::Errc::internal,
                           fmt::format("{}: {} {}", who_, parts_.program.string(), describe(program, *end)));
    return end;
}

ExternalAgent::Wish ExternalAgent::activates(std::stop_token stop) const {
    if (parts_.program.empty() || kept_) return Wish::active;
    const auto inactive = [&](std::string_view why, Wish wish) {
        parts_.lines->say(LogLevel::warn, fmt::format("{} is not active: {}", who_, why));
        return wish;
    };
    auto files = CallFiles::make(parts_.run_as);
    if (!files) return inactive(files.error().detail, Wish::late);
    for (const auto& [name, text] : {std::pair{"request.json", activation_request(parts_.schema->name)},
                                     std::pair{"reply.json", std::string()}, std::pair{"facts.json", std::string()}}) {
        if (auto written = files->write(name, text); !written) return inactive(written.error().detail, Wish::late);
    }
    const auto end = exchange(*files, activation_protocol, activation_timeout, std::move(stop));
    if (!end) return inactive(end.error().detail, end.error().code == proto::Errc::expired ? Wish::late : Wish::inactive);
    const auto answer = files->read("reply.json", reply_size_max);
    if (!answer) return inactive(fmt::format("its answer {}", answer.error().detail), Wish::inactive);
    if (wants_activation(*answer)) return Wish::active;
    parts_.lines->say(LogLevel::info, fmt::format("{} does not want to be active here", who_));
    return Wish::inactive;
}

ActionReply ExternalAgent::run_once(const Call& call, std::stop_token stop) const {
    auto files = CallFiles::make(parts_.run_as);
    if (!files) return failure(proto::StatusCode::other, files.error().detail);
    for (const auto& [name, text] :
         {std::pair{"request.json", rpc_request(call)}, std::pair{"reply.json", std::string()},
          std::pair{"facts.json", proto::to_json(call.node->traits.facts)}}) {
        if (auto written = files->write(name, text); !written)
            return failure(proto::StatusCode::other, written.error().detail);
    }
    const auto end = exchange(*files, rpc_protocol, parts_.schema->timeout + beyond_timeout, std::move(stop));
    if (!end) return aborted(end.error().detail);
    const auto unreadable = [&](const proto::Error& error) {
        return aborted(fmt::format("{}: {} exited with status 0, but its reply {}", who_, parts_.program.string(),
                                   error.detail));
    };
    const auto json = files->read("reply.json", reply_size_max);
    if (!json) return unreadable(json.error());
    auto reply = parse_reply(*json);
    return reply ? std::move(*reply) : unreadable(reply.error());
}

ActionReply ExternalAgent::run_command(const Call& call, const proto::ActionSchema& action, std::stop_token stop) const {
    const auto& command = *action.command;
    auto words = proto::command_words(command, call.arguments);
    if (!words) return failure(proto::StatusCode::invalid_data, words.error().detail);
    auto program = child();
    program.argv = std::move(*words);
    program.timeout = parts_.schema->timeout + beyond_timeout;
    const auto end = run_process(program, std::move(stop));
    if (!end) return aborted(fmt::format("{}: {}", who_, end.error().detail));

    ActionReply reply;
    auto outputs = proto::read_command_output(action, end->out);
    if (outputs) reply.data = std::move(*outputs);
    if (action.find_output("exitcode") != nullptr && end->why == ProcessEnd::Why::exited)
        reply.data.insert_or_assign("exitcode", end->code);
    if (action.find_output("stderr") != nullptr) {
        reply.data.insert_or_assign("stderr", end->err);
    } else {
        parts_.lines->say_all(LogLevel::error, who_, end->err);
    }
    std::string wrong;
    if (!end->ok()) {
        wrong = describe(program, *end);
    } else if (end->out_truncated) {
        wrong = fmt::format("printed more than {} octets, of which the first were read", program.output_max);
    } else if (!outputs) {
        wrong = fmt::format("exited with status 0, but {}", outputs.error().detail);
    }
    if (wrong.empty()) return reply;
    reply.status = proto::StatusCode::aborted;
    reply.message = fmt::format("{}: {} {}", who_, command.argv.front(), wrong);
    return reply;
}

// Its environment lacks the files of a call; facts are in one file that is replaced when they change.
void ExternalAgent::keep_running() {
    auto files = CallFiles::make(parts_.run_as);
    auto program = child();
    program.environment.insert({{"CHORIA_EXTERNAL_PROTOCOL", std::string(rpc_protocol)},
                                {"CHORIA_EXTERNAL_CONFIG", parts_.config.string()},
                                {"CHORIA_EXTERNAL_FACTS", files ? files->path("facts.json").string() : "/dev/null"}});
    auto kept = std::make_shared<KeptFiles>();
    if (files) kept->files.emplace(std::move(*files));
    const auto prepare = [kept](const std::shared_ptr<const void>& context) -> proto::Result<void> {
        auto view = std::static_pointer_cast<const NodeView>(context);
        if (!kept->files || view == kept->view) return {};
        const bool same = kept->view != nullptr && kept->view->traits.facts == view->traits.facts;
        kept->view = view;
        return same ? proto::Result<void>() : kept->files->write("facts.json", proto::to_json(view->traits.facts));
    };
    kept_ = std::make_unique<PersistentProgram>(PersistentProgram::Program{who_, std::move(program), prepare}, parts_.lines);
}

ActionReply ExternalAgent::ask(const Call& call, std::stop_token stop) {
    const auto answer = kept_->ask({.id = call.request.hex(),
                                    .line = rpc_request(call),
                                    .limit = parts_.schema->timeout + beyond_timeout,
                                    .context = call.node},
                                   std::move(stop));
    if (!answer)
        return failure(answer.error().code == proto::Errc::overloaded ? proto::StatusCode::other : proto::StatusCode::aborted,
                       answer.error().detail);
    auto reply = read_reply(*answer);
    return reply ? std::move(*reply) : aborted(fmt::format("{}: its answer {}", who_, reply.error().detail));
}

}  // namespace mco::node::external
