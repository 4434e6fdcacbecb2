#include "node/log.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "proto/value.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/text_of.hpp"

namespace mco::node {
namespace {

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("what a terminal would obey is escaped, what a person can read is not") {
    CHECK(escaped("plain text") == "plain text");
    CHECK(escaped("Gr\xc3\xbc\xc3\x9f"
                  "e \xe2\x82\xac \xf0\x9f\x8e\x89") ==
          "Gr\xc3\xbc\xc3\x9f"
          "e \xe2\x82\xac \xf0\x9f\x8e\x89");
    CHECK(escaped("a\nb\tc\x1b[31m\x7f") == "a\\x0ab\\x09c\\x1b[31m\\x7f");
    CHECK(escaped(std::string_view("\0", 1)) == "\\x00");
    CHECK(escaped("\xc2\x9b") == "\\xc2\\x9b");           // C1: CSI in eight bits
    CHECK(escaped("\xc0\xaf") == "\\xc0\\xaf");           // overlong
    CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // surrogate
    CHECK(escaped("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
    CHECK(escaped("cut \xe2\x82") == "cut \\xe2\\x82");
}

TEST_CASE("one event is one line, whatever it holds") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file, .file = dir / "mcod.log", .level = LogLevel::info});
    REQUIRE(log.has_value());
    log->info("agent x\nmcod[1] info: forged\r\x1b[2J");
    log->debug("not this one");
    log->error("it broke\nMend it.");
    const auto text = test::text_of(dir / "mcod.log");
    CHECK(lines_of(text) == 2);
    CHECK(text.find("info: agent x; mcod[1] info: forged\\x0d\\x1b[2J") != std::string::npos);
    CHECK(text.find("error: it broke; Mend it.") != std::string::npos);
    CHECK(text.find(" mcod[") != std::string::npos);
    auto proxys = Log::open({.target = LogTarget::file, .file = dir / "proxy.log", .program = "mco-proxy"});
    REQUIRE(proxys.has_value());
    proxys->info("hello");
    CHECK(test::text_of(dir / "proxy.log").find(" mco-proxy[") != std::string::npos);
}

TEST_CASE("logformat json makes each event one object, whatever it holds") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file, .file = dir / "mcod.log", .format = LogFormat::json});
    REQUIRE(log.has_value());
    log->warn("agent \"x\"\nmend\\it \xff %v {}");
    const auto text = test::text_of(dir / "mcod.log");
    CHECK(lines_of(text) == 1);
    const auto value = proto::parse_json(text);
    REQUIRE(value.has_value());
    CHECK(*value->find("level")->text() == "warn");
    CHECK(*value->find("message")->text() == "agent \"x\"; mend\\it \\xff %v {}");
    CHECK(*value->find("program")->text() == "mcod");
    CHECK(value->find("pid")->integer() != nullptr);
    CHECK(value->find("time")->text()->size() == std::string_view("2026-11-21T20:00:00.000+00:00").size());
}

TEST_CASE("the level goes round") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file, .file = dir / "mcod.log", .level = LogLevel::info});
    REQUIRE(log.has_value());
    for (const auto level : {LogLevel::warn, LogLevel::error, LogLevel::fatal, LogLevel::debug, LogLevel::info})
        CHECK(log->next_level() == level);
    CHECK(log_level("warn") == LogLevel::warn);
    CHECK_FALSE(log_level("WARN").has_value());
}

TEST_CASE("the file is rotated at its size, and no more files are kept than asked for") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file,
                          .file = dir / "mcod.log",
                          .level = LogLevel::info,
                          .facility = "user",
                          .size_max = 1'000,
                          .keep = 2});
    REQUIRE(log.has_value());
    for (int i = 0; i < 60; ++i) log->info(std::string(100, 'x'));
    CHECK(std::filesystem::exists(dir / "mcod.1.log"));
    CHECK(std::filesystem::exists(dir / "mcod.2.log"));
    CHECK_FALSE(std::filesystem::exists(dir / "mcod.3.log"));
    CHECK(std::filesystem::file_size(dir / "mcod.log") <= 1'000);
}

TEST_CASE("after somebody moved the file, reopening makes a new one") {
    const test::TempDir dir;
    auto log = Log::open({.target = LogTarget::file, .file = dir / "mcod.log", .level = LogLevel::info});
    REQUIRE(log.has_value());
    log->info("before");
    std::filesystem::rename(dir / "mcod.log", dir / "moved.log");
    log->info("still there");
    REQUIRE(log->reopen().has_value());
    log->info("after");
    CHECK(lines_of(test::text_of(dir / "moved.log")) == 2);
    CHECK(lines_of(test::text_of(dir / "mcod.log")) == 1);
}

TEST_CASE("a log that cannot be written is an error with a next step, and changes nothing") {
    const test::TempDir dir;
    const LogSettings impossible{.target = LogTarget::file, .file = dir.write("file", "") / "mcod.log"};
    const auto failed = Log::open(impossible);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().detail.find("logfile") != std::string::npos);

    auto log = Log::open({.target = LogTarget::file, .file = dir / "mcod.log", .level = LogLevel::info});
    REQUIRE(log.has_value());
    CHECK_FALSE(log->change(impossible).has_value());
    log->info("goes on");
    CHECK(lines_of(test::text_of(dir / "mcod.log")) == 1);
}

}  // namespace
}  // namespace mco::node
