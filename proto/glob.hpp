#pragma once

#include <string>
#include <string_view>

#include "proto/error.hpp"

// Names with holes, as operators know them from the shell. Any thread.
namespace mco::proto {

// Whether it holds any of [ ] * ? { }, none of which can be in an identity.
bool is_glob(std::string_view text);

// The anchored expression that means the same: * any run of characters, ? any one, [abc] [a-z] [!a] one of a class,
// {web,db} one of several, which may be globs themselves. A backslash is an ordinary character; [*] is a literal star.
// `invalid`: a bracket without its other half, a range that runs backwards.
Result<std::string> glob_expression(std::string_view glob);

}  // namespace mco::proto
