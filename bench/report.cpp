// The command `report`: JSON lines of `fanout` as one page that can be read without us.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/plot.hpp"
#include "proto/value.hpp"

namespace mco::bench {
namespace {

using proto::Errc;
using proto::fail;
using proto::Value;

constexpr std::size_t lines_max = 1'000;

std::string text_of(const Value& line, std::string_view key) {
    const auto* found = line.find(key);
    if (found == nullptr || found->is_null()) return "";
    if (const auto* real = found->real()) return fmt::format("{:.2f}", *real);
    return found->to_text();
}

// Microseconds of the file as milliseconds; negative: the line does not have it.
double time_of(const Value& line, std::string_view when, std::string_view percentile) {
    const auto* all = line.find("replies_us");
    const auto* one = all == nullptr ? nullptr : all->find(when);
    const auto* value = one == nullptr ? nullptr : one->find(percentile);
    return value == nullptr || value->integer() == nullptr ? -1 : static_cast<double>(*value->integer()) / 1'000.0;
}

proto::Result<void> read_lines(const std::string& file, std::vector<Value>& into) {
    std::ifstream stream(file);
    if (!stream) return fail(Errc::not_found, fmt::format("{} cannot be read", file));
    std::string text;
    for (std::size_t number = 1; std::getline(stream, text); ++number) {
        if (text.empty()) continue;
        auto line = proto::parse_json(text);
        if (!line || line->map() == nullptr)
            return fail(Errc::malformed, fmt::format("{}:{}: not a line of JSON that mco-bench wrote", file, number));
        if (text_of(*line, "name") != "fanout") continue;  // other benchmarks may be kept in the same file
        if (time_of(*line, "last reply", "p50") < 0)
            return fail(Errc::malformed, fmt::format("{}:{}: a fanout without its times", file, number));
        if (into.size() == lines_max) return fail(Errc::invalid, fmt::format("more than {} lines\nName fewer files.", lines_max));
        into.push_back(std::move(*line));
    }
    return {};
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) safe += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
    return safe;
}

std::string row_of(std::size_t number, const Value& line) {
    auto row = fmt::format("<tr><td>{}</td>", number);
    for (const auto* key : {"nodes", "rounds", "incomplete", "agent", "action", "rate", "request_bytes", "reply_bytes"})
        row += fmt::format("<td>{}</td>", escaped(text_of(line, key)));
    for (const auto* when : {"first reply", "50 %", "last reply", "closed"}) row += fmt::format("<td>{:.2f}</td>", time_of(line, when, "p50"));
    row += fmt::format("<td>{:.2f}</td>", time_of(line, "last reply", "p99"));
    for (const auto* key : {"floor_ratio", "caller_us_per_reply", "fleet_us_per_reply", "seed", "commit", "machine"})
        row += fmt::format("<td>{}</td>", escaped(text_of(line, key)));
    return row + (text_of(line, "interrupted") == "true" ? "<td>interrupted</td></tr>\n" : "<td></td></tr>\n");
}

std::vector<Plot> plots_of(const std::vector<Value>& lines) {
    Plot replies{.title = "Replies over time, at the median request", .x = "ms since the start", .y = "% of the replies", .series = {}};
    std::map<double, double> by_nodes;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        Series series{fmt::format("{}: {} nodes", i + 1, text_of(lines[i], "nodes")), {{0, 0}}};
        series.points.emplace_back(time_of(lines[i], "first reply", "p50"), 0);
        for (int decile = 1; decile <= 9; ++decile)
            series.points.emplace_back(time_of(lines[i], fmt::format("{} %", decile * 10), "p50"), decile * 10);
        series.points.emplace_back(time_of(lines[i], "last reply", "p50"), 100);
        replies.series.push_back(std::move(series));
        const auto* ratio = lines[i].find("floor_ratio");
        const auto* nodes = lines[i].find("nodes");
        if (ratio != nullptr && ratio->real() != nullptr && nodes != nullptr && nodes->integer() != nullptr)
            by_nodes[static_cast<double>(*nodes->integer())] = *ratio->real();
    }
    if (by_nodes.size() < 2) return {replies};
    return {replies,
            {.title = "Last reply over the floor of the same run", .x = "nodes", .y = "ratio", .series = {{"the newest of each size", {by_nodes.begin(), by_nodes.end()}}}}};
}

}  // namespace

proto::Result<void> run_report(Arguments arguments) {
    const auto files = arguments.words();
    if (auto done = arguments.done(); !done) return done;
    if (files.empty()) return fail(Errc::invalid, "which files? Name those that fanout --json was written to");
    std::vector<Value> lines;
    for (const auto& file : files) {
        if (auto read = read_lines(file, lines); !read) return read;
    }
    if (lines.empty()) return fail(Errc::not_found, "there is no line of fanout --json in these files");
    std::string page =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>mco-bench fanout</title>\n"
        "<style>body{font-family:sans-serif;margin:2em}td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid #ddd}"
        "table{border-collapse:collapse;font-size:90%}</style></head><body>\n<h1>mco-bench fanout</h1>\n"
        "<p>Times in milliseconds from the start of a request that was due; medians over the requests, unless p99 is said. Absolute times hold on the "
        "machine they were measured on, and only beside what else it did: compare ratios of one run.</p>\n<table><tr>";
    for (const auto* head : {"", "nodes", "requests", "incomplete", "agent", "action", "per second", "request octets", "reply octets", "first",
                             "half", "last", "closed", "last p99", "last / floor", "caller us/reply", "nodes us/reply", "seed", "commit",
                             "machine", ""})
        page += fmt::format("<th>{}</th>", head);
    page += "</tr>\n";
    for (std::size_t i = 0; i < lines.size(); ++i) page += row_of(i + 1, lines[i]);
    fmt::print("{}</table>\n{}</body></html>\n", page, to_svg(plots_of(lines)));
    return {};
}

}  // namespace mco::bench
