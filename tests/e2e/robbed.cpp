#include "tests/e2e/robbed.hpp"

#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "security/entropy.hpp"
#include "security/key_file.hpp"
#include "tests/support/has.hpp"

namespace mco::test {

security::Identity identity_of(const Fleet& fleet, std::string_view name) {
    const auto folder = fleet.folder(name);
    return *security::read_identity(folder / fmt::format("{}.key", name), folder / fmt::format("{}.cert", name));
}

int lines_with(const std::filesystem::path& file, std::string_view word, std::string_view other) {
    std::ifstream stream(file);
    int count = 0;
    for (std::string line; std::getline(stream, line);) count += has(line, word) && has(line, other) ? 1 : 0;
    return count;
}

Robbed::Robbed() { security::entropy::start(); }

std::vector<NodeTraits> Robbed::open_nodes() {
    auto nodes = Fleet::acceptance_nodes();
    for (auto& node : nodes) node.extra += "plugin.actionpolicy.allow_unconfigured = 1\n";
    return nodes;
}

void Robbed::expect_honest_service() {
    const auto ping = fleet.mco({"ping", "-I", "web1", "-I", "db1"});
    CHECK_MESSAGE(ping.status == 0, ping.err << fleet.logs());
    CHECK_MESSAGE((has(ping.out, "web1") && has(ping.out, "db1")), ping.out << ping.err << fleet.logs());
}

}  // namespace mco::test
