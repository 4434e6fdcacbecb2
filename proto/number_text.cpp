#include "proto/number_text.hpp"

#include <charconv>
#include <cstddef>
#include <system_error>

namespace mco::proto {
namespace {

std::size_t digits_at(std::string_view text, std::size_t from) {
    std::size_t count = 0;
    while (from + count < text.size() && text[from + count] >= '0' && text[from + count] <= '9') ++count;
    return count;
}

bool is_sign(char c) { return c == '+' || c == '-'; }

std::string_view without_plus(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    return text;
}

// An integer apart into its sign and digits without leading zeros; zero has no sign.
struct Digits {
    bool negative = false;
    std::string_view digits;
};
Digits digits_of(std::string_view integer) {
    const bool minus = integer.front() == '-';
    if (is_sign(integer.front())) integer.remove_prefix(1);
    while (!integer.empty() && integer.front() == '0') integer.remove_prefix(1);
    return {.negative = minus && !integer.empty(), .digits = integer};
}

std::strong_ordering compare_integers(std::string_view one, std::string_view other) {
    const Digits a = digits_of(one);
    const Digits b = digits_of(other);
    if (a.negative != b.negative) return a.negative ? std::strong_ordering::less : std::strong_ordering::greater;
    const auto size = a.digits.size() <=> b.digits.size();
    const std::strong_ordering magnitude = size != 0 ? size : a.digits.compare(b.digits) <=> 0;
    return a.negative ? 0 <=> magnitude : magnitude;
}

}  // namespace

NumberForm number_form(std::string_view text) {
    std::size_t at = !text.empty() && is_sign(text.front()) ? 1 : 0;
    const std::size_t whole = digits_at(text, at);
    if (whole == 0) return NumberForm::none;
    at += whole;
    if (at == text.size()) return NumberForm::integer;
    if (text[at] == '.') {
        const std::size_t fraction = digits_at(text, at + 1);
        if (fraction == 0) return NumberForm::none;
        at += 1 + fraction;
        if (at == text.size()) return NumberForm::real;
    }
    if (text[at] != 'e' && text[at] != 'E') return NumberForm::none;
    ++at;
    if (at < text.size() && is_sign(text[at])) ++at;
    const std::size_t exponent = digits_at(text, at);
    return exponent > 0 && at + exponent == text.size() ? NumberForm::real : NumberForm::none;
}

std::optional<std::int64_t> to_integer(std::string_view text) {
    if (number_form(text) != NumberForm::integer) return std::nullopt;
    text = without_plus(text);
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<double> to_real(std::string_view text) {
    if (number_form(text) == NumberForm::none) return std::nullopt;
    text = without_plus(text);
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<std::partial_ordering> compare_numbers(std::string_view one, std::string_view other) {
    const NumberForm one_form = number_form(one);
    const NumberForm other_form = number_form(other);
    if (one_form == NumberForm::none || other_form == NumberForm::none) return std::nullopt;
    if (one_form == NumberForm::integer && other_form == NumberForm::integer) return compare_integers(one, other);
    const auto a = to_real(one);
    const auto b = to_real(other);
    if (!a || !b) return std::nullopt;
    return *a <=> *b;
}

}  // namespace mco::proto
