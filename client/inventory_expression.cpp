#include "client/inventory_expression.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/filter.hpp"

namespace mco::client {
namespace {

using proto::Result;
using proto::Value;
using Kind = InventoryExpression::Kind;

constexpr int depth_max = 16;

constexpr std::string_view known =
    "only identity, time, classes, agents, facts[\"name\"], texts, .join .size .to_s .include? and X ? A : B are understood";

Result<InventoryExpression> read_value(ScriptCursor& cursor, int depth);

Result<InventoryExpression> read_atom(ScriptCursor& cursor) {
    if (cursor.at_string()) {
        auto text = cursor.take_string();
        if (!text) return tl::unexpected(text.error());
        return InventoryExpression{.kind = Kind::text, .text = std::move(*text), .parts = {}};
    }
    const auto word = cursor.take_word();
    if (word == "identity") return InventoryExpression{.kind = Kind::identity, .text = {}, .parts = {}};
    if (word == "time") return InventoryExpression{.kind = Kind::time, .text = {}, .parts = {}};
    if (word == "classes") return InventoryExpression{.kind = Kind::classes, .text = {}, .parts = {}};
    if (word == "agents") return InventoryExpression{.kind = Kind::agents, .text = {}, .parts = {}};
    if (word == "facts") return InventoryExpression{.kind = Kind::facts, .text = {}, .parts = {}};
    return cursor.fail(word.empty() ? fmt::format("a value is expected here; {}", known)
                                    : fmt::format("'{}' is not understood; {}", word, known));
}

Result<std::string> read_argument(ScriptCursor& cursor) {
    if (!cursor.take('(')) return cursor.fail("( and a text are expected here");
    auto text = cursor.take_string();
    if (text && !cursor.take(')')) return cursor.fail(") is expected here");
    return text;
}

Result<InventoryExpression> read_method(ScriptCursor& cursor, InventoryExpression of) {
    InventoryExpression call{.kind = Kind::to_s, .text = {}, .parts = {}};
    call.parts.push_back(std::move(of));
    const auto name = cursor.take_word();
    if (name == "size" || name == "length" || name == "count") {
        call.kind = Kind::size;
    } else if (name == "join" || (name == "include" && cursor.take('?'))) {
        call.kind = name == "join" ? Kind::join : Kind::includes;
        auto argument = read_argument(cursor);
        if (!argument) return tl::unexpected(argument.error());
        call.text = std::move(*argument);
    } else if (name != "to_s") {
        return cursor.fail(fmt::format("the method '{}' is not understood; {}", name, known));
    }
    return call;
}

Result<InventoryExpression> read_chain(ScriptCursor& cursor) {
    auto value = read_atom(cursor);
    for (int links = 0; value; ++links) {
        if (links > depth_max) return cursor.fail("this value is too long");
        if (cursor.take('[')) {
            auto key = cursor.take_string();
            if (!key) return tl::unexpected(key.error());
            if (!cursor.take(']')) return cursor.fail("] is expected here");
            InventoryExpression index{.kind = Kind::index, .text = std::move(*key), .parts = {}};
            index.parts.push_back(std::move(*value));
            value = std::move(index);
        } else if (cursor.take('.')) {
            value = read_method(cursor, std::move(*value));
        } else {
            break;
        }
    }
    return value;
}

Result<InventoryExpression> read_value(ScriptCursor& cursor, int depth) {
    if (depth > depth_max) return cursor.fail("values are nested too deep");
    auto value = read_chain(cursor);
    if (!value || !cursor.take('?')) return value;
    InventoryExpression choose{.kind = Kind::choose, .text = {}, .parts = {}};
    choose.parts.push_back(std::move(*value));
    for (const char sign : {':', '\0'}) {
        auto answer = read_value(cursor, depth + 1);
        if (!answer) return answer;
        choose.parts.push_back(std::move(*answer));
        if (sign != '\0' && !cursor.take(sign)) return cursor.fail(": is expected here, between the two answers");
    }
    return choose;
}

Value member(const InventoryNode& node, std::string_view key) {
    const auto* found = node.data.find(key);
    return found == nullptr ? Value() : *found;
}

Value size_of(const Value& value) {
    if (const auto* list = value.list()) return static_cast<std::int64_t>(list->size());
    if (const auto* map = value.map()) return static_cast<std::int64_t>(map->size());
    return static_cast<std::int64_t>(value.to_text().size());
}

std::string joined(const Value& value, std::string_view separator) {
    const auto* list = value.list();
    if (list == nullptr) return value.to_text();
    std::string text;
    for (std::size_t i = 0; i < list->size(); ++i) {
        if (i > 0) text += separator;
        text += (*list)[i].to_text();
    }
    return text;
}

bool includes(const Value& value, const std::string& wanted) {
    if (const auto* map = value.map()) return map->find(wanted) != map->end();
    const auto* list = value.list();
    if (list == nullptr) return value.to_text().find(wanted) != std::string::npos;
    return std::any_of(list->begin(), list->end(), [&](const Value& each) { return each.to_text() == wanted; });
}

}  // namespace

Result<InventoryExpression> read_expression(ScriptCursor& cursor) { return read_value(cursor, 0); }

Value value_of(const InventoryExpression& expression, const InventoryNode& node) {
    const auto part = [&](std::size_t i) { return value_of(expression.parts[i], node); };
    switch (expression.kind) {
        case Kind::text:
            return expression.text;
        case Kind::identity:
            return node.identity;
        case Kind::time:
            return node.time;
        case Kind::classes:
            return member(node, "classes");
        case Kind::agents:
            return member(node, "agents");
        case Kind::facts:
            return member(node, "facts");
        case Kind::index: {
            const auto whole = part(0);
            const auto* found = proto::find_fact(whole, expression.text);
            return found == nullptr ? Value() : *found;
        }
        case Kind::join:
            return joined(part(0), expression.text);
        case Kind::size:
            return size_of(part(0));
        case Kind::to_s:
            return part(0).to_text();
        case Kind::includes:
            return includes(part(0), expression.text);
        case Kind::choose: {
            const auto question = part(0);  // as in Ruby only nothing and false are no
            const bool yes = !question.is_null() && (question.flag() == nullptr || *question.flag());
            return part(yes ? 1 : 2);
        }
    }
    return {};
}

}  // namespace mco::client
