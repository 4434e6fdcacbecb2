#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/gather.hpp"
#include "client/terminal.hpp"
#include "proto/ddl.hpp"

namespace mco::client {

// What the DDL asks to be summed up, over successful replies only: a failed node's defaults are no measurements.
// "Summary of <display_as>:", an empty line, rows indented by 3, an empty line; for each aggregate. One that cannot be computed
// says why in its place and does not hurt the others.
std::string aggregate_blocks(const proto::ActionSchema& action, std::span<const Reply> replies,
                             const Terminal& terminal);

// printf's %s %d %i %f %g %e %x with flags, width and precision, and %%. An argument is a number if it reads as one. Errors: a
// conversion without argument, or of another kind.
proto::Result<std::string> format_printf(std::string_view format, std::span<const proto::Value> arguments);

}  // namespace mco::client
