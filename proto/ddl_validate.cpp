// Inputs against a DDL: the node's side, and the command line's.

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/config_file.hpp"
#include "proto/ddl.hpp"
#include "proto/ddl_validators.hpp"
#include "proto/number_text.hpp"

namespace mco::proto {
namespace {

using Objection = std::optional<std::string>;

Objection unless(bool good, std::string_view objection) {
    return good ? std::nullopt : std::optional(std::string(objection));
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Objection object_to_text(const InputSchema& input, const Value& value) {
    const std::string* text = value.text();
    if (text == nullptr) return "must be text";
    if (input.length_max > 0 && characters(*text) > input.length_max) {
        return fmt::format("must not be longer than {} characters", input.length_max);
    }
    return object_to(*text, input.validation);
}

Objection object_to_choice(const InputSchema& input, const Value& value) {
    const bool scalar = value.list() == nullptr && value.map() == nullptr && !value.is_null();
    const auto& allowed = input.allowed;
    if (scalar && std::find(allowed.begin(), allowed.end(), value.to_text()) != allowed.end()) return std::nullopt;
    return fmt::format("must be one of {}", fmt::join(allowed, ", "));
}

Objection object_to_value(const InputSchema& input, const Value& value) {
    switch (input.type) {
        case InputType::string:
            return object_to_text(input, value);
        case InputType::list:
            return object_to_choice(input, value);
        case InputType::boolean:
            return unless(value.flag() != nullptr, "must be true or false");
        case InputType::integer:
            return unless(value.integer() != nullptr, "must be an integer");
        case InputType::float_number:
            return unless(value.real() != nullptr, "must be a float");
        case InputType::number:
            return unless(value.integer() != nullptr || value.real() != nullptr, "must be a number");
        case InputType::hash:
            return unless(value.map() != nullptr, "must be a hash");
        case InputType::array:
            return unless(value.list() != nullptr, "must be an array");
    }
    return "has a type nobody knows";
}

tl::unexpected<Error> refuse(const InputSchema& input, std::string_view why) {
    return fail(Errc::invalid, fmt::format("Cannot validate input {}: {}", input.name, why));
}

Result<Value> read_number(const InputSchema& input, std::string_view word) {
    switch (number_form(word)) {
        case NumberForm::none:
            break;
        case NumberForm::integer:
            if (input.type == InputType::float_number) break;
            if (const auto number = to_integer(word)) return Value(*number);
            return refuse(input, "does not fit in 64 bits");
        case NumberForm::real:
            if (input.type == InputType::integer && word.find('.') == std::string_view::npos) {
                constexpr double exact_max = 9'007'199'254'740'992.0;  // 2^53: above, not every integer is a double
                const auto number = to_real(word);
                if (number && std::abs(*number) <= exact_max && std::trunc(*number) == *number) {
                    return Value(static_cast<std::int64_t>(*number));
                }
            }
            break;
    }
    if (input.type == InputType::integer) return refuse(input, "must be an integer");
    if (const auto number = to_real(word)) return Value(*number);
    return refuse(input, input.type == InputType::float_number ? "must be a float" : "must be a number");
}

Result<Value> read_word(const InputSchema& input, const std::string& word) {
    switch (input.type) {
        case InputType::string:
        case InputType::list:
            return Value(word);
        case InputType::boolean: {
            const auto flag = parse_boolean(word);
            if (!flag) return refuse(input, "must be true or false");
            return Value(*flag);
        }
        case InputType::integer:
        case InputType::float_number:
        case InputType::number:
            return read_number(input, word);
        case InputType::hash:
        case InputType::array: {
            auto value = parse_json(word);
            const std::string_view kind = input.type == InputType::hash ? "a hash" : "an array";
            if (!value) return refuse(input, fmt::format("must be {} in JSON: {}", kind, value.error().detail));
            return value;
        }
    }
    return refuse(input, "has a type nobody knows");
}

}  // namespace

Result<void> validate_inputs(const ActionSchema& action, const Value::Map& inputs) {
    for (const InputSchema& input : action.inputs) {
        const auto given = inputs.find(input.name);
        if (given == inputs.end()) {
            if (input.optional) continue;
            return refuse(input, fmt::format("the action {} needs it", action.name));
        }
        if (const auto objection = object_to_value(input, given->second)) return refuse(input, *objection);
    }
    return {};
}

Value::Map recordable(const ActionSchema& action, const Value::Map& inputs) {
    Value::Map shown;
    for (const InputSchema& input : action.inputs) {
        const auto given = inputs.find(input.name);
        if (given != inputs.end()) shown.emplace(input.name, input.secret ? Value("[secret]") : given->second);
    }
    return shown;
}

Result<void> validate_query(const DataSchema& source, const std::string& query) {
    if (!source.query) {
        if (query.empty()) return {};
        return fail(Errc::invalid, fmt::format("the data source {} takes no question", source.name));
    }
    ActionSchema question{.name = source.name, .inputs = {*source.query}};
    std::map<std::string, std::string> words;
    if (!query.empty()) words.emplace(source.query->name, query);
    const auto read = read_inputs(question, words);
    if (!read) return tl::unexpected(read.error());
    return {};
}

Result<Value::Map> read_inputs(const ActionSchema& action, const std::map<std::string, std::string>& words) {
    Value::Map inputs;
    for (const auto& [name, word] : words) {
        const InputSchema* input = action.find_input(name);
        if (input == nullptr) {
            inputs.emplace(name, word);
            continue;
        }
        auto value = read_word(*input, word);
        if (!value) return tl::unexpected(value.error());
        inputs.emplace(name, std::move(*value));
    }
    for (const InputSchema& input : action.inputs) {
        if (!input.optional && input.default_value) inputs.try_emplace(input.name, *input.default_value);
    }
    if (auto valid = validate_inputs(action, inputs); !valid) return tl::unexpected(valid.error());
    return inputs;
}

}  // namespace mco::proto
