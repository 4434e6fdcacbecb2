#pragma once

#include <string_view>

#include "proto/error.hpp"
#include "proto/value.hpp"

namespace mco::proto {

// Reads a DDL of MCollective, which is a Ruby program, as data: what it declares, in the form of a JSON DDL (see
// schema_of(), data_schema_of()). Known are metadata, requires, usage, action, dataquery, input, output, display, summarize and
// aggregate with literal values; of Ruby's control flow only what the published DDLs need and what cannot fail to end: "[...].each
// do |name|" over a literal list with #{name} in texts, "if name == ..." in such a loop, and "if respond_to?(...)", which
// is true. Nothing is executed; everything else is refused.
//
// At most limits::schema_size_max octets. The error is `malformed`, or `unsupported` where the file requires a newer MCollective than
// 2.12; it begins with the line: "12: ...".
Result<Value> read_ruby_ddl(std::string_view text);

}  // namespace mco::proto
