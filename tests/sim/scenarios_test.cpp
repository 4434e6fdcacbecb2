// Every text in scenarios/ happens as it is written. MCO_REWRITE=1 writes down what happens instead; review the difference.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sim/scenario.hpp"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST_CASE("scenarios happen as they are written") {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(MCO_SCENARIOS)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    REQUIRE(!paths.empty());
    const char* rewrite = std::getenv("MCO_REWRITE");
    for (const auto& path : paths) {
        CAPTURE(path.filename().string());
        const std::string expected = read(path);
        mco::mesh::sim::Scenario scenario;
        const std::string happened = scenario.run(expected);
        for (const auto& complaint : scenario.complaints()) FAIL_CHECK(complaint);
        if (rewrite != nullptr && std::string(rewrite) == "1") {
            std::ofstream(path) << happened;
        } else {
            CHECK(happened == expected);
        }
    }
}

}  // namespace
