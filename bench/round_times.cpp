#include "bench/round_times.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace mco::bench {
namespace {

using namespace std::chrono_literals;
using proto::Value;

bool whole(const Round& round) {
    return round.closed && round.ledger.missing() == 0 && round.unreadable == 0 && !round.replies.empty();
}

}  // namespace

double milliseconds(Sample::Duration time) { return static_cast<double>(time.count()) / 1e6; }

RoundTimes times_of(const std::vector<Round>& rounds) {
    RoundTimes times;
    times.replies.emplace_back("first reply", Sample());
    for (int decile = 1; decile <= 9; ++decile) times.replies.emplace_back(fmt::format("{} %", decile * 10), Sample());
    times.replies.emplace_back("last reply", Sample());
    times.replies.emplace_back("closed", Sample());
    for (const auto* phase : {"sign", "wait to send", "entry", "to first reply", "gather", "to closed", "opening"})
        times.phases.emplace_back(phase, Sample());
    for (const auto& round : rounds) {
        if (!whole(round)) {
            ++times.incomplete;
            continue;
        }
        const auto count = round.replies.size();
        times.nodes = std::max(times.nodes, count);
        times.request_octets = round.request_octets;
        times.reply_octets = round.reply_octets / count;
        times.replies.front().second.add(round.replies.front());
        for (std::size_t decile = 1; decile <= 9; ++decile)
            times.replies[decile].second.add(round.replies[(count * decile + 9) / 10 - 1]);
        times.replies[10].second.add(round.replies.back());
        times.replies[11].second.add(round.last);
        const auto entry = round.acknowledged.value_or(round.replies.front());
        const Sample::Duration phases[] = {round.sign,
                                           round.sent - round.sign,
                                           entry - round.sent,
                                           std::max(round.replies.front() - entry, 0ns),
                                           round.replies.back() - round.replies.front(),
                                           round.last - round.replies.back(),
                                           round.opening};
        for (std::size_t i = 0; i < std::size(phases); ++i) times.phases[i].second.add(phases[i]);
    }
    return times;
}

Value::Map summaries(const std::vector<std::pair<std::string, Sample>>& samples) {
    Value::Map all;
    for (const auto& [name, sample] : samples) {
        Value::Map one;
        for (const std::size_t percent : {10, 50, 90, 99, 100})
            one.emplace(fmt::format("p{}", percent), static_cast<std::int64_t>(sample.rank(percent).count() / 1'000));
        all.emplace(name, std::move(one));
    }
    return all;
}

}  // namespace mco::bench
