#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/script_cursor.hpp"
#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::client {

// What an inventory script may say of a node.
struct InventoryNode {
    std::string identity;
    proto::Value data;  // of rpcutil's inventory: facts, classes, agents
    std::string time;   // of the report
};

// A value in a script, as read: nothing is run. What Ruby's answer would be is written down for each kind in value_of().
struct InventoryExpression {
    enum class Kind : std::uint8_t { text, identity, time, classes, agents, facts, index, join, size, to_s, includes, choose };
    Kind kind = Kind::text;
    std::string text;                        // the text, the index' key, join's separator, what include? asks for
    std::vector<InventoryExpression> parts;  // what it is applied to; of `choose` the question and both answers
    friend bool operator==(const InventoryExpression&, const InventoryExpression&) = default;
};

// identity, time, classes, agents, facts["key"], "text"; behind them ["key"] .join(",") .size .length .to_s .include?("x");
// and X ? A : B. Anything else is `invalid` with its line.
proto::Result<InventoryExpression> read_expression(ScriptCursor& cursor);

// Null where a node has no such fact.
proto::Value value_of(const InventoryExpression& expression, const InventoryNode& node);

}  // namespace mco::client
