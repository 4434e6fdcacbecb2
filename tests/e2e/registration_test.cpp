// The collector of a real fleet sees machines start, die, stop and come back.

#include <csignal>
#include <filesystem>

#include <doctest/doctest.h>

#include "tests/e2e/fleet.hpp"
#include "tests/support/has.hpp"

namespace mco::test {
namespace {

TEST_CASE("registration keeps what the nodes are and tells who came and went") {
    Fleet fleet(Fleet::acceptance_nodes());
    const auto to = (fleet.dir() / "registered").string();
    const auto collect = [&] { return fleet.mco({"registration", "--to", to}); };

    const auto first = collect();
    CHECK_MESSAGE(first.status == 0, first.out << first.err << fleet.logs());
    for (const auto* node : {"startup web1: since ", "startup web2: since ", "startup db1: since ", "3 records in "}) CHECK_MESSAGE(has(first.out, node), first.out);
    CHECK(std::filesystem::exists(to + "/db1.json"));
    CHECK(!has(collect().out, " web"));

    fleet.node("web2").signal(SIGKILL);
    fleet.node("web2").wait();
    const auto killed = collect();
    CHECK(killed.status == 5);
    CHECK_MESSAGE(has(killed.out, "lost web2: "), killed.out);

    fleet.node("db1").signal(SIGTERM);
    fleet.node("db1").wait();
    const auto stopped = collect();
    CHECK_MESSAGE(has(stopped.out, "shutdown db1\n"), stopped.out);
    CHECK_MESSAGE(!has(stopped.out, "web2"), stopped.out);

    fleet.restart("db1");
    const auto back = collect();
    CHECK_MESSAGE(has(back.out, "db1"), back.out);
}

}  // namespace
}  // namespace mco::test
