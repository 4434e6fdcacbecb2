#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "bench/caller.hpp"
#include "bench/sample.hpp"
#include "proto/value.hpp"

namespace mco::bench {

// What whole requests say of themselves, each as a sample over all of them.
struct RoundTimes {
    std::vector<std::pair<std::string, Sample>> replies;  // first, each decile, last, closed
    std::vector<std::pair<std::string, Sample>> phases;
    std::size_t incomplete = 0;  // not closed, or somebody is missing in the account; in no sample
    std::size_t nodes = 0;
    std::size_t request_octets = 0, reply_octets = 0;  // of the last one; of a reply on the average
};
RoundTimes times_of(const std::vector<Round>& rounds);

// Where in `replies`.
inline constexpr std::size_t first_reply = 0, half_of_replies = 5, last_reply = 10, account_closed = 11;

double milliseconds(Sample::Duration time);
// {"first reply": {"p50": microseconds, ...}, ...}
proto::Value::Map summaries(const std::vector<std::pair<std::string, Sample>>& samples);

}  // namespace mco::bench
