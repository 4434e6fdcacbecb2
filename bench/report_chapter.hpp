#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/plot.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::bench {

// A part of the page: what the lines of one benchmark say, as HTML, with drawings below it.
struct Chapter {
    std::string html;
    std::vector<Drawing> drawings;
};

// Which lines a chapter is made of, and how. `check` names what a line lacks that the chapter needs; empty: nothing.
struct ChapterKind {
    std::string_view name, title, says;  // says: how to read it
    std::string_view (*check)(const proto::Value& line);
    Chapter (*write)(const std::vector<proto::Value>& lines);
};
extern const ChapterKind fanout_chapter, compare_chapter, wan_chapter;

// Of a line: a value as text, two digits after the point; empty where it has none. Below `outer` if that is given.
std::string text_of(const proto::Value& line, std::string_view key);
std::string text_of(const proto::Value& line, std::string_view outer, std::string_view key);
// A number of either kind; negative: there is none.
double number_of(const proto::Value& line, std::string_view key);
double number_of(const proto::Value& line, std::string_view outer, std::string_view key);
std::vector<double> numbers_of(const proto::Value& line, std::string_view key);

// Of lines that have `replies_us`, in milliseconds; negative: this one has not.
double reply_ms(const proto::Value& line, std::string_view when, std::string_view percentile);
// Each line a series, numbered from 1 as in the table and named by `name`; the newest eight, as there are colours for.
Plot replies_over_time(const std::vector<proto::Value>& lines, std::string (*name)(const proto::Value& line));

// HTML.
std::string escaped(std::string_view text);
std::string table_of(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows);

}  // namespace mco::bench
