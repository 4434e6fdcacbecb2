#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/mesh_trace.hpp"
#include "client/tree.hpp"

namespace mco::client {
namespace {

// More than these are easier to compare below what they have in common.
constexpr std::size_t lines_max = 10;

std::string time(double ms) { return fmt::format("{:.2f} ms", ms); }

// "relay, 0.61 ms by link". The group where it is another one than before.
std::vector<std::string> details(const Trace::Hop& hop, const std::string& group_before) {
    std::vector<std::string> words;
    const auto role = hop.role.empty() && hop.way == "client" ? std::string("entry") : visible(hop.role);
    const bool elsewhere = !hop.group.empty() && hop.group != group_before;
    if (elsewhere) {
        words.push_back(role.empty() ? "of " + visible(hop.group) : role + " of " + visible(hop.group));
    } else if (!role.empty()) {
        words.push_back(role);
    }
    if (!hop.way.empty()) words.push_back(hop.rtt_ms ? time(*hop.rtt_ms) : "not measured");
    // Between groups there is no other way; within one it means that the fan-out did not reach it.
    if (hop.way == "link" && !elsewhere) words.push_back("by link");
    return words;
}

std::string line(const Trace::Path& path, std::size_t column) {
    std::string text = left(visible(path.node), column) + "   " + time(path.total_ms) + "   client";
    std::string group;
    for (const auto& hop : path.hops) {
        if (hop.to.empty()) {
            text += " -> ?";
            continue;
        }
        auto words = details(hop, group);
        if (&hop == &path.hops.back() && path.took_ms) words.push_back("took " + time(*path.took_ms));
        text += fmt::format(" -> {} ({})", visible(hop.to), fmt::join(words, ", "));
        if (!hop.group.empty()) group = hop.group;
    }
    return text + "\n";
}

struct Step {
    const Trace::Hop* hop = nullptr;
    const Trace::Path* path = nullptr;  // ends here; nullptr: only passed through
    std::map<std::string, Step> next;
};

Branch branch_of(const Step& step, std::string group) {
    Branch branch{"client", {}, {}};
    if (step.hop != nullptr) {
        branch.head = step.hop->to.empty() ? "?" : visible(step.hop->to);
        if (!step.hop->to.empty()) branch.details = details(*step.hop, group);
        if (!step.hop->group.empty()) group = step.hop->group;
    }
    if (step.path != nullptr) {
        if (step.path->took_ms) branch.details.push_back("took " + time(*step.path->took_ms));
        branch.details.push_back("total " + time(step.path->total_ms));
    }
    for (const auto& [name, next] : step.next) branch.children.push_back(branch_of(next, group));
    return branch;
}

}  // namespace

std::string trace_text(const Trace& trace) {
    if (trace.paths.size() <= lines_max) {
        std::size_t column = 0;
        for (const auto& path : trace.paths) column = std::max(column, width(visible(path.node)));
        std::string text;
        for (const auto& path : trace.paths) text += line(path, column);
        return text;
    }
    Step client;
    for (const auto& path : trace.paths) {
        auto* at = &client;
        for (const auto& hop : path.hops) {
            at = &at->next[hop.to];
            at->hop = &hop;
        }
        at->path = &path;
    }
    return drawn(branch_of(client, {}));
}

}  // namespace mco::client
