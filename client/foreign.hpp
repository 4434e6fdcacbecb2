#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/value.hpp"

// Members of a map that a node sent; what is not there, or of another kind, is empty.
namespace mco::client::foreign {

std::string text(const proto::Value& map, std::string_view key);
std::optional<std::int64_t> integer(const proto::Value& map, std::string_view key);
std::optional<double> real(const proto::Value& map, std::string_view key);  // a whole number, too; finite
bool flag(const proto::Value& map, std::string_view key);
const proto::Value::List& list(const proto::Value& map, std::string_view key);

}  // namespace mco::client::foreign
