#include "proto/expression.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "proto/limits.hpp"
#include "proto/utf8.hpp"

namespace mco::proto {
namespace {

// RE2 divides this between the program (here at most about 2,700 steps) and its cache of states. Half of it already makes
// harmless expressions slow, because states do not fit; more of it admits programs of which one match takes seconds.
constexpr std::int64_t memory_max = 64 * 1024;

constexpr std::size_t start_effort = 16;  // to begin with a text at all, in octets of it

enum class Groups { ignored, kept };

Result<std::unique_ptr<const re2::RE2>> compiled_from(std::string_view pattern, Expression::Anchors anchors,
                                                      Groups groups) {
    const std::string readable = repair_utf8(pattern.substr(0, limits::name_size_max));
    const std::string shown = fmt::format("/{}{}/", readable, pattern.size() > limits::name_size_max ? "..." : "");
    if (pattern.size() > limits::filter_text_size_max) {
        return fail(Errc::invalid,
                    fmt::format("the expression {} is longer than {} octets", shown, limits::filter_text_size_max));
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(groups == Groups::ignored);
    options.set_max_mem(memory_max);
    const std::string whole = fmt::format("{}{}", anchors == Expression::Anchors::lines ? "(?m)" : "", pattern);
    auto compiled = std::make_unique<const re2::RE2>(whole, options);
    if (!compiled->ok()) {
        return fail(
            Errc::invalid,
            fmt::format("{} is not an expression RE2 understands: {}\nLook-around, back-references and very large "
                        "repetitions do not exist here.",
                        shown, repair_utf8(compiled->error())));
    }
    return compiled;
}

}  // namespace

Expression::Expression(std::unique_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::compile(std::string_view pattern, Anchors anchors) {
    auto compiled = compiled_from(pattern, anchors, Groups::ignored);
    if (!compiled) return tl::unexpected(std::move(compiled.error()));
    return Expression(std::move(*compiled));
}

bool Expression::matches(std::string_view text) const {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

std::size_t Expression::effort(std::size_t text_size) const { return program_size() * (text_size + start_effort); }

std::size_t Expression::program_size() const { return static_cast<std::size_t>(compiled_->ProgramSize()); }

Extraction::Extraction(std::unique_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Extraction::Extraction(Extraction&&) noexcept = default;
Extraction& Extraction::operator=(Extraction&&) noexcept = default;
Extraction::~Extraction() = default;

Result<Extraction> Extraction::compile(std::string_view pattern) {
    auto compiled = compiled_from(pattern, Expression::Anchors::lines, Groups::kept);
    if (!compiled) return tl::unexpected(std::move(compiled.error()));
    return Extraction(std::move(*compiled));
}

std::vector<std::string> Extraction::names() const {
    std::vector<std::string> names;
    for (const auto& [name, number] : compiled_->NamedCapturingGroups()) names.push_back(name);
    return names;
}

std::optional<std::map<std::string, std::string>> Extraction::find(std::string_view text) const {
    std::vector<re2::StringPiece> groups(static_cast<std::size_t>(compiled_->NumberOfCapturingGroups()) + 1);
    if (!compiled_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::UNANCHORED,
                          groups.data(), static_cast<int>(groups.size())))
        return std::nullopt;
    std::map<std::string, std::string> found;
    const auto& named = compiled_->NamedCapturingGroups();
    for (const auto& [name, number] : named) {
        const auto& group = groups[static_cast<std::size_t>(number)];
        if (group.data() != nullptr) found.emplace(name, std::string(group.data(), group.size()));
    }
    if (named.empty()) {
        const auto& group = groups.size() > 1 && groups[1].data() != nullptr ? groups[1] : groups[0];
        found.emplace("", std::string(group.data(), group.size()));
    }
    return found;
}

}  // namespace mco::proto
