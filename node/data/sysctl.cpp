#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "node/data/sources.hpp"
#include "proto/number_text.hpp"
#include "proto/text_file.hpp"

namespace mco::node::data {
namespace {

constexpr std::size_t value_size_max = 4096;

}  // namespace

// Reads what the program sysctl would print. A variable that does not exist or may not be read has the value "".
Outputs sysctl_in(const std::filesystem::path& root, const std::string& name) {
    std::string path = name;
    std::replace(path.begin(), path.end(), '.', '/');  // so that no ".." is left, whatever the DDL lets through
    const auto read = proto::read_text_file(root / std::filesystem::path(path).relative_path(), value_size_max);
    if (!read) return proto::Value::Map{{"value", ""}};
    std::string_view text = *read;
    text = text.substr(0, text.find_last_not_of(" \t\n") + 1);
    if (const auto number = proto::to_integer(text)) return proto::Value::Map{{"value", *number}};
    if (const auto number = proto::to_real(text)) return proto::Value::Map{{"value", *number}};
    std::string value(text);
    std::replace(value.begin(), value.end(), '\t', ' ');
    return proto::Value::Map{{"value", std::move(value)}};
}

Outputs sysctl(const Call&, const std::string& name) { return sysctl_in("/proc/sys", name); }

}  // namespace mco::node::data
