#pragma once

#include <cstddef>
#include <string_view>

#include "proto/error.hpp"
#include "proto/limits.hpp"
#include "proto/value.hpp"

namespace mco::proto {

struct YamlBounds {
    std::size_t elements = limits::value_elements_max;
    std::size_t octets = 2 * limits::facts_size_max;  // of all text: one large text may be named many times
};

// A YAML (or JSON) text of facts as a map. Maps and lists are kept, every other value becomes text, null becomes "": what Ruby's
// reader makes of it, since that is what filters and policies were written against. A plain yes/no/on/off/true/false reads as
// true or false, ":name" (a Ruby symbol) as name, and aliases and << merges are followed within the bounds, so that a few octets
// cannot grow into gigabytes. An error is `malformed` and names the line. Any thread.
Result<Value> parse_yaml_facts(std::string_view text);
Result<Value> parse_yaml_facts(std::string_view text, const YamlBounds& bounds);

}  // namespace mco::proto
