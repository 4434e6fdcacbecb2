#include "bench/report_chapter.hpp"

#include <cstdint>

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
