#include "client/terminal.hpp"

#include <doctest/doctest.h>

namespace mco::client {
namespace {

TEST_CASE("foreign text cannot steer a terminal") {
    CHECK(visible("plain text, Zürich 漢字") == "plain text, Zürich 漢字");
    CHECK(visible("\x1b[31mred") == "\\x1b[31mred");
    CHECK(visible("a\nb\r\tc\x7f") == "a\\nb\\r\\tc\\x7f");
    CHECK(visible(std::string_view("nul\0", 4)) == "nul\\x00");
    CHECK(visible("\xc2\x9b"
                  "31m") == "\\u009b31m");  // CSI in one character
    CHECK(visible("a\xe2\x80\xae"
                  "b") == "a\\u202eb");                              // reversed from here on
    CHECK(visible("\xe2\x80\x8b\xef\xbb\xbf") == "\\u200b\\ufeff");  // nothing to see
}

TEST_CASE("octets that are not UTF-8 are shown as octets") {
    CHECK(visible("\xff\xfe") == "\\xff\\xfe");
    CHECK(visible("\xc3") == "\\xc3");                             // cut
    CHECK(visible("\xc0\xaf") == "\\xc0\\xaf");                    // overlong slash
    CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
    CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
    CHECK(visible("\xf4\x8f\xbf\xbd") == "\xf4\x8f\xbf\xbd");      // the last plane is fine
}

TEST_CASE("JSON keeps its value and loses what a terminal would act upon") {
    CHECK(visible_json("{\"a\":\"b\xe2\x80\xae\"}") == "{\"a\":\"b\\u202e\"}");
    CHECK(visible_json("\"\xc2\x85\x7f\"") == "\"\\u0085\\u007f\"");
    CHECK(visible_json("\"\xf3\xa0\x80\x81\"") == "\"\\udb40\\udc01\"");  // a tag character as a surrogate pair
    CHECK(visible_json("{\n  \"a\": \"ü\"\n}") == "{\n  \"a\": \"ü\"\n}");
}

TEST_CASE("a message of several lines is told on one") {
    CHECK(on_one_line("no echo\nAsk the operator.") == "no echo. Ask the operator.");
    CHECK(on_one_line("a\r\nb\x1b") == "a\\r b\\x1b");
}

TEST_CASE("columns are counted in characters") {
    CHECK(width("Zürich") == 6);
    CHECK(left("ü", 3) == "ü  ");
    CHECK(right("ü", 3) == "  ü");
    CHECK(left("long", 3) == "long");
}

TEST_CASE("colour appears only where it is wanted") {
    CHECK(painted({}, Paint::red, "x") == "x");
    CHECK(painted({.tty = true, .columns = 80, .colour = true}, Paint::red, "x") == "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace mco::client
