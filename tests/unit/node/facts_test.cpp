#include "node/facts.hpp"

#include <sys/stat.h>

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
    Facts facts({one, two}, 300s);
    CHECK(facts.refresh(at(0s).mono));
    CHECK(facts.values() == Value::Map{{"country", "us"}, {"os", Value::Map{{"family", "RedHat"}}}, {"cpus", "4"}});
    CHECK(facts.problem().empty());
    CHECK_FALSE(facts.refresh(at(1s).mono));
}

TEST_CASE("an edit takes effect at the next look") {
    const test::TempDir dir;
    const auto file = dir.write("facts.yaml", "country: us\n");
    Facts facts({file}, 300s);
    facts.refresh(at(0s).mono);
    dir.write("facts.yaml", "country: france\n");
    CHECK(facts.refresh(at(1s).mono));
    CHECK(facts.values() == Value::Map{{"country", "france"}});
}

TEST_CASE("a file that looks unchanged is read again when its time has passed") {
    const test::TempDir dir;
    const auto file = dir.write("facts.yaml", "country: us\n");
    Facts facts({file}, 300s);
    facts.refresh(at(0s).mono);
    CHECK_FALSE(facts.refresh(at(300s - 1us).mono));
    CHECK_FALSE(facts.refresh(at(300s).mono));  // read, and found to be the same
    CHECK(facts.values() == Value::Map{{"country", "us"}});
}

TEST_CASE("a broken or empty file keeps its last good facts and says what is wrong") {
    const test::TempDir dir;
    const auto one = dir.write("one.yaml", "country: us\n"), two = dir.write("two.yaml", "role: web\n");
    Facts facts({one, two}, 300s);
    facts.refresh(at(0s).mono);

    dir.write("one.yaml", "country: [us\n");
    CHECK(facts.refresh(at(1s).mono));
    CHECK(facts.values() == Value::Map{{"country", "us"}, {"role", "web"}});
    CHECK(facts.problem().starts_with(one.string()));
    CHECK_FALSE(facts.refresh(at(2s).mono));

    dir.write("one.yaml", "");
    CHECK(facts.refresh(at(3s).mono));
    CHECK(facts.values() == Value::Map{{"country", "us"}, {"role", "web"}});

    dir.write("one.yaml", "country: uk\n");
    CHECK(facts.refresh(at(4s).mono));
    CHECK(facts.values() == Value::Map{{"country", "uk"}, {"role", "web"}});
    CHECK(facts.problem().empty());
}

TEST_CASE("a missing file takes its facts away, but not the last ones of all") {
    const test::TempDir dir;
    const auto one = dir.write("one.yaml", "country: us\n"), two = dir.write("two.yaml", "role: web\n");
    Facts facts({one, two}, 300s);
    facts.refresh(at(0s).mono);
    std::filesystem::remove(one);
    CHECK(facts.refresh(at(1s).mono));
    CHECK(facts.values() == Value::Map{{"role", "web"}});
    CHECK_FALSE(facts.problem().empty());
    std::filesystem::remove(two);
    CHECK(facts.refresh(at(2s).mono));
    CHECK(facts.values() == Value::Map{{"role", "web"}});
}

TEST_CASE("what is no regular file, or too large, is refused without being waited for") {
    const test::TempDir dir;
    const auto fifo = dir / "fifo.yaml";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const auto large = dir.write("large.yaml", "a: " + std::string(proto::limits::facts_size_max, 'x'));
    for (const auto& file : {fifo, large, dir.path(), std::filesystem::path("/dev/zero")}) {
        Facts facts({file}, 300s);
        CHECK(facts.refresh(at(0s).mono));
        CHECK(facts.values() == Value::Map{});
        CHECK_FALSE(facts.problem().empty());
    }
}

}  // namespace
}  // namespace mco::node
