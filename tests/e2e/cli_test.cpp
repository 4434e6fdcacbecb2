// Every script of tests/e2e/cli against one mesh of the acceptance checks' three machines.

#include <doctest/doctest.h>

#include "tests/e2e/fleet.hpp"
#include "tests/e2e/script.hpp"

namespace mco::test {
namespace {

TEST_CASE("what an operator types prints what the scripts say") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto scripts = scripts_in(std::filesystem::path(MCO_SOURCE_DIR) / "tests/e2e/cli");
    REQUIRE(!scripts.empty());
    for (const auto& script : scripts) {
        for (const auto& mismatch : run_script(script, fleet)) FAIL_CHECK(mismatch.what);
    }
}

}  // namespace
}  // namespace mco::test
