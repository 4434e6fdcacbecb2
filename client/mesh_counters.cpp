#include "client/mesh_counters.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "client/account_json.hpp"
#include "client/terminal.hpp"
#include "client/words.hpp"

namespace mco::client {
namespace {

using proto::Value;

void add(MeshCounters::Sum& sum, const std::string& node, std::int64_t count) {
    if (count == 0) return;
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    sum.total = count > largest - sum.total ? largest : sum.total + count;
    ++sum.nodes;
    if (count > sum.most || (count == sum.most && node < sum.worst)) {
        sum.worst = node;
        sum.most = count;
    }
}

Value known(const std::string& name) {
    if (name.empty()) return {};
    return name;
}

}  // namespace

MeshCounters add_counters(const Gathered& gathered) {
    MeshCounters counters;
    for (const auto& reply : gathered.replies) {
        if (reply.status != proto::StatusCode::ok) continue;
        auto& own = counters.nodes[reply.node];
        const auto* said = reply.data.find("counters");
        if (said == nullptr || said->map() == nullptr) continue;
        for (const auto& [name, value] : *said->map()) {
            if (value.integer() == nullptr || *value.integer() < 0) continue;
            own[name] = *value.integer();
            add(counters.sums[name], reply.node, *value.integer());
        }
    }
    return counters;
}

std::string counters_table(const MeshCounters& counters) {
    constexpr std::size_t number_column = 12;
    std::size_t column = 7;
    for (const auto& [name, sum] : counters.sums) {
        if (sum.total > 0) column = std::max(column, width(visible(name)));
    }
    const auto row = [&](const std::string& name, const std::string& sum, const std::string& nodes,
                         const std::string& worst) {
        return fmt::format("{}{}{}   {}\n", left(name, column), right(sum, number_column), right(nodes, 8), worst);
    };
    std::string rows;
    for (const auto& [name, sum] : counters.sums) {
        if (sum.total == 0) continue;
        rows += row(visible(name), std::to_string(sum.total), std::to_string(sum.nodes),
                    fmt::format("{}: {}", visible(sum.worst), sum.most));
    }
    if (rows.empty()) return fmt::format("Nothing counted on {}\n", counted(counters.nodes.size(), "node", "nodes"));
    return row("Counter", "Sum", "Nodes", "Most") + rows;
}

std::string counters_json(const MeshCounters& counters, const Gathered& gathered, const Account& account,
                          JsonForm form) {
    Value::Map sums, nodes;
    for (const auto& [name, sum] : counters.sums)
        sums.emplace(name, Value::Map{{"sum", sum.total},
                                      {"nodes", sum.nodes},
                                      {"worst", known(sum.worst)},
                                      {"most", sum.most}});
    for (const auto& [node, own] : counters.nodes) {
        Value::Map counts;
        for (const auto& [name, count] : own) counts.emplace(name, count);
        nodes.emplace(node, std::move(counts));
    }
    return account_json(
        {{"counters", std::move(sums)}, {"nodes", std::move(nodes)}, {"refused", refusals(gathered)}}, account, form);
}

}  // namespace mco::client
