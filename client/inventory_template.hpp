#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/inventory_expression.hpp"
#include "proto/error.hpp"

namespace mco::client {

// A line for each node: text with {identity}, {facts.os.family}, {classes}, {agents}, {collectives}, {main_collective},
// {data_plugins}, {version} and {time} in it; \t and \n; {{ and }} for braces.
class InventoryTemplate {
 public:
    static constexpr std::size_t size_max = 16 * 1024;

    static proto::Result<InventoryTemplate> read(std::string_view text);  // `invalid` names what is not understood
    // With a newline at the end. Lists are joined by ", ", what a node does not have is empty, and all of it is visible.
    std::string line(const InventoryNode& node) const;

 private:
    struct Piece {
        std::string text;  // literal, or the name between braces
        bool name = false;
    };
    std::vector<Piece> pieces_;
};

}  // namespace mco::client
