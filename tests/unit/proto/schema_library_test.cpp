#include "proto/schema_library.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/support/has.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::proto {
namespace {

std::string ddl(std::string_view name, std::string_view version = "1.0.0") {
    return R"({"metadata": {"name": ")" + std::string(name) + R"(", "description": "d", "author": "a", "license": "l",
               "version": ")" +
           std::string(version) + R"(", "url": "", "timeout": 5}, "actions": []})";
}

TEST_CASE("a DDL is found beside the others or in a folder of its own") {
    test::TempDir dir;
    dir.write("lib/mcollective/agent/alone.json", ddl("alone"));
    dir.write("lib/mcollective/agent/housed/housed.json", ddl("housed"));
    const SchemaLibrary library({dir / "lib"});
    CHECK(library.load("alone")->name == "alone");
    CHECK(library.load("housed")->name == "housed");
}

TEST_CASE("the first libdir wins, and in it the file without a folder") {
    test::TempDir dir;
    dir.write("one/mcollective/agent/a/a.json", ddl("a", "1"));
    dir.write("two/mcollective/agent/a.json", ddl("a", "2"));
    dir.write("two/mcollective/agent/b/b.json", ddl("b", "3"));
    dir.write("two/mcollective/agent/b.json", ddl("b", "4"));
    const SchemaLibrary library({dir / "none", dir / "one", dir / "two"});
    CHECK(library.load("a")->version == "1");
    CHECK(library.load("b")->version == "4");
    const auto listed = library.list();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].path == dir / "one/mcollective/agent/a/a.json");
    CHECK(listed[1].path == dir / "two/mcollective/agent/b.json");
}

TEST_CASE("a name that is no agent's never becomes a path") {
    test::TempDir dir;
    dir.write("lib/mcollective/secret.json", ddl("secret"));
    const SchemaLibrary library({dir / "lib"});
    using namespace std::string_view_literals;
    for (const std::string_view name : {"../secret"sv, "/etc/passwd"sv, ""sv, "."sv, ".."sv, "a/b"sv, "A"sv, "a-b"sv,
                                        "a.b"sv, "%2e"sv, "a\0b"sv, "\xd0\xb0"sv}) {
        const auto loaded = library.load(name);
        REQUIRE_FALSE_MESSAGE(loaded, name);
        CHECK(loaded.error().code == Errc::invalid);
    }
    CHECK(library.load(std::string(limits::name_size_max, 'a')).error().code == Errc::not_found);
    CHECK(library.load(std::string(limits::name_size_max + 1, 'a')).error().code == Errc::invalid);
}

TEST_CASE("an unknown agent is answered with those there are") {
    test::TempDir dir;
    dir.write("lib/mcollective/agent/rpcutil.json", ddl("rpcutil"));
    dir.write("lib/mcollective/agent/shell.json", ddl("shell"));
    const auto loaded = SchemaLibrary({dir / "lib"}).load("rpcutill");
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == Errc::not_found);
    CHECK_MESSAGE(has(loaded.error().detail, "did you mean \"rpcutil\""), loaded.error().detail);
    CHECK_MESSAGE(has(loaded.error().detail, "rpcutil, shell"), loaded.error().detail);

    const auto nothing = SchemaLibrary({dir / "none"}).load("rpcutil");
    REQUIRE_FALSE(nothing);
    CHECK_MESSAGE(has(nothing.error().detail, (dir / "none/mcollective/agent").string()), nothing.error().detail);
    CHECK_FALSE(SchemaLibrary({}).load("rpcutil"));
}

TEST_CASE("a broken DDL is listed with its fault and hides nothing else") {
    test::TempDir dir;
    const auto broken = dir.write("lib/mcollective/agent/broken.json", "{");
    dir.write("lib/mcollective/agent/good.json", ddl("good"));
    dir.write("lib/mcollective/agent/huge.json", std::string(limits::schema_size_max + 1, ' '));
    dir.write("lib/mcollective/agent/liar.json", ddl("good"));
    dir.write("lib/mcollective/agent/Not-An-Agent.json", ddl("x"));
    dir.write("lib/mcollective/agent/empty_folder/readme", "");
    std::filesystem::create_directories(dir / "lib/mcollective/agent/folder.json");
    dir.write("other/mcollective/agent/broken.json", ddl("broken"));

    const SchemaLibrary library({dir / "lib", dir / "other"});
    const auto listed = library.list();
    std::vector<std::string> names;
    for (const auto& one : listed) {
        names.push_back(one.name);
        CHECK_MESSAGE(one.error.empty() == (one.name == "good"), one.name << ": " << one.error);
        CHECK(library.load(one.name).has_value() == one.error.empty());
        if (!one.error.empty()) CHECK_MESSAGE(has(one.error, one.path.string()), one.error);
    }
    CHECK(names == std::vector<std::string>{"broken", "folder", "good", "huge", "liar"});
    CHECK(library.load("broken").error().code == Errc::malformed);  // not silently another libdir's
    CHECK(has(library.load("broken").error().detail, broken.string()));
    CHECK(has(library.load("liar").error().detail, "metadata.name"));
}

TEST_CASE("the program's own libdir lies beside its folder") {
    const auto own = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
    CHECK(default_libdir() == own / "share/mco");
}

}  // namespace
}  // namespace mco::proto
