#include "node/external/agent_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mco::node::external {

void AgentLines::say_all(LogLevel level, std::string_view who, std::string_view text) {
    std::size_t said = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        if (++said > lines_max) return say(level, fmt::format("{}: more than {} lines, the rest is left out", who, lines_max));
        say(level, fmt::format("{}: {}{}", who, line.substr(0, line_size_max), line.size() > line_size_max ? " ..." : ""));
    }
}

std::vector<AgentLines::Line> AgentLines::take() {
    auto lines = lines_.take();
    waiting_.fetch_sub(lines.size());
    if (const auto lost = lost_.exchange(0); lost != 0)
        lines.push_back({LogLevel::warn, fmt::format("{} lines that agents printed were left out", lost)});
    return lines;
}

}  // namespace mco::node::external
