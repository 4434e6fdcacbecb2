#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/applications/applications.hpp"
#include "client/target.hpp"
#include "client/terminal.hpp"

namespace mco::client::applications {
namespace {

using proto::FactOperator;
using proto::Step;

void declare(OptionSet& options) {
    static constexpr Option page{"help,h", "", Section::required, "This page"};
    options.add({&page, 1});
    options.add(filter_options());
}

std::string_view in_words(FactOperator op) {
    switch (op) {
        case FactOperator::equal:
            return "is";
        case FactOperator::not_equal:
            return "is not";
        case FactOperator::less:
            return "is less than";
        case FactOperator::less_equal:
            return "is at most";
        case FactOperator::greater:
            return "is greater than";
        case FactOperator::greater_equal:
            return "is at least";
        case FactOperator::matches:
            return "matches";
        case FactOperator::matches_not:
            return "does not match";
    }
    return "";
}

std::string fact_line(std::string_view fact, FactOperator op, std::string_view value) {
    return fmt::format("fact '{}' {} '{}'", visible(fact), in_words(op), visible(value));
}

std::string name_line(std::string_view what, const std::string& name) {
    return fmt::format("{} {} '{}'", what, name.starts_with('/') ? "matches" : "is", visible(name));
}

std::string operand_line(const Step& step) {
    if (step.kind == Step::Kind::class_name) return name_line("a class", step.name);
    if (step.kind == Step::Kind::fact) return fact_line(step.name, step.op, step.value);
    return fmt::format("data source '{}', asked for '{}': output '{}' {} '{}'", step.name, visible(step.query), step.field,
                       in_words(step.op), visible(step.value));
}

struct Part {
    std::vector<std::string> lines;
    Step::Kind kind;
};

// A part within another operator: in parentheses and indented where it is one of another kind itself.
std::vector<std::string> within(Part part, Step::Kind outer) {
    const bool compound = part.kind == Step::Kind::both || part.kind == Step::Kind::either;
    if (!compound || part.kind == outer) return std::move(part.lines);
    std::vector<std::string> lines{"("};
    for (auto& line : part.lines) lines.push_back("  " + std::move(line));
    lines.emplace_back(")");
    return lines;
}

// The steps came from our own parser, so every operator has its operands.
std::vector<std::string> lines_of(const proto::Condition& condition) {
    std::vector<Part> stack;
    for (const auto& step : condition.steps) {
        if (step.kind == Step::Kind::negate) {
            auto lines = within(std::move(stack.back()), step.kind);
            lines.insert(lines.begin(), "NOT");
            stack.back() = {std::move(lines), step.kind};
        } else if (step.kind == Step::Kind::both || step.kind == Step::Kind::either) {
            auto right = within(std::move(stack.back()), step.kind);
            stack.pop_back();
            auto lines = within(std::move(stack.back()), step.kind);
            lines.emplace_back(step.kind == Step::Kind::both ? "AND" : "OR");
            lines.insert(lines.end(), right.begin(), right.end());
            stack.back() = {std::move(lines), step.kind};
        } else {
            stack.push_back({{operand_line(step)}, step.kind});
        }
    }
    return std::move(stack.back().lines);
}

proto::Result<std::vector<std::string>> unknown_set(std::string_view) {
    return proto::fail(proto::Errc::invalid, "what @last means depends on the last command; this one explains only what is written");
}

proto::Result<ExitStatus> run(Context& context) {
    if (!context.options.words().empty())
        return proto::fail(proto::Errc::invalid, "takes no words; give the filter with -I, -C, -F, -A, -W or -S");
    const auto filter = read_filter(context.options, unknown_set);
    if (!filter) return tl::unexpected(filter.error());
    if (const auto matcher = compile_filter(*filter); !matcher) return tl::unexpected(matcher.error());
    auto& out = context.out();
    if (filter->empty()) {
        out << "No filter: every node of the collective is meant.\n";
        return ExitStatus::ok;
    }
    const auto block = [&](std::string_view title, const std::vector<std::string>& lines) {
        if (lines.empty()) return;
        out << title << ":\n\n";
        for (const auto& line : lines) out << "  " << line << '\n';
        out << '\n';
    };
    const auto names = [](std::string_view what, const std::vector<std::string>& terms) {
        std::vector<std::string> lines;
        for (const auto& term : terms) lines.push_back(name_line(what, term));
        return lines;
    };
    std::vector<std::string> facts;
    for (const auto& term : filter->facts) facts.push_back(fact_line(term.fact, term.op, term.value));
    block("One of these names (-I)", names("the name", filter->identities));
    block("All of these classes (-C, -W)", names("a class", filter->classes));
    block("All of these agents (-A)", names("an agent", filter->agents));
    block("All of these facts (-F, -W)", facts);
    for (const auto& condition : filter->conditions)
        block(fmt::format("-S {}", visible(proto::to_text(condition))), lines_of(condition));
    return ExitStatus::ok;
}

}  // namespace

const Command describe_filter{
    "describe_filter",
    "Say in words whom a filter means",
    "[filters]",
    "mco describe_filter -S \"!customer=acme and (web or /db/)\"\n"
    "mco describe_filter -F country=uk -C /http/\n"
    "mco describe_filter -W 'role::web uptime_days>9' -I 'web[1-3]'",
    declare,
    run,
};

}  // namespace mco::client::applications
