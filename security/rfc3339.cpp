#include "security/rfc3339.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>

namespace mco::security {
namespace {

using namespace std::chrono;

struct Broken {
    int year;
    unsigned month, day;
    std::int64_t hour, minute, second, micros;
};

Broken break_down(proto::WallTime time) {
    const auto since = std::clamp(time, wall_time_min, wall_time_max).time_since_epoch();
    const auto date = floor<days>(since);
    const year_month_day calendar{sys_days(date)};
    const auto rest = (since - date).count();
    return {int(calendar.year()),   unsigned(calendar.month()), unsigned(calendar.day()), rest / 3'600'000'000,
            rest / 60'000'000 % 60, rest / 1'000'000 % 60,      rest % 1'000'000};
}

// Exactly `count` digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
    int value = 0;
    if (text.size() < at + count) return -1;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

// The part after the seconds: "Z" or ".123Z". Microseconds, or -1.
int fraction(std::string_view rest) {
    if (rest == "Z") return 0;
    if (rest.size() < 3 || rest.size() > 8 || rest.front() != '.' || rest.back() != 'Z') return -1;
    const auto count = rest.size() - 2;
    int value = digits(rest, 1, count);
    for (auto i = count; i < 6 && value > 0; ++i) value *= 10;
    return value;
}

}  // namespace

std::string to_rfc3339(proto::WallTime time) {
    const auto at = break_down(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.year, at.month, at.day, at.hour, at.minute,
                       at.second);
}

std::string to_rfc3339_micros(proto::WallTime time) {
    const auto at = break_down(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", at.year, at.month, at.day, at.hour, at.minute,
                       at.second, at.micros);
}

proto::Result<proto::WallTime> parse_rfc3339(std::string_view text) {
    const auto refuse = [&] {
        return proto::fail(proto::Errc::invalid,
                           fmt::format("\"{}\" is no time in UTC\nwrite it like 2026-03-01T09:30:00Z", text));
    };
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
        return refuse();
    const int year_number = digits(text, 0, 4), month_number = digits(text, 5, 2), day_number = digits(text, 8, 2);
    const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    const int micros = fraction(text.substr(19));
    if (year_number < 1970 || month_number < 1 || day_number < 1 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59 || micros < 0)
        return refuse();
    const year_month_day date{year(year_number), month(static_cast<unsigned>(month_number)),
                              day(static_cast<unsigned>(day_number))};
    if (!date.ok()) return refuse();
    const proto::WallTime time{duration_cast<proto::Duration>(sys_days(date).time_since_epoch()) + hours(hour) +
                               minutes(minute) + seconds(second) + microseconds(micros)};
    if (time > wall_time_max) return refuse();
    return time;
}

}  // namespace mco::security
