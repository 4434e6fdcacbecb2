#pragma once

#include <string>
#include <vector>

namespace mco::client {

// A tree for people: heads in one column whatever their depth, details behind. All texts are visible.
struct Branch {
    std::string head;
    std::vector<std::string> details;
    std::vector<Branch> children;
};
std::string drawn(const Branch& root);

}  // namespace mco::client
