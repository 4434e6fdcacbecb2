#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/inventory_expression.hpp"
#include "client/page_picture.hpp"
#include "proto/error.hpp"

namespace mco::client {

// MCollective's inventory scripts without Ruby: the two forms that declare a report.
//     inventory do format "%s:\t%s" ; fields { [ identity, facts["country"] ] } end
//     formatted_inventory do page_length 20 ; page_heading <<TOP ... TOP ; page_body <<BODY ... BODY end
// One form in a script. Nothing is evaluated: what is not declared like that is refused with file and line.
class InventoryScript {
 public:
    static constexpr std::size_t size_max = 256 * 1024;  // octets of a script
    static constexpr std::size_t page_length_default = 40, page_length_max = 10'000;

    static proto::Result<InventoryScript> read(std::string_view text, std::string_view file);

    // The whole report. An error names the node whose values do not fit the format's conversions.
    proto::Result<std::string> report(std::span<const InventoryNode> nodes) const;

 private:
    proto::Result<void> read_inventory(ScriptCursor& cursor);
    proto::Result<void> read_formatted(ScriptCursor& cursor, std::string_view file);
    proto::Result<std::string> lines(std::span<const InventoryNode> nodes) const;
    std::string pages(std::span<const InventoryNode> nodes) const;

    std::optional<std::string> format_;  // of `inventory`
    std::vector<InventoryExpression> fields_;
    std::optional<PagePicture> heading_, body_;  // of `formatted_inventory`
    std::size_t page_length_ = page_length_default;
};

}  // namespace mco::client
