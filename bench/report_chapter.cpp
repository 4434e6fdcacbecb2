#include "bench/report_chapter.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace mco::bench {

using proto::Value;

std::string text_of(const Value& line, std::string_view key) {
    const auto* found = line.find(key);
    if (found == nullptr || found->is_null()) return "";
    if (const auto* real = found->real()) return fmt::format("{:.2f}", *real);
    return found->to_text();
}

std::string text_of(const Value& line, std::string_view outer, std::string_view key) {
    const auto* found = line.find(outer);
    return found == nullptr ? "" : text_of(*found, key);
}

double number_of(const Value& line, std::string_view key) {
    const auto* found = line.find(key);
    if (found == nullptr) return -1;
    if (const auto* integer = found->integer()) return static_cast<double>(*integer);
    return found->real() == nullptr ? -1 : *found->real();
}

double number_of(const Value& line, std::string_view outer, std::string_view key) {
    const auto* found = line.find(outer);
    return found == nullptr ? -1 : number_of(*found, key);
}

std::vector<double> numbers_of(const Value& line, std::string_view key) {
    std::vector<double> numbers;
    const auto* found = line.find(key);
    if (found == nullptr || found->list() == nullptr) return numbers;
    for (const auto& one : *found->list()) {
        if (const auto* integer = one.integer()) numbers.push_back(static_cast<double>(*integer));
        if (const auto* real = one.real()) numbers.push_back(*real);
    }
    return numbers;
}

double reply_ms(const Value& line, std::string_view when, std::string_view percentile) {
    const auto* all = line.find("replies_us");
    const auto microseconds = all == nullptr ? -1 : number_of(*all, when, percentile);
    return microseconds < 0 ? -1 : microseconds / 1'000;
}

Plot replies_over_time(const std::vector<Value>& lines, std::string (*name)(const Value& line)) {
    constexpr std::size_t drawn_max = 8;
    Plot plot{.title = "Replies over time, at the median request", .x = "ms since the start", .y = "% of the replies", .series = {}};
    if (lines.size() > drawn_max) plot.title += fmt::format("; the newest {} of {}", drawn_max, lines.size());
    for (std::size_t i = lines.size() - std::min(lines.size(), drawn_max); i < lines.size(); ++i) {
        if (reply_ms(lines[i], "last reply", "p50") < 0) continue;
        Series series{fmt::format("{}: {}", i + 1, name(lines[i])), {{0, 0}}};
        series.points.emplace_back(reply_ms(lines[i], "first reply", "p50"), 0);
        for (int decile = 1; decile <= 9; ++decile)
            series.points.emplace_back(reply_ms(lines[i], fmt::format("{} %", decile * 10), "p50"), decile * 10);
        series.points.emplace_back(reply_ms(lines[i], "last reply", "p50"), 100);
        plot.series.push_back(std::move(series));
    }
    return plot;
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) safe += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
    return safe;
}

std::string table_of(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows) {
    std::string html = "<table><tr>";
    for (const auto& head : heads) html += fmt::format("<th>{}</th>", escaped(head));
    html += "</tr>\n";
    for (const auto& row : rows) {
        html += "<tr>";
        for (const auto& cell : row) html += fmt::format("<td>{}</td>", escaped(cell));
        html += "</tr>\n";
    }
    return html + "</table>\n";
}

}  // namespace mco::bench
