#include "node/line_limit.hpp"

#include <algorithm>
#include <utility>

namespace mco::node {

std::string LineLimit::shape_of(std::string_view line) {
    std::string shape;
    while (!line.empty()) {
        const auto word = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(word.size() + 1, line.size()));
        if (word.find_first_of("0123456789") == std::string_view::npos) shape += word;
        shape += ' ';
    }
    return shape;
}

void LineLimit::end(std::map<std::string, Window>::iterator which) {
    if (auto& over = which->second; over.seen > burst) ended_early_.push_back({over.seen - burst, std::move(over.last)});
    windows_.erase(which);
}

bool LineLimit::pass(proto::Instant now, std::string_view line) {
    auto shape = shape_of(line);
    auto found = windows_.find(shape);
    if (found != windows_.end() && found->second.until <= now) {
        end(found);
        found = windows_.end();
    }
    if (found == windows_.end()) {
        if (windows_.size() == shapes_max)
            end(std::min_element(windows_.begin(), windows_.end(),
                                 [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
        found = windows_.emplace(std::move(shape), Window{.until = now + window}).first;
    }
    if (++found->second.seen <= burst) return true;
    found->second.last = line;
    return false;
}

std::vector<LineLimit::LeftOut> LineLimit::ended(proto::Instant now) {
    for (auto at = windows_.begin(); at != windows_.end();) {
        const auto next = std::next(at);
        if (at->second.until <= now) end(at);
        at = next;
    }
    return std::exchange(ended_early_, {});
}

std::optional<proto::Instant> LineLimit::next_deadline() const {
    std::optional<proto::Instant> first;
    if (!ended_early_.empty()) return proto::Instant{};
    for (const auto& [shape, open] : windows_) {
        if (open.seen > burst && (!first || open.until < *first)) first = open.until;
    }
    return first;
}

}  // namespace mco::node
