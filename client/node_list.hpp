#pragma once

#include <cstddef>
#include <filesystem>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

// Lists of nodes as files and other programs have them. Names come in the order given, each once; more than node_set_max, and a
// name that no node can have, are `invalid` with the line or the place. No names at all is an error, too: it never means "all".
namespace mco::client {

inline constexpr std::size_t node_list_size_max = 64 * 1024 * 1024;  // octets; the results of a large fleet fit

// A name a line; blank lines and what follows a "#" count as nothing.
proto::Result<std::vector<std::string>> names_of_text(std::string_view text, std::string_view where);

// A JSON array of names, or of objects that have one under "sender" (results of mco) or "certname" (PuppetDB's); or one such object
// a line, as --jsonl prints them. The account that may follow results is passed over.
proto::Result<std::vector<std::string>> names_of_json(std::string_view text, std::string_view where);

// JSON if it begins like that, else text.
proto::Result<std::vector<std::string>> names_of(std::string_view text, std::string_view where);

// All that is there, at most node_list_size_max.
proto::Result<std::string> read_all(std::istream& in, std::string_view where);

}  // namespace mco::client
