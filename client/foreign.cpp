#include "client/foreign.hpp"

#include <cmath>

namespace mco::client::foreign {

using proto::Value;

std::string text(const Value& map, std::string_view key) {
    const auto* value = map.find(key);
    return value == nullptr || value->text() == nullptr ? std::string() : *value->text();
}
std::optional<std::int64_t> integer(const Value& map, std::string_view key) {
    const auto* value = map.find(key);
    if (value == nullptr || value->integer() == nullptr) return std::nullopt;
    return *value->integer();
}
std::optional<double> real(const Value& map, std::string_view key) {
    const auto* value = map.find(key);
    if (value == nullptr) return std::nullopt;
    if (value->integer() != nullptr) return static_cast<double>(*value->integer());
    if (value->real() == nullptr || !std::isfinite(*value->real())) return std::nullopt;
    return *value->real();
}
bool flag(const Value& map, std::string_view key) {
    const auto* value = map.find(key);
    return value != nullptr && value->flag() != nullptr && *value->flag();
}
const Value::List& list(const Value& map, std::string_view key) {
    static const Value::List none;
    const auto* value = map.find(key);
    return value == nullptr || value->list() == nullptr ? none : *value->list();
}

}  // namespace mco::client::foreign
