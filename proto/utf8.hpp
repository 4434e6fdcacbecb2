#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Text on the wire is UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above
// U+10FFFF. Any thread.
namespace mco::proto {

// Octets of the longest valid beginning; text.size() if all of it is valid.
std::size_t valid_utf8_size(std::string_view text);
inline bool is_utf8(std::string_view text) { return valid_utf8_size(text) == text.size(); }

// Each octet that begins no character becomes U+FFFD: what a relay of other people's text can still say truthfully.
std::string repair_utf8(std::string_view text);

// The longest beginning of at most `size_max` octets that does not cut a character of valid text.
std::string_view cut_utf8(std::string_view text, std::size_t size_max);

}  // namespace mco::proto
