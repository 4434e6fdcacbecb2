#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "client/name_cache.hpp"
#include "proto/ddl.hpp"
#include "proto/error.hpp"

namespace mco::client {

struct Candidate {
    std::string word;         // the whole word; one that ends with "=" goes on
    std::string description;  // one visible line, or ""
};

// What completion knows beside the program itself. All of it is on this machine: nobody is asked.
struct Knowledge {
    std::vector<Candidate> agents;
    std::function<proto::Result<proto::AgentSchema>(const std::string&)> schema;
    std::vector<std::string> collectives;
    std::function<KnownNames(const std::string& collective)> names;  // "": the main one
};

// Words of a line that is being typed, the last one unfinished ("" behind a blank). Quotes group and may be open.
std::vector<std::string> split_typed_line(std::string_view line);

// What the last of the words may become; the first word is the program's name. Sorted. Nothing where files are meant.
std::vector<Candidate> complete(const std::vector<std::string>& words, const Knowledge& knowledge);

}  // namespace mco::client
