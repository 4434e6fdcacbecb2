#include "proto/utf8.hpp"

#include <string>

#include <doctest/doctest.h>

using namespace mco::proto;

TEST_CASE("the first and last character of every length is UTF-8") {
    for (const char* text : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                             "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "plain text longer than a word"}) {
        CHECK(is_utf8(text));
    }
    CHECK(is_utf8(std::string_view("\0", 1)));
}

TEST_CASE("what only looks like UTF-8 is not") {
    for (const char* text : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x7F", "\xC2\xC0", "\xE0\x9F\xBF",
                             "\xE0\xA0", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
                             "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE"}) {
        CHECK(!is_utf8(text));
    }
}

TEST_CASE("the place of the first fault is found at every distance") {
    for (std::size_t before = 0; before < 20; ++before) {
        const std::string good(before, 'x');
        CHECK(valid_utf8_size(good) == before);
        CHECK(valid_utf8_size(good + "\xFFyyyyyyyyyyy") == before);
        CHECK(valid_utf8_size(good + "\xC3\xBC\xC3") == before + 2);
        CHECK(valid_utf8_size(good + "\xE2\x82") == before);
    }
}

TEST_CASE("repair replaces only what is wrong") {
    CHECK(repair_utf8("gr\xC3\xBCn") == "gr\xC3\xBCn");
    CHECK(repair_utf8("a\xFF\xFEz") == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
    CHECK(repair_utf8("\xE2\x82") == "\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(repair_utf8("").empty());
    CHECK(is_utf8(repair_utf8("\x80\xC0\xE0\xF0\xFF")));
}

TEST_CASE("a cut never splits a character") {
    const std::string_view text = "a\xC3\xBC\xE2\x82\xAC";
    CHECK(cut_utf8(text, 0).empty());
    CHECK(cut_utf8(text, 1) == "a");
    CHECK(cut_utf8(text, 2) == "a");
    CHECK(cut_utf8(text, 3) == "a\xC3\xBC");
    CHECK(cut_utf8(text, 5) == "a\xC3\xBC");
    CHECK(cut_utf8(text, 6) == text);
    CHECK(cut_utf8(text, 7) == text);
}
