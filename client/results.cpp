#include "client/results.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace mco::client {
namespace {

// Lines of foreign text, each made visible.
std::vector<std::string> visible_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (true) {
        const auto end = text.find('\n');
        lines.push_back(visible(text.substr(0, end)));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    while (lines.size() > 1 && lines.back().empty()) lines.pop_back();  // a command's output ends with a line feed
    return lines;
}

bool is_compound(const proto::Value& value) { return value.list() != nullptr || value.map() != nullptr; }

std::string shown_text(const proto::Value& value) {
    return is_compound(value) ? proto::to_pretty_json(value) : value.to_text();
}

std::string indented(std::string_view text, std::size_t columns) {
    std::string result;
    for (const auto& line : visible_lines(text)) result += std::string(columns, ' ') + line + "\n";
    return result;
}

std::string outputs(const proto::Value& data, const proto::ActionSchema& action) {
    const auto* map = data.map();
    if (map == nullptr) return data.is_null() ? std::string() : indented(shown_text(data), 3);
    struct Row {
        std::string label;
        const proto::Value* value;
    };
    std::vector<Row> rows;
    std::size_t longest = 0;
    for (const auto& [key, value] : *map) {
        const auto* schema = action.find_output(key);
        rows.push_back({visible(schema != nullptr && !schema->display_as.empty() ? schema->display_as : key), &value});
        longest = std::max(longest, width(rows.back().label));
    }
    std::string text;
    for (const auto& row : rows) {
        const auto lines = visible_lines(shown_text(*row.value));
        text += right(row.label, longest + 3) + ": " + lines.front() + "\n";
        for (std::size_t i = 1; i < lines.size(); ++i) text += std::string(longest + 5, ' ') + lines[i] + "\n";
    }
    return text;
}

std::string json_text(std::string_view text) { return visible_json(proto::to_json(proto::Value(text))); }

}  // namespace

std::string_view status_word(proto::StatusCode status) {
    switch (status) {
        case proto::StatusCode::ok:
            return "";
        case proto::StatusCode::aborted:
            return "Request Aborted";
        case proto::StatusCode::unknown_action:
            return "Unknown Action";
        case proto::StatusCode::missing_data:
            return "Missing Request Data";
        case proto::StatusCode::invalid_data:
            return "Invalid Request Data";
        case proto::StatusCode::other:
            return "Unknown Request Status";
    }
    return "Unknown Request Status";
}

bool is_shown(const Reply& reply, proto::DisplayMode mode) {
    switch (mode) {
        case proto::DisplayMode::ok:
            return reply.status == proto::StatusCode::ok;
        case proto::DisplayMode::failed:
            return reply.status != proto::StatusCode::ok;
        case proto::DisplayMode::always:
            return true;
    }
    return true;
}

std::string node_block(const Reply& reply, const proto::ActionSchema& action, const Terminal& terminal) {
    const auto word = status_word(reply.status);
    std::string text = left(visible(reply.node), 40) + " " +
                       (word.empty() ? std::string() : painted(terminal, Paint::red, word)) + "\n";
    if (reply.message != "OK" && !reply.message.empty()) text += indented(reply.message, 3);
    if (reply.status == proto::StatusCode::ok) text += outputs(reply.data, action);
    return text + "\n";
}

std::string raw_block(const Reply& reply) {
    return left(visible(reply.node), 40) + ": " + visible(reply.message) + "\n" +
           indented(proto::to_pretty_json(reply.data), 4) + "\n";
}

JsonForm json_form(const Terminal& terminal) { return terminal.tty ? JsonForm::indented : JsonForm::one_line; }

std::string json_object(std::string_view agent, std::string_view action, const Reply& reply, JsonForm form) {
    const bool pretty = form == JsonForm::indented;
    const std::string_view feed = pretty ? "\n    " : "";
    const std::string_view colon = pretty ? ": " : ":";
    std::string data;
    for (const char character : visible_json(pretty ? proto::to_pretty_json(reply.data) : proto::to_json(reply.data))) {
        data += character;
        if (character == '\n') data += "    ";
    }
    return fmt::format(
        "{{{0}\"agent\"{1}{2},{0}\"action\"{1}{3},{0}\"sender\"{1}{4},{0}\"statuscode\"{1}{5},{0}\"statusmsg\"{1}{6},{"
        "0}"
        "\"data\"{1}{7}{8}}}",
        feed, colon, json_text(agent), json_text(action), json_text(reply.node), static_cast<int>(reply.status),
        json_text(reply.message), data, pretty ? "\n  " : "");
}

std::string join_json(std::span<const std::string> objects, JsonForm form) {
    if (objects.empty()) return "[]\n";
    const bool pretty = form == JsonForm::indented;
    std::string text = "[";
    for (std::size_t i = 0; i < objects.size(); ++i)
        text += (i == 0 ? "" : ",") + std::string(pretty ? "\n  " : "") + objects[i];
    return text + (pretty ? "\n]\n" : "]\n");
}

std::string json_array(std::string_view agent, std::string_view action, std::span<const Reply> replies, JsonForm form) {
    std::vector<std::string> objects;
    objects.reserve(replies.size());
    for (const auto& reply : replies) objects.push_back(json_object(agent, action, reply, form));
    return join_json(objects, form);
}

std::string finished_line(const Gathered& gathered, const Account& account, const Terminal& terminal) {
    const auto colour = account.replies < account.matched() ? Paint::red : Paint::green;
    return fmt::format("Finished processing {} / {} hosts in {:.2f} ms\n",
                       painted(terminal, colour, std::to_string(account.replies)),
                       painted(terminal, colour, std::to_string(account.matched())), milliseconds(gathered.took));
}

std::string statistics(const Gathered& gathered, const Account& account, const Finish& finish,
                       const Terminal& terminal) {
    const auto ok = std::count_if(gathered.replies.begin(), gathered.replies.end(),
                                  [](const Reply& reply) { return reply.status == proto::StatusCode::ok; });
    std::string text = painted(terminal, Paint::yellow, fmt::format("---- {} call stats ----", finish.caption)) + "\n";
    const auto row = [&](std::string_view label, const std::string& value) {
        text += right(label, 16) + ": " + value + "\n";
    };
    row("Nodes", fmt::format("{} / {}", account.matched(), account.replies));
    row("Pass / Fail", fmt::format("{} / {}", ok, account.failures));
    row("Start Time", local_time(gathered.sent.wall));
    // 0 where the request found its nodes itself.
    row("Discovery Time", fmt::format("{:.2f}ms", milliseconds(account.search)));
    row("Agent Time", fmt::format("{:.2f}ms", milliseconds(gathered.took)));
    row("Total Time", fmt::format("{:.2f}ms", milliseconds(finish.total)));
    row("Entry", visible(gathered.entry));
    if (gathered.attempts > 1) row("Attempts", std::to_string(gathered.attempts));
    return text;
}

void sort_by_node(std::vector<Reply>& replies) {
    std::stable_sort(replies.begin(), replies.end(), [](const Reply& a, const Reply& b) { return a.node < b.node; });
}

std::string local_time(proto::WallTime time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    return fmt::format("{:%Y-%m-%d %H:%M:%S %z}", fmt::localtime(static_cast<std::time_t>(seconds)));
}

double milliseconds(proto::Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

}  // namespace mco::client
