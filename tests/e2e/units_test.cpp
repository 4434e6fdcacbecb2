// The units of an installation are as closed as they were when this was written, or more.

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/process.hpp"

namespace mco::test {
namespace {

// What systemd finds a service exposed to, in tenths, above which it fails.
Finished judge(const std::string& unit, const std::string& most) {
    return run({.argv = {"/usr/bin/systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=" + most,
                         (std::filesystem::path(MCO_SOURCE_DIR) / "conf/systemd" / unit).string()}});
}

TEST_CASE("the daemon's unit leaves open at most 5.0, the relay's 2.0") {
    const auto node = judge("mcod.service", "50");
    CHECK_MESSAGE(node.status == 0, node.out << node.err);
    const auto proxy = judge("mco-proxy.service", "20");
    CHECK_MESSAGE(proxy.status == 0, proxy.out << proxy.err);
    CHECK(judge("mco-renew.service", "10").status != 0);  // a bar that nothing passes: the measure measures
}

}  // namespace
}  // namespace mco::test
