#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/time.hpp"

namespace mco::node {

// Keeps what happens again and again from filling a log. Lines that differ only in words with a digit in them (ids, times, numbers,
// most names) are alike; of those `burst` pass in a window, the rest is counted. At most `shapes_max` kinds of lines are watched; then the
// window that ends first ends now. One thread.
class LineLimit {
 public:
    static constexpr std::size_t burst = 20;
    static constexpr proto::Duration window = std::chrono::seconds(60);
    static constexpr std::size_t shapes_max = 256;

    bool pass(proto::Instant now, std::string_view line);

    // Windows that have ended and had lines left out: how many, and the last of them.
    struct LeftOut {
        std::uint64_t count = 0;
        std::string line;
    };
    std::vector<LeftOut> ended(proto::Instant now);
    std::optional<proto::Instant> next_deadline() const;  // none: nothing was left out

 private:
    struct Window {
        proto::Instant until{};
        std::uint64_t seen = 0;
        std::string last;  // of those left out
    };
    static std::string shape_of(std::string_view line);
    void end(std::map<std::string, Window>::iterator which);

    std::map<std::string, Window> windows_;
    std::vector<LeftOut> ended_early_;
};

}  // namespace mco::node
