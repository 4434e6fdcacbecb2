#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mco::client {

// Rows under a heading, for people. Every cell is visible text on one line; a row may be shorter than the heading.
struct Table {
    std::vector<std::string> heading;
    std::vector<std::vector<std::string>> rows;
};

// Columns aligned to the left, two blanks apart, nothing behind the last cell of a line.
std::string table_text(const Table& table);
// Of its longest line, in characters.
std::size_t table_width(const Table& table);

}  // namespace mco::client
