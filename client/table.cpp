#include "client/table.hpp"

#include <algorithm>

#include "client/terminal.hpp"

namespace mco::client {
namespace {

constexpr std::size_t gap = 2;

std::vector<std::size_t> column_widths(const Table& table) {
    std::vector<std::size_t> widths;
    const auto measure = [&](const std::vector<std::string>& row) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    };
    measure(table.heading);
    for (const auto& row : table.rows) measure(row);
    return widths;
}

}  // namespace

std::size_t table_width(const Table& table) {
    const auto widths = column_widths(table);
    std::size_t sum = 0;
    for (const auto each : widths) sum += each;
    return sum + (widths.empty() ? 0 : gap * (widths.size() - 1));
}

std::string table_text(const Table& table) {
    const auto widths = column_widths(table);
    std::string text;
    const auto print = [&](const std::vector<std::string>& row) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) line += left(row[i], widths[i] + gap);
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    print(table.heading);
    for (const auto& row : table.rows) print(row);
    return text;
}

}  // namespace mco::client
