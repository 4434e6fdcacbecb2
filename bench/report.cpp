// The command `report`: JSON lines of the benchmarks as one page that can be read without us.

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/commands.hpp"
#include "bench/report_chapter.hpp"

namespace mco::bench {
namespace {

using proto::Errc;
using proto::fail;
using proto::Value;

constexpr std::size_t lines_max = 1'000;
constexpr std::array chapters{&compare_chapter, &fanout_chapter, &wan_chapter};

using LinesByName = std::map<std::string, std::vector<Value>>;

proto::Result<void> read_lines(const std::string& file, LinesByName& into, std::size_t& count) {
    std::ifstream stream(file);
    if (!stream) return fail(Errc::not_found, fmt::format("{} cannot be read", file));
    std::string text;
    for (std::size_t number = 1; std::getline(stream, text); ++number) {
        if (text.empty()) continue;
        auto line = proto::parse_json(text);
        if (!line || line->map() == nullptr || text_of(*line, "name").empty())
            return fail(Errc::malformed, fmt::format("{}:{}: not a line of JSON that mco-bench wrote", file, number));
        const auto name = text_of(*line, "name");
        for (const auto* chapter : chapters) {
            const auto lack = chapter->name == name ? chapter->check(*line) : std::string_view();
            if (!lack.empty()) return fail(Errc::malformed, fmt::format("{}:{}: {}", file, number, lack));
        }
        if (++count > lines_max) return fail(Errc::invalid, fmt::format("more than {} lines\nName fewer files.", lines_max));
        into[name].push_back(std::move(*line));
    }
    return {};
}

// Any other benchmark: what its lines have that is not a list, one column each.
std::string plain(const std::vector<Value>& lines) {
    std::vector<std::map<std::string, std::string>> cells;
    std::set<std::string> heads;
    for (const auto& line : lines) {
        auto& row = cells.emplace_back();
        for (const auto& [key, value] : *line.map()) {
            if (key == "name" || value.list() != nullptr) continue;
            if (value.map() == nullptr) {
                row[key] = text_of(line, key);
                continue;
            }
            for (const auto& [inner, unused] : *value.map()) row[fmt::format("{} {}", key, inner)] = text_of(line, key, inner);
        }
        for (const auto& [key, unused] : row) heads.insert(key);
    }
    const std::vector<std::string> names(heads.begin(), heads.end());
    std::vector<std::vector<std::string>> rows;
    for (auto& row : cells) {
        auto& into = rows.emplace_back();
        for (const auto& name : names) into.push_back(row[name]);
    }
    return table_of(names, rows);
}

constexpr std::string_view head =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>mco-bench</title>\n"
    "<style>body{font-family:sans-serif;margin:2em;max-width:100em}p{max-width:60em}td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid #ddd;"
    "vertical-align:top}table{border-collapse:collapse;font-size:80%;margin:1em 0}.wide{overflow-x:auto}</style></head><body>\n<h1>mco-bench</h1>\n"
    "<p>Figures that mco-bench and bench/compare wrote down. Absolute times hold on the machine they were measured on, and only beside what else it did: "
    "compare ratios of one run.</p>\n";

}  // namespace

proto::Result<void> run_report(Arguments arguments) {
    const auto files = arguments.words();
    const bool drawings_only = arguments.flag("svg");
    if (auto done = arguments.done(); !done) return done;
    if (files.empty()) return fail(Errc::invalid, "which files? Name those that --json or bench/compare wrote to");
    LinesByName lines;
    std::size_t count = 0;
    for (const auto& file : files) {
        if (auto read = read_lines(file, lines, count); !read) return read;
    }
    if (count == 0) return fail(Errc::not_found, "there is no line in these files");
    std::string page(head);
    std::vector<Drawing> all;
    for (const auto* kind : chapters) {
        const auto found = lines.extract(std::string(kind->name));
        if (!found) continue;
        auto [html, drawings] = kind->write(found.mapped());
        page += fmt::format("<h2>{}</h2>\n<p>{}</p>\n<div class=\"wide\">{}</div>\n{}", kind->title, kind->says, html, to_svg(drawings));
        std::move(drawings.begin(), drawings.end(), std::back_inserter(all));
    }
    for (const auto& [name, found] : lines)
        page += fmt::format("<h2>{}</h2>\n<div class=\"wide\">{}</div>\n", escaped(name), plain(found));
    if (drawings_only && all.empty()) return fail(Errc::not_found, "there is nothing to draw in these files: no line of fanout, wan or compare");
    fmt::print("{}", drawings_only ? to_svg(all) : page + "</body></html>\n");
    return {};
}

}  // namespace mco::bench
