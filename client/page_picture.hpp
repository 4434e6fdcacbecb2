#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/inventory_expression.hpp"
#include "proto/error.hpp"

namespace mco::client {

// Lines of a report drawn as in Perl's formats: a line with fields is followed by a line with their values.
//     @<<<< left   @>>>> right   @|||| centred   @##.## a number   ^<<<< as many words as fit, the rest for the next ^ of the
//     same value. A field is as wide as it is drawn.
class PagePicture {
 public:
    // `invalid` with file and line: a field without value, a value without field, a value that is not understood.
    static proto::Result<PagePicture> read(std::string_view text, std::string_view file, std::size_t first_line);

    // One line each. What a node said is made visible.
    std::vector<std::string> draw(const InventoryNode& node) const;

 private:
    struct Field {
        enum class Fit : std::uint8_t { left, right, centre, number, words };
        Fit fit = Fit::left;
        std::size_t at = 0, width = 0, decimals = 0;  // octets of the line
        InventoryExpression value;
    };
    struct Line {
        std::string text;
        std::vector<Field> fields;
    };
    static std::vector<Field> fields_of(std::string_view line);
    // What the ^ fields of a node left for the next one of the same value.
    struct LeftOver {
        const InventoryExpression* of;
        std::string text;
    };
    static std::string fill(const Field& field, const InventoryNode& node, std::vector<LeftOver>& left_over);

    std::vector<Line> lines_;
};

}  // namespace mco::client
