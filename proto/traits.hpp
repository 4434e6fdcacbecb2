#pragma once

#include <string>
#include <vector>

#include "proto/value.hpp"

namespace mco::proto {

// What a node is: everything a filter or a policy may ask about. `facts` is a map as the fact files hold it.
struct Traits {
    std::string identity;
    std::string main_collective;
    std::vector<std::string> collectives;
    std::vector<std::string> classes;
    std::vector<std::string> agents;  // loaded ones
    Value facts = Value::Map{};
};

}  // namespace mco::proto
