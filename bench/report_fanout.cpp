// The chapter of `fanout` lines: replies over time, and how far from the floor by size.

#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/report_chapter.hpp"

namespace mco::bench {
namespace {

using proto::Value;

// Microseconds of the line as milliseconds; negative: it does not have them.
double time_of(const Value& line, std::string_view when, std::string_view percentile) {
    const auto* all = line.find("replies_us");
    const auto microseconds = all == nullptr ? -1 : number_of(*all, when, percentile);
    return microseconds < 0 ? -1 : microseconds / 1'000;
}

std::string_view check(const Value& line) { return time_of(line, "last reply", "p50") < 0 ? "a fanout without its times" : ""; }

std::vector<std::string> row_of(std::size_t number, const Value& line) {
    std::vector<std::string> row{std::to_string(number)};
    for (const auto* key : {"nodes", "rounds", "incomplete", "agent", "action", "rate", "request_bytes", "reply_bytes"})
        row.push_back(text_of(line, key));
    for (const auto* when : {"first reply", "50 %", "last reply", "closed"}) row.push_back(fmt::format("{:.2f}", time_of(line, when, "p50")));
    row.push_back(fmt::format("{:.2f}", time_of(line, "last reply", "p99")));
    for (const auto* key : {"floor_ratio", "caller_us_per_reply", "fleet_us_per_reply", "seed", "commit", "machine"})
        row.push_back(text_of(line, key));
    row.emplace_back(text_of(line, "interrupted") == "true" ? "interrupted" : "");
    return row;
}

Chapter write(const std::vector<Value>& lines) {
    std::vector<std::vector<std::string>> rows;
    Plot replies{.title = "Replies over time, at the median request", .x = "ms since the start", .y = "% of the replies", .series = {}};
    std::map<double, double> by_nodes;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        rows.push_back(row_of(i + 1, lines[i]));
        Series series{fmt::format("{}: {} nodes", i + 1, text_of(lines[i], "nodes")), {{0, 0}}};
        series.points.emplace_back(time_of(lines[i], "first reply", "p50"), 0);
        for (int decile = 1; decile <= 9; ++decile)
            series.points.emplace_back(time_of(lines[i], fmt::format("{} %", decile * 10), "p50"), decile * 10);
        series.points.emplace_back(time_of(lines[i], "last reply", "p50"), 100);
        replies.series.push_back(std::move(series));
        const auto ratio = number_of(lines[i], "floor_ratio"), nodes = number_of(lines[i], "nodes");
        if (ratio > 0 && nodes > 0) by_nodes[nodes] = ratio;
    }
    Chapter chapter{table_of({"", "nodes", "requests", "incomplete", "agent", "action", "per second", "request octets", "reply octets", "first", "half",
                              "last", "closed", "last p99", "last / floor", "caller us/reply", "nodes us/reply", "seed", "commit", "machine", ""},
                             rows),
                    {replies}};
    if (by_nodes.size() >= 2)
        chapter.drawings.push_back(Plot{.title = "Last reply over the floor of the same run",
                                        .x = "nodes",
                                        .y = "ratio",
                                        .series = {{"the newest of each size", {by_nodes.begin(), by_nodes.end()}}}});
    return chapter;
}

}  // namespace

const ChapterKind fanout_chapter{
    "fanout", "Fan-out: one request to all nodes",
    "Times in milliseconds from the start of a request that was due; medians over the requests, unless p99 is said. The floor is bare libzmq with CURVE at as "
    "many agents in the same run.",
    &check, &write};

}  // namespace mco::bench
