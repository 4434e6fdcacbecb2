#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "security/hello.hpp"
#include "tests/e2e/fleet.hpp"

namespace mco::test {

// The keys and the certificate that a fleet made for somebody: what a thief has.
security::Identity identity_of(const Fleet& fleet, std::string_view name);
int lines_with(const std::filesystem::path& file, std::string_view word, std::string_view other);

// web1, web2 and db1. Policies let everybody do everything, so that nothing a thief does is refused by them.
struct Robbed {
    Fleet fleet{open_nodes()};
    Robbed();
    static std::vector<NodeTraits> open_nodes();
    std::filesystem::path audit(std::string_view node) const { return fleet.folder(node) / "audit.jsonl"; }
    void expect_honest_service();
};

}  // namespace mco::test
