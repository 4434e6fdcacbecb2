#include "node/journal.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "security/entropy.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using test::at;

Journal::Entry entry(std::chrono::seconds until = 60s) {
    return {.request = security::entropy::fresh<proto::RequestId>(),
            .caller = security::entropy::fresh<proto::Serial>(),
            .until = at(until).wall,
            .collective = "mcollective",
            .caller_name = "alice",
            .agent = "service",
            .action = "restart"};
}

TEST_CASE("what ended and what did not are told apart after a restart, and what is too old is forgotten") {
    const test::TempDir dir;
    const auto ended = entry(), running = entry(), old = entry(1s);
    {
        Journal journal(dir / "state");
        CHECK(journal.open(at(0s).wall).problem.empty());
        for (const auto& each : {ended, running, old}) REQUIRE(journal.started(each, Journal::Written::on_disk, at(0s).wall));
        journal.ended(ended.request, ended.caller);
        journal.ended(old.request, old.caller);
        journal.ended(running.request, ended.caller);  // another caller's request under the same id
    }
    Journal journal(dir / "state");
    const auto past = journal.open(at(2s).wall);
    CHECK(past.problem.empty());
    REQUIRE(past.ended.size() == 1);
    CHECK(past.ended[0].request == ended.request);
    CHECK(past.ended[0].until == ended.until);
    REQUIRE(past.interrupted.size() == 1);
    CHECK(past.interrupted[0].request == running.request);
    CHECK(past.interrupted[0].agent == "service");
    CHECK(past.interrupted[0].until == at(2s).wall + Journal::interrupted_for);
    Journal third(dir / "state");
    CHECK(third.open(at(3s).wall).interrupted.empty());  // news once
}

TEST_CASE("a line that a crash cut in two is as if it never was, and rubbish harms nobody") {
    const test::TempDir dir;
    const auto whole = entry();
    {
        Journal journal(dir / "state");
        (void)journal.open(at(0s).wall);
        REQUIRE(journal.started(whole, Journal::Written::soon, at(0s).wall));
    }
    const auto file = dir / "state/journal";
    { std::ofstream(file, std::ios::app) << "nonsense\nstarted zz yy\nended\n\nstarted " << entry().request.hex() << " 00"; }
    Journal journal(dir / "state");
    const auto past = journal.open(at(0s).wall);
    CHECK(past.problem.empty());
    CHECK(past.interrupted.size() == 1);
    CHECK(past.ended.empty());
}

TEST_CASE("the file stays as small as what can still matter") {
    const test::TempDir dir;
    Journal journal(dir / "state");
    (void)journal.open(at(0s).wall);
    for (int i = 0; i < 20'000; ++i) {
        const auto now = std::chrono::seconds(i);
        const auto each = entry(now + 60s);
        REQUIRE(journal.started(each, Journal::Written::soon, at(now).wall));
        journal.ended(each.request, each.caller);
    }
    CHECK(journal.lines() < 2'500);
    CHECK(std::filesystem::file_size(dir / "state/journal") < 500'000);
}

TEST_CASE("a folder that is open to others, or no folder, is named with what mends it") {
    const test::TempDir dir;
    std::filesystem::create_directory(dir / "state");
    std::filesystem::permissions(dir / "state", std::filesystem::perms(0755));
    Journal journal(dir / "state");
    CHECK(journal.open(at(0s).wall).problem.find("chmod 700") != std::string::npos);
    CHECK_FALSE(journal.started(entry(), Journal::Written::soon, at(0s).wall));
    std::filesystem::permissions(dir / "state", std::filesystem::perms(0700));
    CHECK(journal.started(entry(), Journal::Written::soon, at(0s).wall));
}

}  // namespace
}  // namespace mco::node
