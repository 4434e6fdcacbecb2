#include "node/facts.hpp"

#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using proto::Value;
using test::at;

Value yaml(std::string_view text) {
    auto parsed = parse_yaml_facts(text);
    REQUIRE_MESSAGE(parsed.has_value(), parsed.error().detail);
    return *parsed;
}
std::string yaml_error(std::string_view text) {
    const auto parsed = parse_yaml_facts(text);
    REQUIRE_FALSE(parsed.has_value());
    return parsed.error().detail;
}

TEST_CASE("maps and lists stay, every other value becomes text") {
    CHECK(yaml("country: us\nuptime_days: 9\nratio: 1.50\nnone: ~\nempty:\nquoted: \"0755\"\n") ==
          Value::Map{{"country", "us"},
                     {"uptime_days", "9"},
                     {"ratio", "1.50"},
                     {"none", ""},
                     {"empty", ""},
                     {"quoted", "0755"}});
    CHECK(yaml("roles: [web, db]\nos:\n  family: Debian\n  release: {major: 12}\n") ==
          Value::Map{{"roles", Value::List{"web", "db"}},
                     {"os", Value::Map{{"family", "Debian"}, {"release", Value::Map{{"major", "12"}}}}}});
}

TEST_CASE("plain words read as they do for MCollective, quoted ones as they are") {
    CHECK(yaml("a: yes\nb: 'yes'\nc: Off\nd: TRUE\n:e: :f\n'g': ':h'\n12: x\nt: \"12:30\"\n") ==
          Value::Map{{"a", "true"},
                     {"b", "yes"},
                     {"c", "false"},
                     {"d", "true"},
                     {"e", "f"},
                     {"g", ":h"},
                     {"12", "x"},
                     {"t", "12:30"}});
}

TEST_CASE("aliases and merges are followed") {
    CHECK(yaml("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\nsame: *b\n") ==
          Value::Map{{"base", Value::Map{{"x", "1"}, {"y", "2"}}},
                     {"own", Value::Map{{"x", "1"}, {"y", "3"}}},
                     {"same", Value::Map{{"x", "1"}, {"y", "2"}}}});
}

TEST_CASE("a few octets cannot grow into gigabytes, nor walk in circles") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) bomb += "*a" + std::to_string(i - 1) + (j < 9 ? ", " : "]\n");
    }
    CHECK(yaml_error(bomb).find("values") != std::string::npos);
    CHECK(yaml_error("a: &a [*a]\n").find("deeper") != std::string::npos);
    std::string large = "t: &t " + std::string(proto::limits::text_size_max, 'x') + "\nl: [";
    for (int i = 0; i < 8; ++i) large += "*t, ";
    CHECK(yaml_error(large + "*t]\n").find("octets") != std::string::npos);
    CHECK_FALSE(parse_yaml_facts(std::string(100'000, '[')).has_value());
}

TEST_CASE("an error names the line, and a document that is no map is one") {
    CHECK(yaml_error("a: 1\nb: [1\n").starts_with("line "));
    CHECK(yaml_error("- a\n- b\n").find("map") != std::string::npos);
    CHECK(yaml_error("just text").find("map") != std::string::npos);
    CHECK(yaml_error("? [a, b]\n: c\n").starts_with("line 1: "));
    CHECK(yaml("") == Value::Map{});
    CHECK(yaml("---\n...\n") == Value::Map{});
}

TEST_CASE("JSON facts follow the same rules") {
    auto parsed = parse_json_facts(R"({"n": 3, "b": true, "f": 1.5, "z": null, "l": [1, {"x": false}]})");
    REQUIRE(parsed.has_value());
    CHECK(*parsed ==
          Value::Map{
              {"n", "3"}, {"b", "true"}, {"f", "1.5"}, {"z", ""}, {"l", Value::List{"1", Value::Map{{"x", "false"}}}}});
    CHECK_FALSE(parse_json_facts("[1]").has_value());
    CHECK_FALSE(parse_json_facts("{").has_value());
}

TEST_CASE("several files are merged shallowly and the later one wins") {
    const test::TempDir dir;
    const auto one = dir.write("one.yaml", "country: us\nos: {family: Debian, name: x}\n");
    const auto two = dir.write("two.json", R"({"os": {"family": "RedHat"}, "cpus": 4})");
    Facts facts({.files = {one, two}, .reread_after = 300s});
    CHECK(facts.refresh(at(0s)));
    CHECK(facts.values() == Value::Map{{"country", "us"}, {"os", Value::Map{{"family", "RedHat"}}}, {"cpus", "4"}});
    CHECK(facts.problem().empty());
    CHECK_FALSE(facts.refresh(at(1s)));
}

TEST_CASE("an edit takes effect at the next look") {
    const test::TempDir dir;
    const auto file = dir.write("facts.yaml", "country: us\n");
    Facts facts({.files = {file}, .reread_after = 300s});
    facts.refresh(at(0s));
    dir.write("facts.yaml", "country: france\n");
    CHECK(facts.refresh(at(1s)));
    CHECK(facts.values() == Value::Map{{"country", "france"}});
}

TEST_CASE("a file that looks unchanged is read again when its time has passed") {
    const test::TempDir dir;
    const auto file = dir.write("facts.yaml", "country: us\n");
    Facts facts({.files = {file}, .reread_after = 300s});
    facts.refresh(at(0s));
    CHECK_FALSE(facts.refresh(at(300s - 1us)));
    CHECK_FALSE(facts.refresh(at(300s)));  // read, and found to be the same
    CHECK(facts.values() == Value::Map{{"country", "us"}});
}

TEST_CASE("a broken or empty file keeps its last good facts and says what is wrong") {
    const test::TempDir dir;
    const auto one = dir.write("one.yaml", "country: us\n"), two = dir.write("two.yaml", "role: web\n");
    Facts facts({.files = {one, two}, .reread_after = 300s});
    facts.refresh(at(0s));

    dir.write("one.yaml", "country: [us\n");
    CHECK(facts.refresh(at(1s)));
    CHECK(facts.values() == Value::Map{{"country", "us"}, {"role", "web"}});
    CHECK(facts.problem().starts_with(one.string()));
    CHECK(facts.problem().ends_with("(its facts are of 2027-01-15T08:00:00Z)"));
    CHECK_FALSE(facts.refresh(at(2s)));

    dir.write("one.yaml", "");
    CHECK(facts.refresh(at(3s)));
    CHECK(facts.values() == Value::Map{{"country", "us"}, {"role", "web"}});

    dir.write("one.yaml", "country: uk\n");
    CHECK(facts.refresh(at(4s)));
    CHECK(facts.values() == Value::Map{{"country", "uk"}, {"role", "web"}});
    CHECK(facts.problem().empty());
}

TEST_CASE("a missing file takes its facts away, but not the last ones of all") {
    const test::TempDir dir;
    const auto one = dir.write("one.yaml", "country: us\n"), two = dir.write("two.yaml", "role: web\n");
    Facts facts({.files = {one, two}, .reread_after = 300s});
    facts.refresh(at(0s));
    std::filesystem::remove(one);
    CHECK(facts.refresh(at(1s)));
    CHECK(facts.values() == Value::Map{{"role", "web"}});
    CHECK_FALSE(facts.problem().empty());
    std::filesystem::remove(two);
    CHECK(facts.refresh(at(2s)));
    CHECK(facts.values() == Value::Map{{"role", "web"}});
}

TEST_CASE("what is no regular file, or too large, is refused without being waited for") {
    const test::TempDir dir;
    const auto fifo = dir / "fifo.yaml";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const auto large = dir.write("large.yaml", "a: " + std::string(proto::limits::facts_size_max, 'x'));
    for (const auto& file : {fifo, large, dir.path(), std::filesystem::path("/dev/zero")}) {
        Facts facts({.files = {file}, .reread_after = 300s});
        CHECK(facts.refresh(at(0s)));
        CHECK(facts.values() == Value::Map{});
        CHECK_FALSE(facts.problem().empty());
    }
}

std::filesystem::path program(const test::TempDir& dir, const std::string& name, const std::string& script) {
    const auto file = dir.write(name, "#!/bin/sh\n" + script);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file;
}

TEST_CASE("printed facts are JSON, lines or YAML, whatever they look like") {
    const auto printed = [](std::string_view text) {
        auto facts = parse_printed_facts(text);
        REQUIRE_MESSAGE(facts.has_value(), facts.error().detail);
        return *facts;
    };
    CHECK(printed("country=us\r\n\nurl=http://x/?a=b\nempty=\n") ==
          Value::Map{{"country", "us"}, {"url", "http://x/?a=b"}, {"empty", ""}});
    CHECK(printed(" {\"a\": {\"b\": 1}}") == Value::Map{{"a", Value::Map{{"b", "1"}}}});
    CHECK(printed("---\na: x=y\nb: [1]\n") == Value::Map{{"a", "x=y"}, {"b", Value::List{"1"}}});
    CHECK(printed("") == Value::Map{});
    CHECK(!parse_printed_facts("just words"));
    CHECK(!parse_printed_facts("{\"a\": "));
}

TEST_CASE("a folder of facts: files and programs, by name, over the fact files; what somebody else could have written is not") {
    const test::TempDir dir;
    const auto file = dir.write("facts.yaml", "country: us\nrole: web\nsite: a\n");
    dir.write("facts.d/10.yaml", "role: db\nnested: {x: 1}\n");
    dir.write("facts.d/20.txt", "role=mail\n");
    dir.write("facts.d/30.json", "{\"size\": 5}");
    dir.write("facts.d/README", "not for us\n");
    dir.write("facts.d/.hidden.yaml", "hidden: 1\n");
    program(dir, "facts.d/40", "echo site=b; echo environment=$HOME$SECRET\n");
    program(dir, "facts.d/50", "echo oh no >&2; exit 3\n");
    std::filesystem::permissions(program(dir, "facts.d/60", "echo evil=1\n"), std::filesystem::perms::all);
    Facts facts({.files = {file}, .folder = dir / "facts.d", .reread_after = 300s});
    facts.settle(60s);
    REQUIRE(facts.refresh(at(0s)));
    CHECK(facts.values() == Value::Map{{"country", "us"},
                                       {"role", "mail"},
                                       {"site", "b"},
                                       {"environment", ""},
                                       {"nested", Value::Map{{"x", "1"}}},
                                       {"size", "5"}});
    CHECK(facts.problem().find("50: it exited with status 3: oh no") != std::string::npos);
    CHECK(facts.problem().find("60: others may write it") != std::string::npos);

    // A new file is seen at the next look; what the program said stays, though it is not run for that.
    dir.write("facts.d/25.yaml", "role: proxy\n");
    CHECK(facts.refresh(at(1s)));
    CHECK(*facts.values().find("role") == "proxy");
    CHECK(*facts.values().find("site") == "b");
    std::filesystem::permissions(dir / "facts.d", std::filesystem::perms::all);
    CHECK(facts.refresh(at(400s)));
    CHECK(facts.problem().find("facts.d: others may write it") != std::string::npos);
    CHECK(*facts.values().find("country") == "us");
    CHECK(*facts.values().find("site") == "a");
}

TEST_CASE("a folder that is not there is no trouble") {
    const test::TempDir dir;
    Facts facts({.folder = dir / "facts.d"});
    facts.refresh(at(0s));
    CHECK(facts.values() == Value::Map{});
    CHECK(facts.problem().empty());
}

TEST_CASE("programs are run again after each interval, and one that hangs is ended with its owner") {
    const test::TempDir dir;
    const auto counting = program(dir, "counting", "echo x >> \"$0.runs\"; echo runs=$(wc -l < \"$0.runs\")\n");
    FactPrograms programs({{"counting", {counting.string()}}, {"nosuch", {(dir / "nosuch").string()}}}, 1ms);
    REQUIRE(programs.wait_first(60s));
    std::string runs;
    while (runs != "3") {
        pollfd ready{programs.descriptor(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, -1) == 1);
        for (const auto& told : programs.take()) {
            CHECK(told.problem.empty() == (told.name == "counting"));
            if (runs != "3" && told.problem.empty()) runs = told.facts.at("runs").to_text();
        }
    }
    FactPrograms hanging({{"hanging", {program(dir, "hanging", "exec tail -f /dev/null\n").string()}}}, 1ms);
    CHECK_FALSE(hanging.wait_first(1ms));
}

}  // namespace
}  // namespace mco::node
