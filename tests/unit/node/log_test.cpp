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

TEST_CASE("areas have levels of their own, and SIGUSR2's order goes for all of them") {
    LogSettings settings;
    CHECK(set_levels(settings, "warn, mesh=debug,agent=error").empty());
    CHECK(settings.level == LogLevel::warn);
    const test::TempDir dir;
    settings.target = LogTarget::file;
    settings.file = dir / "log";
    settings.format = LogFormat::json;
    auto log = *Log::open(settings);
    CHECK(log.wants(LogLevel::debug, LogArea::mesh));
    CHECK_FALSE(log.wants(LogLevel::info, LogArea::request));
    CHECK_FALSE(log.wants(LogLevel::warn, LogArea::agent));
    log.info("not this", LogArea::daemon);
    log.debug("but this", LogArea::mesh);
    log.answer("and this");
    const auto text = test::text_of(settings.file);
    CHECK(lines_of(text) == 2);
    CHECK(text.find("\"area\":\"mesh\",\"level\":\"debug\",\"message\":\"but this\"") != std::string::npos);
    log.next_level();  // error
    CHECK_FALSE(log.wants(LogLevel::debug, LogArea::mesh));
    CHECK(log.wants(LogLevel::error, LogArea::agent));

    CHECK(set_levels(settings, "info, net=debug") == "'net' is no area: there are daemon, mesh, request and agent");
    CHECK(set_levels(settings, "mesh=loud") == "'mesh=loud' is not fatal, error, warn, info or debug, nor AREA=LEVEL");
    CHECK_FALSE(set_levels(settings, "").empty());
}

TEST_CASE("what is said again and again is cut short, and counted when the minute is over") {
    const test::TempDir dir;
    auto log = *Log::open({.target = LogTarget::file, .file = dir / "log"});
    const proto::Instant start(std::chrono::seconds(1'000));
    log.elapse(start);
    CHECK_FALSE(log.next_deadline());
    for (int i = 0; i < 100; ++i) log.warn("request " + std::to_string(i) + "af: refused");
    log.warn("something else");
    CHECK(lines_of(test::text_of(dir / "log")) == LineLimit::burst + 1);
    REQUIRE(log.next_deadline() == start + LineLimit::window);
    log.elapse(start + LineLimit::window - std::chrono::milliseconds(1));
    CHECK(lines_of(test::text_of(dir / "log")) == LineLimit::burst + 1);
    log.elapse(start + LineLimit::window);
    CHECK(test::text_of(dir / "log").find("warn: 80 more lines like this one were left out: request 99af: refused\n") != std::string::npos);
    CHECK_FALSE(log.next_deadline());
    log.warn("request 5af: refused");  // a new minute
    CHECK(lines_of(test::text_of(dir / "log")) == LineLimit::burst + 3);
    for (int i = 0; i < 100; ++i) log.answer("link " + std::to_string(i));  // an operator waits for these
    CHECK(lines_of(test::text_of(dir / "log")) == LineLimit::burst + 103);
}

TEST_CASE("as many kinds of lines as one likes take no more memory, and nothing is forgotten") {
    LineLimit limit;
    const proto::Instant now{};
    std::size_t passed = 0, told = 0;
    for (int i = 0; i < 25; ++i) passed += limit.pass(now, "the same") ? 1 : 0;
    std::string kind;
    for (std::size_t i = 0; i < LineLimit::shapes_max; ++i) passed += limit.pass(now + std::chrono::seconds(1), kind += 'x') ? 1 : 0;
    CHECK(passed == LineLimit::burst + LineLimit::shapes_max);
    REQUIRE(limit.next_deadline());
    for (const auto& left : limit.ended(now + std::chrono::seconds(1))) told += left.count;
    CHECK(told == 5);
    CHECK_FALSE(limit.next_deadline());
}

}  // namespace
}  // namespace mco::node
