#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "client/agent_aggregates.hpp"
#include "client/applications/agent_call.hpp"
#include "client/applications/applications.hpp"
#include "proto/config_file.hpp"

namespace mco::client::applications {
namespace {

constexpr std::array own_options{
    Option{"zombies,z", "", Section::application, "Only processes that ended and were not waited for"},
    Option{"user,u", "USER", Section::application, "Only processes of this user"},
    Option{"fields", "FIELDS", Section::application, "','-separated: pid, user, vsz, command, tty, rss, state"},
    Option{"silent", "", Section::application, "Only the summary"},
};

void declare(OptionSet& options) { declare_agent_options(options, own_options); }

// A column of the table: how it is called, which output it shows, and how.
struct Column {
    std::string_view field, title, output;
    enum class Kind : std::uint8_t { number, user, octets, kibioctets, command, text } kind;
};
constexpr auto columns = std::to_array<Column>({
    {"pid", "PID", "pid", Column::Kind::number},
    {"user", "USER", "username", Column::Kind::user},
    {"vsz", "VSZ", "vsize", Column::Kind::octets},
    {"command", "COMMAND", "cmdline", Column::Kind::command},
    {"tty", "TTY", "tty_nr", Column::Kind::number},
    {"rss", "RSS", "rss", Column::Kind::kibioctets},
    {"state", "STATE", "state", Column::Kind::text},
});

proto::Result<std::vector<const Column*>> read_fields(std::string_view text) {
    std::vector<const Column*> chosen;
    for (const auto& field : proto::parse_list(text)) {
        const auto found = std::find_if(columns.begin(), columns.end(),
                                        [&](const Column& column) { return column.field == field; });
        if (found == columns.end())
            return proto::fail(proto::Errc::invalid,
                               fmt::format("'{}' is no field; there are pid, user, vsz, command, tty, rss and state",
                                           field));
        chosen.push_back(&*found);
    }
    if (chosen.empty()) return proto::fail(proto::Errc::invalid, "--fields needs at least one field");
    return chosen;
}

std::string cut(const std::string& text, std::size_t most) {
    if (width(text) <= most) return text;
    std::size_t octets = 0, characters = 0;
    while (octets < text.size() && characters < most) {
        ++octets;
        while (octets < text.size() && (static_cast<unsigned char>(text[octets]) & 0xC0U) == 0x80U) ++octets;
        ++characters;
    }
    return text.substr(0, octets);
}

std::string cell(const Column& column, const proto::Value& process) {
    constexpr std::size_t user_max = 10, command_max = 60;
    const auto* value = process.find(column.output);
    const auto text = value == nullptr ? std::string() : visible(value->to_text());
    const auto* number = value == nullptr ? nullptr : value->integer();
    switch (column.kind) {
        case Column::Kind::user:
            return cut(text, user_max);
        case Column::Kind::octets:
            return human_size(number == nullptr ? 0 : static_cast<double>(*number));
        case Column::Kind::kibioctets:
            return human_size(number == nullptr ? 0 : static_cast<double>(*number) * 1024);
        case Column::Kind::command: {
            const auto* state = process.find("state");
            const bool zombie = state != nullptr && state->to_text() == "Z";
            return cut(zombie && !text.starts_with('[') ? "[" + text + "]" : text, command_max);
        }
        case Column::Kind::number:
        case Column::Kind::text:
            break;
    }
    return text;
}

std::string table(const proto::Value::List& processes, const std::vector<const Column*>& chosen) {
    std::vector<std::vector<std::string>> rows(1);
    for (const auto* column : chosen) rows[0].emplace_back(column->title);
    for (const auto& process : processes) {
        auto& row = rows.emplace_back();
        for (const auto* column : chosen) row.push_back(cell(*column, process));
    }
    std::vector<std::size_t> widths(chosen.size(), 0);
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    for (const auto& row : rows) {
        text += "     ";
        for (std::size_t i = 0; i < row.size(); ++i)
            text += i + 1 == row.size() ? row[i] : left(row[i], widths[i] + 4);
        text += "\n";
    }
    return text;
}

proto::Result<std::map<std::string, std::string>> read_arguments(const Options& options) {
    auto words = options.words();
    if (!words.empty() && words[0] == "list") words.erase(words.begin());
    if (words.size() > 1) return proto::fail(proto::Errc::invalid, "takes 'list' and at most one pattern");
    std::map<std::string, std::string> arguments;
    if (!words.empty()) arguments.emplace("pattern", words[0]);
    if (options.has("zombies")) arguments.emplace("just_zombies", "true");
    if (const auto user = options.value("user")) arguments.emplace("user", *user);
    return arguments;
}

proto::Result<ExitStatus> run(Context& context) {
    auto arguments = read_arguments(context.options);
    if (!arguments) return tl::unexpected(arguments.error());
    auto session = Session::open(context);
    if (!session) return tl::unexpected(session.error());
    const auto chosen =
        read_fields(context.options.value("fields").value_or((*session)->config().process_fields));
    if (!chosen) return tl::unexpected(chosen.error());
    const auto lines = [&](const AgentCall& call) {
        std::string text;
        for (const auto& reply : call.gathered.replies) {
            if (context.options.has("silent")) break;
            const auto* list = reply.data.find("pslist");
            if (reply.status != proto::StatusCode::ok) {
                text += fmt::format("   {}\n\n     {}\n\n", visible(reply.node), on_one_line(reply.message));
            } else if (list != nullptr && list->list() != nullptr && !list->list()->empty()) {
                text += fmt::format("   {}\n\n{}\n", visible(reply.node), table(*list->list(), *chosen));
            }
        }
        return text;
    };
    return call_and_show(context, **session, {.agent = "process", .action = "list", .arguments = std::move(*arguments)},
                         {.lines = lines, .caption = "process#list"});
}

}  // namespace

const Command process{
    "process",
    "Distributed Process Management",
    "[options] [filters] list [PATTERN]",
    "mco process list redis-server\n"
    "mco process list -z --silent\n"
    "mco process list java -u tomcat --fields=pid,rss,command",
    declare,
    run,
};

}  // namespace mco::client::applications
