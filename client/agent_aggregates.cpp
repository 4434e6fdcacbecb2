#include "client/agent_aggregates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "client/aggregates.hpp"
#include "client/terminal.hpp"

namespace mco::client {
namespace {

using Rows = std::vector<std::string>;
using proto::Result;

// A check that is not OK comes as a failure; its state was measured all the same.
Result<Rows> nagios_states(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    std::array<std::pair<std::string_view, std::size_t>, 4> counts{
        {{"OK", 0}, {"WARNING", 0}, {"CRITICAL", 0}, {"UNKNOWN", 0}}};
    for (const auto& reply : replies) {
        const auto* value = reply.data.find(schema.output);
        const auto* code = value == nullptr ? nullptr : value->integer();
        ++counts[code == nullptr || *code < 0 || *code > 3 ? 3 : static_cast<std::size_t>(*code)].second;
    }
    std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    Rows rows;
    for (const auto& [state, count] : counts) rows.push_back(fmt::format("{} : {}", right(state, 10), count));
    return rows;
}

Result<Rows> process_summary(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    std::size_t hosts = 0, processes = 0;
    double resident = 0, virtual_size = 0;
    const auto number = [](const proto::Value& process, std::string_view name) {
        const auto* value = process.find(name);
        const auto* whole = value == nullptr ? nullptr : value->integer();
        return whole == nullptr ? 0.0 : static_cast<double>(*whole);
    };
    for (const auto& reply : replies) {
        const auto* value = reply.data.find(schema.output);
        const auto* list = value == nullptr ? nullptr : value->list();
        if (reply.status != proto::StatusCode::ok || list == nullptr || list->empty()) continue;
        ++hosts;
        processes += list->size();
        for (const auto& process : *list) {
            resident += number(process, "rss") * 1024;
            virtual_size += number(process, "vsize");
        }
    }
    return Rows{fmt::format("    Matched hosts: {}", hosts), fmt::format("Matched processes: {}", processes),
                fmt::format("    Resident Size: {}", human_size(resident)),
                fmt::format("     Virtual Size: {}", human_size(virtual_size))};
}

Result<Rows> least_most_average(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    std::vector<double> values;
    for (const auto& reply : replies) {
        const auto* value = reply.data.find(schema.output);
        if (reply.status != proto::StatusCode::ok || value == nullptr) continue;
        if (const auto* real = value->real()) values.push_back(*real);
        if (const auto* whole = value->integer()) values.push_back(static_cast<double>(*whole));
    }
    if (values.empty()) return Rows{};
    double sum = 0;
    for (const auto value : values) sum += value;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const std::array<proto::Value, 3> arguments{*least, *most, sum / static_cast<double>(values.size())};
    auto row =
        format_printf(schema.format.empty() ? "Min: %.3f  Max: %.3f  Average: %.3f" : schema.format, arguments);
    if (!row) return tl::unexpected(row.error());
    return Rows{std::move(*row)};
}

}  // namespace

std::optional<Result<Rows>> summarize_for_agent(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    if (schema.function == "nagios_states") return nagios_states(schema, replies);
    if (schema.function == "process_summary") return process_summary(schema, replies);
    if (schema.function == "nettest_mma") return least_most_average(schema, replies);
    return std::nullopt;
}

std::string human_size(double octets) {
    constexpr std::array<std::string_view, 6> units{"B", "KB", "MB", "GB", "TB", "PB"};
    std::size_t unit = 0;
    for (; octets >= 1024 && unit + 1 < units.size(); ++unit) octets /= 1024;
    const auto text = fmt::format("{:.3f}", octets);
    const auto last = text.find_last_not_of('0');
    return fmt::format("{} {}", text.substr(0, text[last] == '.' ? last : last + 1), units[unit]);
}

}  // namespace mco::client
