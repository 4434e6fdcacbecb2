#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

// Numbers as people write them: sign, digits, point with digits, exponent. No blanks, no hexadecimal, no "inf". Any thread.
namespace mco::proto {

enum class NumberForm { none, integer, real };
NumberForm number_form(std::string_view text);                   // "12" is an integer, "12.0" and "1e3" are real

std::optional<std::int64_t> to_integer(std::string_view text);   // nothing: no integer, or not within 64 bits
std::optional<double> to_real(std::string_view text);            // nothing: no number, or out of range

// How two numbers compare; nothing unless both are numbers. Integers of any length compare exactly.
std::optional<std::partial_ordering> compare_numbers(std::string_view one, std::string_view other);

}  // namespace mco::proto
