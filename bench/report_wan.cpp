// The chapter of `wan` lines: the last reply against the slowest round trip, and how often a request crossed each line.

#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/report_chapter.hpp"

namespace mco::bench {
namespace {

using proto::Value;

std::string_view check(const Value& line) {
    const bool asked = number_of(line, "rounds") > 0;
    return number_of(line, "slowest_ms") < 0 || (asked && reply_ms(line, "last reply", "p50") < 0) ? "a wan without its times" : "";
}

std::vector<std::string> row_of(std::size_t number, const Value& line) {
    std::string trips, copies;
    for (const auto trip : numbers_of(line, "round_trips_ms")) trips += fmt::format("{}{:g}", trips.empty() ? "" : ", ", trip);
    if (const auto* all = line.find("copies"); all != nullptr && all->map() != nullptr) {
        for (const auto& [between, count] : *all->map()) {
            if (number_of(*all, between) >= 0.05) copies += fmt::format("{}{}: {}", copies.empty() ? "" : ", ", between, text_of(*all, between));
        }
    }
    std::vector<std::string> row{std::to_string(number), text_of(line, "sites"), text_of(line, "nodes"), trips, text_of(line, "jitter_ms"), text_of(line, "loss_percent"),
                                 text_of(line, "stall_every_s"), text_of(line, "from"), text_of(line, "slowest_ms")};
    for (const auto* when : {"first reply", "50 %", "last reply"}) row.push_back(fmt::format("{:.1f}", reply_ms(line, when, "p50")));
    row.push_back(fmt::format("{:.1f}", reply_ms(line, "last reply", "p99")));
    for (const auto* key : {"promised_ms", "rounds", "incomplete"}) row.push_back(text_of(line, key));
    row.push_back(copies);
    for (const auto* key : {"seed", "commit", "machine"}) row.push_back(text_of(line, key));
    row.emplace_back(text_of(line, "interrupted") == "true" ? "interrupted" : "");
    return row;
}

Chapter write(const std::vector<Value>& lines) {
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < lines.size(); ++i) rows.push_back(row_of(i + 1, lines[i]));
    return {table_of({"", "sites", "nodes", "round trips", "jitter", "lost %", "stalls every s", "from site", "slowest round trip", "first", "half", "last", "last p99",
                      "promised", "requests", "incomplete", "copies of a request", "seed", "commit", "machine", ""},
                     rows),
            {replies_over_time(lines, [](const Value& line) { return "from site " + text_of(line, "from"); })}};
}

}  // namespace

const ChapterKind wan_chapter{"wan", "Several sites",
                              "Real daemons, and between the sites a relay that takes as long as the distance does. Times in milliseconds, medians unless p99 is said; round "
                              "trips by pair of sites, 1-2, 1-3, 2-3 and so on. Promised: the last reply after at most 1.1 times the slowest round trip and 20 ms. Copies: how "
                              "often a request crossed the line between two sites; those that it did not cross are left out.",
                              &check, &write};

}  // namespace mco::bench
