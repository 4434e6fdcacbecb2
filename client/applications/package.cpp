#include <array>

#include <fmt/format.h>

#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"

namespace mco::client::applications {
namespace {

constexpr auto with_name = std::to_array<std::string_view>({"install", "uninstall", "purge", "update", "status"});
constexpr auto without_name = std::to_array<std::string_view>({"count", "md5", "checkupdates", "apt_update",
                                                               "apt_checkupdates", "yum_clean", "yum_checkupdates"});
constexpr std::array own_options{
    Option{"yes,y", "", Section::application, "Ask nothing, even if every node is meant"},
    Option{"version", "VERSION", Section::application, "Which version to install"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

// "rsync-3.2.7-1.amd64"; what was never there and what was removed are both absent.
std::string state_of(const Reply& reply) {
    const auto ensure = text_of(reply, "ensure");
    if (ensure == "absent" || ensure == "purged") return "absent";
    return fmt::format("{}-{}.{}", text_of(reply, "name"), ensure, text_of(reply, "arch"));
}

std::string lines_of(const Reply& reply, std::string_view action, std::size_t longest) {
    if (reply.status != proto::StatusCode::ok) return named_line(reply, longest, reply.message);
    if (action == "status") return named_line(reply, longest, state_of(reply));
    if (action == "count" || action == "md5") return named_line(reply, longest, text_of(reply, "output"));
    std::string text;
    const auto* outdated = reply.data.find("outdated_packages");
    const auto* list = outdated == nullptr ? nullptr : outdated->list();
    for (const auto& one : list == nullptr ? proto::Value::List() : *list) {
        const auto field = [&](std::string_view name) {
            const auto* value = one.find(name);
            return value == nullptr ? std::string() : value->to_text();
        };
        text += named_line(reply, longest, fmt::format("{} {} {}", field("package"), field("version"), field("repo")));
    }
    return text;
}

proto::Result<ExitStatus> run(Context& context) {
    const auto words = read_name_action(context.options.words(), with_name, without_name);
    if (!words) return tl::unexpected(words.error());
    std::map<std::string, std::string> arguments;
    if (!words->name.empty()) arguments.emplace("package", words->name);
    if (const auto version = context.options.value("version")) {
        if (words->action != "install") return proto::fail(proto::Errc::invalid, "--version is for install only");
        arguments.emplace("version", *version);
    }
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const bool harmless = words->action == "status" || words->action == "count" || words->action == "md5";
    if (!harmless && is_unfiltered(context.options) && !context.options.has("yes") &&
        !confirm(context, "Do you really want to operate on packages unfiltered?"))
        return ExitStatus::unusable;
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        const auto& replies = call.gathered.replies;
        for (const auto& reply : replies) text += lines_of(reply, words->action, longest_name(replies));
        return text;
    };
    return call_and_show(context, **session,
                         {.agent = "package", .action = words->action, .arguments = std::move(arguments)},
                         {.lines = lines, .caption = words->action + " Package results"});
}

}  // namespace

const Command package{
    "package",
    "Install, uninstall, update, purge and perform other actions on packages",
    "[options] [filters] ACTION PACKAGE\n"
    "[options] [filters] count | md5 | checkupdates | apt_update | apt_checkupdates | yum_clean | yum_checkupdates",
    "mco package status rsync\n"
    "mco package install rsync --version 3.2.7-1 -C backend\n"
    "mco package checkupdates -F country=uk",
    declare,
    run,
};

}  // namespace mco::client::applications
