#pragma once

#include <string_view>

namespace mco {

// For tests: reads better in a CHECK than find() does.
inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace mco
