#include "bench/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mco::bench {

using proto::Errc;

namespace {

std::optional<std::uint64_t> read_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = code == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
    return good ? std::optional(value) : std::nullopt;
}

}  // namespace

proto::Result<Arguments> Arguments::parse(const std::vector<std::string>& words) {
    Arguments arguments;
    std::size_t i = 0;
    for (; i < words.size() && !words[i].starts_with("--"); ++i) arguments.words_.push_back(words[i]);
    for (; i < words.size(); ++i) {
        if (!words[i].starts_with("--") || words[i].size() == 2)
            return proto::fail(Errc::invalid, fmt::format("'{}' is not an option", words[i]));
        const bool has_value = i + 1 < words.size() && !words[i + 1].starts_with("--");
        const auto name = words[i].substr(2);
        if (!arguments.given_.emplace(name, has_value ? words[++i] : std::string()).second)
            return proto::fail(Errc::invalid, fmt::format("--{} is given twice", name));
    }
    return arguments;
}

std::uint64_t Arguments::number(std::string_view name, std::uint64_t otherwise, std::uint64_t least,
                                std::uint64_t most) {
    const auto found = given_.find(name);
    if (found == given_.end()) return otherwise;
    const std::string text = std::move(found->second);
    given_.erase(found);
    const auto value = read_number(text, least, most);
    if (!value) complaint_ = fmt::format("--{} needs a number from {} to {}, not '{}'", name, least, most, text);
    return value.value_or(otherwise);
}

std::uint64_t Arguments::first_number(std::string_view what, std::uint64_t least, std::uint64_t most) {
    const auto given = words();
    const auto value = given.size() == 1 ? read_number(given[0], least, most) : std::nullopt;
    if (!value)
        complaint_ = fmt::format("the number of {} is missing, from {} to {}{}", what, least, most,
                                 given.empty() ? "" : fmt::format("; '{}' is given", fmt::join(given, " ")));
    return value.value_or(least);
}

std::vector<std::string> Arguments::words() { return std::exchange(words_, {}); }

std::string Arguments::text(std::string_view name, std::string_view otherwise) {
    const auto found = given_.find(name);
    if (found == given_.end()) return std::string(otherwise);
    std::string text = std::move(found->second);
    given_.erase(found);
    if (text.empty()) complaint_ = fmt::format("--{} needs a value", name);
    return text;
}

std::size_t Arguments::choice(std::string_view name, const std::vector<std::string_view>& words) {
    const auto found = given_.find(name);
    if (found == given_.end()) return 0;
    const std::string text = std::move(found->second);
    given_.erase(found);
    const auto at = std::find(words.begin(), words.end(), text);
    if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
    complaint_ = fmt::format("--{} is one of {}, not '{}'", name, fmt::join(words, ", "), text);
    return 0;
}

bool Arguments::flag(std::string_view name) {
    const auto found = given_.find(name);
    if (found == given_.end()) return false;
    if (!found->second.empty()) complaint_ = fmt::format("--{} takes no value, but '{}' is given", name, found->second);
    given_.erase(found);
    return true;
}

proto::Result<void> Arguments::done() const {
    if (!complaint_.empty()) return proto::fail(Errc::invalid, complaint_);
    if (!words_.empty()) return proto::fail(Errc::invalid, fmt::format("'{}' is not an option", words_[0]));
    if (!given_.empty())
        return proto::fail(Errc::invalid, fmt::format("there is no option --{}", given_.begin()->first));
    return {};
}

}  // namespace mco::bench
