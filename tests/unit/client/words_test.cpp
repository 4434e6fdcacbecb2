#include "client/words.hpp"

#include <array>
#include <string_view>

#include <doctest/doctest.h>

namespace mco::client {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("words are split as a shell splits them, and nothing is expanded") {
    CHECK(split_shell_words("") == Words{});
    CHECK(split_shell_words("  ") == Words{});
    CHECK(split_shell_words("-I web1 --np") == Words{"-I", "web1", "--np"});
    CHECK(split_shell_words("-F 'lsb=Ubuntu 11.04'") == Words{"-F", "lsb=Ubuntu 11.04"});
    CHECK(split_shell_words(R"(a"b c"'d e'f)") == Words{"ab cd ef"});
    CHECK(split_shell_words(R"(one\ word "\"q\" \n" '\')") == Words{"one word", R"("q" \n)", "\\"});
    CHECK(split_shell_words("'' \"\"") == Words{"", ""});
    CHECK(split_shell_words("$HOME *") == Words{"$HOME", "*"});
}

TEST_CASE("an open quote is refused") {
    CHECK(!split_shell_words("'open"));
    CHECK(!split_shell_words("a \"open"));
}

TEST_CASE("lists read like sentences") {
    CHECK(enumerate(Words{}) == "nothing");
    CHECK(enumerate(Words{"a"}) == "a");
    CHECK(enumerate(Words{"a", "b"}) == "a and b");
    CHECK(enumerate(Words{"a", "b", "c"}) == "a, b and c");
}

TEST_CASE("a word that is none of the known ones is named, with the nearest") {
    constexpr auto known = std::to_array<std::string_view>({"status", "summary"});
    CHECK(not_known(Words{}, known).empty());
    CHECK(not_known(Words{"status", "x"}, known).empty());
    CHECK(not_known(Words{"stauts"}, known) == "'stauts' is not known (did you mean 'status'?); ");
    CHECK(not_known(Words{"frobnicate"}, known) == "'frobnicate' is not known; ");
}

}  // namespace
}  // namespace mco::client
