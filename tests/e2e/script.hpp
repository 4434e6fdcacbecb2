#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/fleet.hpp"

namespace mco::test {

// A text a colleague can read aloud: commands and what they print.
//
//     # a remark
//     $ mco find -F country=uk          the command; "| sort" at its end sorts stdout's lines; NAME=VALUE before mco sets
//     < n                               a line of its standard input
//     db1                               a line of stdout, literally
//     ~ ^db[12] +time=                  a line of stdout that the expression is found in (ECMAScript)
//     ~* anything                       any number of lines, each matching the expression
//     ! no such fact                    somewhere on stderr, an expression
//     !                                 (alone) stderr is empty; without any "!" line stderr is not looked at
//     ? 1                               exit status; 0 if not given
//
// Single and double quotes group words as in a shell; nothing is expanded. $DIR is the fleet's folder, $SOURCE this project's.
// Empty lines of stdout are written as a line with a single dot. Blank lines in the script separate.
struct Mismatch {
    std::size_t line = 0;
    std::string what;
};
// The scripts of a folder, in the order of their names; not those of folders in it.
std::vector<std::filesystem::path> scripts_in(const std::filesystem::path& folder);
std::vector<Mismatch> run_script(const std::filesystem::path& file, const Fleet& fleet);

}  // namespace mco::test
