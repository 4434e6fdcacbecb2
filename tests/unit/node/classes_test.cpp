#include "node/classes.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proto/limits.hpp"
#include "tests/support/temp_dir.hpp"

namespace mco::node {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("classes are lines, and edits take effect at the next look") {
    const test::TempDir dir;
    Classes classes(dir.write("classes.txt", "httpd\n\n  common::linux \r\nlast"));
    CHECK(classes.refresh());
    CHECK(classes.names() == Names{"httpd", "common::linux", "last"});
    CHECK_FALSE(classes.refresh());
    dir.write("classes.txt", "mysql\n");
    CHECK(classes.refresh());
    CHECK(classes.names() == Names{"mysql"});
}

TEST_CASE("a file that is not there is no trouble, one that cannot be read is, and keeps the names") {
    const test::TempDir dir;
    const auto file = dir.write("classes.txt", "httpd\n");
    Classes classes(file);
    classes.refresh();
    dir.write("classes.txt", std::string(proto::limits::facts_size_max + 1, 'x'));
    CHECK(classes.refresh());
    CHECK(classes.names() == Names{"httpd"});
    CHECK_FALSE(classes.problem().empty());
    std::filesystem::remove(file);
    CHECK(classes.refresh());
    CHECK(classes.names().empty());
    CHECK(classes.problem().empty());
}

TEST_CASE("without a file there are no classes") {
    Classes classes({});
    CHECK_FALSE(classes.refresh());
    CHECK(classes.names().empty());
}

}  // namespace
}  // namespace mco::node
