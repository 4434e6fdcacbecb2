#include "proto/value.hpp"

#include <cmath>

#include <fmt/format.h>

namespace mco::proto {

const Value* Value::find(std::string_view key) const {
    const Map* members = map();
    if (members == nullptr) return nullptr;
    const auto found = members->find(key);
    return found == members->end() ? nullptr : &found->second;
}

std::string Value::to_text() const {
    if (is_null()) return {};
    if (const std::string* held = text()) return *held;
    if (const double* held = real(); held != nullptr && !std::isfinite(*held)) return fmt::format("{}", *held);
    return to_json(*this);  // a number looks the same to a person, a filter and a program
}

}  // namespace mco::proto
