#include "client/man_page.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/support/has.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::client {
namespace {

TEST_CASE("a manual page has what the help page has") {
    for (const auto* command : commands()) {
        const auto page = man_page(*command);
        CHECK(page.starts_with(".TH \""));
        CHECK(has(page, std::string(" \\- ")));
        CHECK(has(page, ".SH SYNOPSIS"));
        CHECK(has(page, ".SH EXAMPLES"));
        OptionSet set;
        command->declare(set);
        for (const auto& option : set.all()) {
            for (const auto& form : spellings_of(option)) {
                std::string escaped;
                for (const char c : form) escaped += c == '-' ? std::string("\\-") : std::string(1, c);
                CHECK_MESSAGE(has(page, "\\fB" + escaped + "\\fR"), command->name << " " << form);
            }
        }
        CHECK(has(man_overview(), "mco\\-" + std::string(command->name)));
    }
}

TEST_CASE("every command has three examples or more") {
    for (const auto* command : commands())
        CHECK_MESSAGE(std::count(command->examples.begin(), command->examples.end(), '\n') >= 2, command->name);
}

TEST_CASE("the manual pages are clean to who reads manual pages") {
    const test::TempDir folder;
    REQUIRE(write_man_pages(folder / "man1").has_value());
    const auto judge = test::run({.argv = {"sh", "-c",
                                           "if command -v mandoc >/dev/null; then mandoc -Tlint -Wwarning man1/*.1; "
                                           "elif command -v groff >/dev/null; then groff -ww -man -Tutf8 -z man1/*.1; "
                                           "else echo neither mandoc nor groff is here; fi"},
                                  .directory = folder.path()});
    if (has(judge.out, "neither")) MESSAGE(judge.out);
    CHECK(judge.status == 0);
    CHECK(judge.err.empty());
    CHECK(!has(judge.out, "WARNING"));
    CHECK(!has(judge.out, "ERROR"));
    CHECK(!write_man_pages("/dev/null/man1").has_value());
}

}  // namespace
}  // namespace mco::client
