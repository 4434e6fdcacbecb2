// The chapter of `compare` lines: mco beside other programs, a table and two drawings for each run and size.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/report_chapter.hpp"

namespace mco::bench {
namespace {

using proto::Value;

bool skipped(const Value& line) { return line.find("skipped") != nullptr; }

std::string_view check(const Value& line) {
    if (text_of(line, "peer").empty() || number_of(line, "nodes") < 1) return "a comparison without its peer and nodes";
    const bool timed = !numbers_of(line, "wall_ms").empty() || !numbers_of(line, "last_ms").empty();
    return timed || skipped(line) ? "" : "a comparison without its times";
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

std::string text(double value) { return value < 10 ? fmt::format("{:.2f}", value) : value < 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value); }

std::string spread(const std::vector<double>& values) {
    if (values.empty()) return "-";
    return fmt::format("{} [{}..{}]", text(median(values)), text(*std::min_element(values.begin(), values.end())),
                       text(*std::max_element(values.begin(), values.end())));
}

// What mco takes for the same in this group of lines; negative: it was not measured.
double own_time(const std::vector<const Value*>& group, const std::string& kind) {
    for (const auto* line : group) {
        const auto walls = numbers_of(*line, "wall_ms");
        if (text_of(*line, "peer") == "mco" && text_of(*line, "kind") == kind && !walls.empty()) return median(walls);
    }
    return -1;
}

std::vector<std::string> row_of(const Value& line, const std::vector<const Value*>& group) {
    const auto walls = numbers_of(line, "wall_ms");
    const auto own = own_time(group, text_of(line, "kind"));
    const auto least = text_of(line, "answered_least"), most = text_of(line, "answered_most");
    const bool compared = own > 0 && !walls.empty() && text_of(line, "peer") != "mco";
    return {text_of(line, "peer"),
            text_of(line, "work"),
            text_of(line, "version"),
            text_of(line, "runs"),
            least == most ? least : least + ".." + most,
            spread(walls),
            compared ? fmt::format("{:.1f}", median(walls) / own) : "-",
            spread(numbers_of(line, "last_ms")),
            text_of(line, "command_processor_ms"),
            text_of(line, "daemons_processor_ms"),
            text_of(line, "daemon_pss_mib"),
            text_of(line, "daemon_rss_mib"),
            text_of(line, "others_percent"),
            text_of(line, "interrupted") == "true" ? "interrupted" : ""};
}

void write_group(const std::vector<const Value*>& group, Chapter& into) {
    const auto& first = *group.front();
    const auto title = fmt::format("{} nodes of each", text_of(first, "nodes"));
    std::vector<std::vector<std::string>> rows;
    std::string notes;
    Bars times{title + ": exec to exit (of the floor: request to last answer)", "ms, logarithmic; the lines go from the least to the most", Scale::logarithmic, {}};
    Bars memory{title + ": memory of a daemon", "MiB", Scale::linear, {}};
    for (const auto* line : group) {
        const auto peer = text_of(*line, "peer");
        if (skipped(*line)) {
            notes += fmt::format("<p>{} was skipped: {}</p>\n", escaped(peer), escaped(text_of(*line, "skipped")));
            continue;
        }
        rows.push_back(row_of(*line, group));
        auto values = numbers_of(*line, "wall_ms");
        if (values.empty()) values = numbers_of(*line, "last_ms");
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        const auto* mark = text_of(*line, "interrupted") == "true" ? " (interrupted)" : "";
        times.bars.push_back({fmt::format("{}: {}{}", peer, text_of(*line, "work"), mark), median(values), *least, *most, peer == "mco"});
        const auto named = [&](const char* what) { return fmt::format("{}, {}", peer, what); };
        const bool known = std::any_of(memory.bars.begin(), memory.bars.end(), [&](const Bar& bar) { return bar.name == named("RSS"); });
        for (const auto& [key, what] : {std::pair("daemon_rss_mib", "RSS"), std::pair("daemon_pss_mib", "PSS")}) {
            const auto value = number_of(*line, key);
            if (value > 0 && !known) memory.bars.push_back({named(what), value, value, value, peer == "mco"});
        }
    }
    into.html += fmt::format("<h3>{}, {}</h3>\n<p>{}; commit {}; seed {}</p>\n", title, escaped(text_of(first, "started")),
                             escaped(text_of(first, "machine")), escaped(text_of(first, "commit")), escaped(text_of(first, "seed")));
    if (!rows.empty())
        into.html += table_of({"", "command", "version", "runs", "answered", "exec to exit", "times mco", "last answer", "its processor ms", "daemons' processor ms",
                               "PSS MiB", "RSS MiB", "others %", ""},
                              rows);
    into.html += notes;
    if (!times.bars.empty()) into.drawings.emplace_back(std::move(times));
    if (!memory.bars.empty()) into.drawings.emplace_back(std::move(memory));
}

Chapter write(const std::vector<Value>& lines) {
    std::map<std::pair<std::string, double>, std::vector<const Value*>> groups;  // by when the run started, and size
    for (const auto& line : lines) groups[{text_of(line, "started"), number_of(line, "nodes")}].push_back(&line);
    Chapter chapter;
    for (const auto& [key, group] : groups) write_group(group, chapter);
    return chapter;
}

}  // namespace

const ChapterKind compare_chapter{
    "compare", "mco beside other programs",
    "Milliseconds, median [least..most]. As many real daemons of each on one machine's loopback, one program after the other: times are upper bounds, and only the "
    "factors of one run can be compared. Others: how much of the processors went to something else meanwhile; from 10 % on times are too long. PSS divides shared "
    "pages among those who share them, RSS counts them in each.",
    &check, &write};

}  // namespace mco::bench
