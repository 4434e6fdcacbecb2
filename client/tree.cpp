#include "client/tree.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/terminal.hpp"

namespace mco::client {
namespace {

constexpr std::size_t column_max = 44;

std::size_t widest(const Branch& branch, std::size_t depth) {
    std::size_t most = width(branch.head) + 3 * depth;
    for (const auto& child : branch.children) most = std::max(most, widest(child, depth + 1));
    return most;
}

void draw(const Branch& branch, const std::string& lead, const std::string& below, std::size_t column,
          std::string& into) {
    into += lead +
            (branch.details.empty() ? branch.head
                                    : left(branch.head, column - std::min(column, width(lead))) + "   " +
                                          fmt::format("{}", fmt::join(branch.details, "   "))) +
            "\n";
    for (std::size_t i = 0; i < branch.children.size(); ++i) {
        const bool last = i + 1 == branch.children.size();
        draw(branch.children[i], below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "), column, into);
    }
}

}  // namespace

std::string drawn(const Branch& root) {
    std::string text;
    draw(root, "", "", std::min(widest(root, 0), column_max), text);
    return text;
}

}  // namespace mco::client
