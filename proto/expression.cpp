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

}  // namespace

Expression::Expression(std::unique_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::compile(std::string_view pattern, Anchors anchors) {
    const std::string readable = repair_utf8(pattern.substr(0, limits::name_size_max));
    const std::string shown = fmt::format("/{}{}/", readable, pattern.size() > limits::name_size_max ? "..." : "");
    if (pattern.size() > limits::filter_text_size_max) {
        return fail(Errc::invalid,
                    fmt::format("the expression {} is longer than {} octets", shown, limits::filter_text_size_max));
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(memory_max);
    const std::string whole = fmt::format("{}{}", anchors == Anchors::lines ? "(?m)" : "", pattern);
    auto compiled = std::make_unique<const re2::RE2>(whole, options);
    if (!compiled->ok()) {
        return fail(
            Errc::invalid,
            fmt::format("{} is not an expression RE2 understands: {}\nLook-around, back-references and very large "
                        "repetitions do not exist here.",
                        shown, repair_utf8(compiled->error())));
    }
    return Expression(std::move(compiled));
}

bool Expression::matches(std::string_view text) const {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

std::size_t Expression::effort(std::size_t text_size) const { return program_size() * (text_size + start_effort); }

std::size_t Expression::program_size() const { return static_cast<std::size_t>(compiled_->ProgramSize()); }

}  // namespace mco::proto
