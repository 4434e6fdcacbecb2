#include "client/aggregates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/printf.h>

#include "client/agent_aggregates.hpp"

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;
using proto::Result;
using Rows = std::vector<std::string>;

constexpr std::size_t width_max = 200;  // of one conversion: a DDL is data, too

std::optional<double> number_of(const proto::Value& value) {
    if (const auto* integer = value.integer()) return static_cast<double>(*integer);
    if (const auto* real = value.real()) return *real;
    return std::nullopt;
}

// Values of one output of the replies that succeeded; what is null was not measured.
std::vector<const proto::Value*> values_of(std::span<const Reply> replies, std::string_view output) {
    std::vector<const proto::Value*> values;
    for (const auto& reply : replies) {
        if (reply.status != proto::StatusCode::ok) continue;
        const auto* value = reply.data.find(output);
        if (value != nullptr && !value->is_null()) values.push_back(value);
    }
    return values;
}

struct Counted {
    std::string value;
    std::int64_t count = 0;
};

// By count, then by value, so that equal runs print equally.
std::vector<Counted> ordered(const std::map<std::string, std::int64_t>& counts) {
    std::vector<Counted> result;
    for (const auto& [value, count] : counts) result.push_back({value, count});
    std::stable_sort(result.begin(), result.end(),
                     [](const Counted& a, const Counted& b) { return a.count > b.count; });
    return result;
}

Result<Rows> rows_of(const std::vector<Counted>& counts, const std::string& format) {
    std::size_t longest = 0;
    for (const auto& counted : counts) longest = std::max(longest, width(counted.value));
    Rows rows;
    for (const auto& counted : counts) {
        if (format.empty()) {
            rows.push_back(fmt::format("{} = {}", right(counted.value, longest), counted.count));
            continue;
        }
        const std::array<proto::Value, 2> arguments{proto::Value(counted.value), proto::Value(counted.count)};
        auto row = format_printf(format, arguments);
        if (!row) return tl::unexpected(row.error());
        rows.push_back(std::move(*row));
    }
    return rows;
}

Result<Rows> summary(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    std::map<std::string, std::int64_t> counts;
    for (const auto* value : values_of(replies, schema.output)) {
        if (const auto* list = value->list()) {
            for (const auto& element : *list) ++counts[visible(element.to_text())];
        } else {
            ++counts[visible(value->to_text())];
        }
    }
    return rows_of(ordered(counts), schema.format);
}

Result<Rows> boolean_summary(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    std::map<std::string, std::int64_t> counts;
    for (const auto* value : values_of(replies, schema.output)) {
        if (value->flag() == nullptr)
            return fail(Errc::invalid, fmt::format("output {} is not a boolean everywhere", schema.output));
        const auto label = schema.labels.find(*value->flag() ? "true" : "false");
        ++counts[label != schema.labels.end() ? visible(label->second) : *value->flag() ? "True" : "False"];
    }
    return rows_of(ordered(counts), schema.format.empty() ? "%5s = %s" : schema.format);
}

enum class Of { sum, average };
Result<Rows> arithmetic(Of what, const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    const auto values = values_of(replies, schema.output);
    if (values.empty()) return Rows{};
    double sum = 0;
    for (const auto* value : values) {
        const auto number = number_of(*value);
        if (!number) return fail(Errc::invalid, fmt::format("output {} is not a number everywhere", schema.output));
        sum += *number;
    }
    const double result = what == Of::sum ? sum : sum / static_cast<double>(values.size());
    const std::string format = !schema.format.empty() ? schema.format
                               : what == Of::sum      ? "Sum of " + schema.output + ": %f"
                                                      : "Average of " + schema.output + ": %f";
    const std::array<proto::Value, 1> arguments{proto::Value(result)};
    auto row = format_printf(format, arguments);
    if (!row) return tl::unexpected(row.error());
    return Rows{std::move(*row)};
}

// How the values are spread: a sparkline of how many there are in each of equal parts between least and most.
Result<Rows> chart(const proto::AggregateSchema& schema, std::span<const Reply> replies) {
    constexpr std::size_t columns = 20;
    const auto values = values_of(replies, schema.output);
    if (values.empty()) return Rows{};
    std::vector<double> numbers;
    for (const auto* value : values) {
        const auto number = number_of(*value);
        if (!number || !(std::abs(*number) < 1e300))  // their differences are numbers, too
            return fail(Errc::invalid, fmt::format("output {} is not a number everywhere", schema.output));
        numbers.push_back(*number);
    }
    const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
    const double reach = *most - *least;
    std::vector<std::size_t> counts(reach > 0 ? columns : 1);
    for (const double number : numbers) {
        const auto column = reach > 0 ? static_cast<std::size_t>((number - *least) / reach * columns) : 0;
        ++counts[std::min(column, counts.size() - 1)];
    }
    if (schema.format.empty()) return Rows{fmt::format("{:g} {} {:g}", *least, sparkline(counts), *most)};
    const std::array<proto::Value, 1> arguments{proto::Value(sparkline(counts))};
    auto row = format_printf(schema.format, arguments);
    if (!row) return tl::unexpected(row.error());
    return Rows{std::move(*row)};
}

Result<Rows> compute(const proto::AggregateSchema& schema, const proto::ActionSchema& action,
                     std::span<const Reply> replies) {
    if (action.find_output(schema.output) == nullptr)
        return fail(Errc::not_found, fmt::format("the action has no output {}", schema.output));
    if (schema.function == "summary") return summary(schema, replies);
    if (schema.function == "boolean_summary") return boolean_summary(schema, replies);
    if (schema.function == "chart") return chart(schema, replies);
    if (schema.function == "sum") return arithmetic(Of::sum, schema, replies);
    if (schema.function == "average") return arithmetic(Of::average, schema, replies);
    if (auto rows = summarize_for_agent(schema, replies)) return std::move(*rows);
    return fail(Errc::unsupported, fmt::format("there is no aggregate function {}", schema.function));
}

// One conversion after its '%': flags, width, precision, letter.
struct Conversion {
    std::string spec;  // for fmt: "%-20" and the like, without the letter
    char letter = 0;
};

Result<Conversion> read_conversion(std::string_view& rest) {
    const auto bad = [] { return fail(Errc::invalid, "a conversion of the format is not understood"); };
    const auto end = rest.find_first_not_of("-+ 0#123456789.");
    if (end == std::string_view::npos) return bad();
    Conversion conversion{"%" + std::string(rest.substr(0, end)), rest[end]};
    std::size_t number = 0;
    for (const char character : conversion.spec) {
        number = character >= '0' && character <= '9' ? number * 10 + static_cast<std::size_t>(character - '0') : 0;
        if (number > width_max) return bad();
    }
    rest.remove_prefix(end + 1);
    return conversion;
}

Result<std::string> convert(const Conversion& conversion, const proto::Value& value) {
    const auto number = number_of(value);
    try {
        switch (conversion.letter) {
            case 's':
                return fmt::sprintf(conversion.spec + "s", value.to_text());
            case 'd':
            case 'i':
            case 'x':
                if (!number || !(std::abs(*number) < 9e18)) return fail(Errc::invalid, "a value is not a number");
                return fmt::sprintf(conversion.spec + conversion.letter, static_cast<std::int64_t>(*number));
            case 'f':
            case 'g':
            case 'e':
                if (!number) return fail(Errc::invalid, "a value is not a number");
                return fmt::sprintf(conversion.spec + conversion.letter, *number);
            default:
                return fail(Errc::invalid,
                            fmt::format("the format has %{}, which is not supported", conversion.letter));
        }
    } catch (const fmt::format_error& error) {
        return fail(Errc::invalid, fmt::format("the format {}{} is not understood: {}", conversion.spec,
                                               conversion.letter, error.what()));
    }
}

}  // namespace

Result<std::string> format_printf(std::string_view format, std::span<const proto::Value> arguments) {
    std::string text;
    std::size_t used = 0;
    while (!format.empty()) {
        const auto percent = std::min(format.find('%'), format.size());
        text += format.substr(0, percent);
        format.remove_prefix(percent);
        if (format.empty()) break;
        format.remove_prefix(1);
        if (format.starts_with('%')) {
            text += '%';
            format.remove_prefix(1);
            continue;
        }
        auto conversion = read_conversion(format);
        if (!conversion) return tl::unexpected(conversion.error());
        if (used == arguments.size()) return fail(Errc::invalid, "the format asks for more values than there are");
        auto converted = convert(*conversion, arguments[used++]);
        if (!converted) return converted;
        text += *converted;
    }
    return text;
}

std::string aggregate_blocks(const proto::ActionSchema& action, std::span<const Reply> replies,
                             const Terminal& terminal) {
    std::string text;
    for (const auto& schema : action.aggregates) {
        const auto* output = action.find_output(schema.output);
        const std::string& title =
            output != nullptr && !output->display_as.empty() ? output->display_as : schema.output;
        text += painted(terminal, Paint::bold, "Summary of " + visible(title) + ":") + "\n\n";
        const auto rows = compute(schema, action, replies);
        if (!rows) {
            text += "   Could not compute summary - " + visible(rows.error().detail) + "\n";
        } else if (rows->empty()) {
            text += "   No aggregate summary could be computed\n";
        } else {
            for (const auto& row : *rows) text += "   " + row + "\n";
        }
        text += "\n";
    }
    return text;
}

}  // namespace mco::client
