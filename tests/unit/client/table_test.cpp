#include "client/table.hpp"

#include <doctest/doctest.h>

namespace mco::client {
namespace {

TEST_CASE("columns are as wide as their widest cell, and no line ends with a blank") {
    const Table table{.heading = {"Node", "Value"}, .rows = {{"web1", "us"}, {"a-long-name", ""}, {"ü"}}};
    CHECK(table_text(table) == "Node         Value\nweb1         us\na-long-name\nü\n");
    CHECK(table_width(table) == 18);
}

TEST_CASE("a table without rows is its heading") {
    CHECK(table_text({.heading = {"Node"}, .rows = {}}) == "Node\n");
    CHECK(table_width({}) == 0);
}

}  // namespace
}  // namespace mco::client
