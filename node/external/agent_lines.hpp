#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/log.hpp"
#include "node/mailbox.hpp"

namespace mco::node::external {

// What external agents print, on its way to the log. Any thread says, the reactor takes. Bounded: an agent that floods
// loses lines, and it is said how many.
class AgentLines {
 public:
    struct Line {
        LogLevel level = LogLevel::info;
        std::string text;
    };
    void say(LogLevel level, std::string text) {
        if (waiting_.fetch_add(1) >= waiting_max) {
            waiting_.fetch_sub(1);
            lost_.fetch_add(1);
            return;
        }
        lines_.put({level, std::move(text)});
    }
    // Each line of `text` with who printed it in front. Long lines are cut, and the rest left out after `lines_max`.
    void say_all(LogLevel level, std::string_view who, std::string_view text);

    int descriptor() const { return lines_.descriptor(); }
    std::vector<Line> take();

 private:
    static constexpr std::size_t waiting_max = 2'000, lines_max = 100, line_size_max = 2'000;
    std::atomic<std::size_t> waiting_{0}, lost_{0};
    Mailbox<Line> lines_;
};

}  // namespace mco::node::external
