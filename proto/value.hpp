#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/error.hpp"

namespace mco::proto {

// Data whose shape only an agent's DDL knows: arguments, outputs, facts. A closed set of kinds; text is UTF-8.
// A plain value: copies are deep, comparison is by content, nothing is shared between threads.
class Value {
 public:
    using List = std::vector<Value>;
    using Map = std::map<std::string, Value, std::less<>>;  // ordered: equal maps give equal octets

    Value() = default;  // null
    Value(bool flag) : held_(flag) {}
    Value(int number) : held_(static_cast<std::int64_t>(number)) {}
    Value(std::int64_t number) : held_(number) {}
    Value(std::uint32_t number) : held_(static_cast<std::int64_t>(number)) {}
    Value(double number) : held_(number) {}
    Value(const char* text) : held_(std::string(text)) {}
    Value(std::string_view text) : held_(std::string(text)) {}
    Value(std::string text) : held_(std::move(text)) {}
    Value(List list) : held_(std::move(list)) {}
    Value(Map map) : held_(std::move(map)) {}

    bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
    // The held kind, or nullptr.
    const bool* flag() const { return std::get_if<bool>(&held_); }
    const std::int64_t* integer() const { return std::get_if<std::int64_t>(&held_); }
    const double* real() const { return std::get_if<double>(&held_); }
    const std::string* text() const { return std::get_if<std::string>(&held_); }
    const List* list() const { return std::get_if<List>(&held_); }
    const Map* map() const { return std::get_if<Map>(&held_); }
    List* list() { return std::get_if<List>(&held_); }
    Map* map() { return std::get_if<Map>(&held_); }

    // The member of a map, or nullptr if this is no map or has no such key.
    const Value* find(std::string_view key) const;

    // What a person or a filter sees: text as it is, true/false, shortest round-trip number, "" for null,
    // compact JSON for lists and maps.
    std::string to_text() const;

    friend bool operator==(const Value&, const Value&) = default;

 private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> held_;
};

// JSON, bounded by limits::value_*: deeper or larger input is `malformed` with the place. Integers outside int64, a key
// given twice and invalid UTF-8 are refused on reading; on writing, invalid UTF-8 is replaced (U+FFFD) and NaN or infinity
// become null.
Result<Value> parse_json(std::string_view text);
std::string to_json(const Value& value);
std::string to_pretty_json(const Value& value);  // two blanks a level

}  // namespace mco::proto
