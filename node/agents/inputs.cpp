#include "node/agents/inputs.hpp"

#include <utility>

#include <fmt/format.h>

namespace mco::node {
namespace {

const proto::Value* find_input(const Call& call, std::string_view name) {
    const auto found = call.arguments.find(name);
    return found == call.arguments.end() ? nullptr : &found->second;
}

}  // namespace

std::string text_input(const Call& call, std::string_view name) {
    const auto* value = find_input(call, name);
    return value == nullptr ? std::string() : value->to_text();
}

std::optional<bool> flag_input(const Call& call, std::string_view name) {
    const auto* value = find_input(call, name);
    const bool* flag = value == nullptr ? nullptr : value->flag();
    return flag == nullptr ? std::nullopt : std::optional(*flag);
}

std::optional<std::int64_t> integer_input(const Call& call, std::string_view name) {
    const auto* value = find_input(call, name);
    const std::int64_t* number = value == nullptr ? nullptr : value->integer();
    return number == nullptr ? std::nullopt : std::optional(*number);
}

std::optional<double> number_input(const Call& call, std::string_view name) {
    if (const auto whole = integer_input(call, name)) return static_cast<double>(*whole);
    const auto* value = find_input(call, name);
    const double* number = value == nullptr ? nullptr : value->real();
    return number == nullptr ? std::nullopt : std::optional(*number);
}

ActionReply aborted(std::string message) {
    return {.status = proto::StatusCode::aborted, .message = std::move(message), .data = {}};
}

ActionReply unknown_action(const Call& call) {
    return {.status = proto::StatusCode::unknown_action,
            .message = fmt::format("Unknown action '{}' for agent '{}'", call.action, call.agent),
            .data = {}};
}

}  // namespace mco::node
