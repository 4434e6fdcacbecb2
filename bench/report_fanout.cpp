// The chapter of `fanout` lines: replies over time, and how far from the floor by size.

#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/report_chapter.hpp"

namespace mco::bench {
namespace {

using proto::Value;

std::string_view check(const Value& line) { return reply_ms(line, "last reply", "p50") < 0 ? "a fanout without its times" : ""; }

std::vector<std::string> row_of(std::size_t number, const Value& line) {
    std::vector<std::string> row{std::to_string(number)};
    for (const auto* key : {"nodes", "rounds", "incomplete", "agent", "action", "rate", "request_bytes", "reply_bytes"})
        row.push_back(text_of(line, key));
    for (const auto* when : {"first reply", "50 %", "last reply", "closed"}) row.push_back(fmt::format("{:.2f}", reply_ms(line, when, "p50")));
    row.push_back(fmt::format("{:.2f}", reply_ms(line, "last reply", "p99")));
    for (const auto* key : {"floor_ratio", "caller_us_per_reply", "fleet_us_per_reply", "seed", "commit", "machine"})
        row.push_back(text_of(line, key));
    row.emplace_back(text_of(line, "interrupted") == "true" ? "interrupted" : "");
    return row;
}

Chapter write(const std::vector<Value>& lines) {
    std::vector<std::vector<std::string>> rows;
    std::map<double, double> by_nodes;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        rows.push_back(row_of(i + 1, lines[i]));
        const auto ratio = number_of(lines[i], "floor_ratio"), nodes = number_of(lines[i], "nodes");
        if (ratio > 0 && nodes > 0) by_nodes[nodes] = ratio;
    }
    Chapter chapter{table_of({"", "nodes", "requests", "incomplete", "agent", "action", "per second", "request octets", "reply octets", "first", "half",
                              "last", "closed", "last p99", "last / floor", "caller us/reply", "nodes us/reply", "seed", "commit", "machine", ""},
                             rows),
                    {replies_over_time(lines, [](const Value& line) { return text_of(line, "nodes") + " nodes"; })}};
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
