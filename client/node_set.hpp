#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/error.hpp"

// Sets of nodes as operators write them: web[001-040],db[1-3]. Pure functions; any thread.
namespace mco::client {

inline constexpr std::size_t node_set_max = 100'000;  // names of one set: more than any mesh has

// A name of a node: letters, digits, "_", "." and "-", at most 64.
bool is_node_name(std::string_view text);

// What "@NAME" stands for; NAME is without the "@".
using NamedSet = std::function<proto::Result<std::vector<std::string>>(std::string_view name)>;

// The names of a set, in the order written, each once.
//
//     web[001-040]        web001 to web040: as many digits as the first number is written with
//     web[1-3,7,10-20/5]  lists and steps; several brackets in one name multiply
//     a,b   a!b   a&b     both; a without b; what is in both. From left to right, none binds tighter
//     @NAME               what `named` says
//
// `invalid` says what is wrong and shows the text with a caret under the place. An empty result is no error here.
proto::Result<std::vector<std::string>> expand_nodes(std::string_view text, const NamedSet& named);

// The same names, short: web[001-040]. One number of a name is folded, the one that most other names differ in. Sorted, numbers
// by their value; what cannot be folded stands as it is. expand_nodes() gives the names back.
std::string fold_nodes(std::span<const std::string> names);

// "TEXT\n    ^": the second and third line of an error about one place of a text.
std::string pointed_at(std::string_view text, std::size_t place);

}  // namespace mco::client
