#include "client/node_list.hpp"

#include <sstream>

#include <doctest/doctest.h>

#include "client/node_set.hpp"

namespace mco::client {
namespace {

using Names = std::vector<std::string>;

Names read(std::string_view text) {
    const auto names = names_of(text, "LIST");
    REQUIRE_MESSAGE(names, names.error().detail);
    return *names;
}
std::string refused(std::string_view text) {
    const auto names = names_of(text, "LIST");
    REQUIRE_MESSAGE(!names, text);
    return names.error().detail;
}

TEST_CASE("a file has a name a line; blanks and comments count as nothing (check 120)") {
    CHECK(read("web1\n\n  # all of them\n web2 # the second\r\ndb1.example.net") == Names{"web1", "web2", "db1.example.net"});
    CHECK(read("web1\nweb1\n") == Names{"web1"});
    CHECK(refused("web1\nweb 2\n") ==
          "LIST: line 2: 'web 2' is not the name of a node\nNames are letters, digits, '.', '-' and '_'.");
    CHECK(refused("/etc") .starts_with("LIST: line 1: '/etc' is not the name"));
    CHECK(refused(std::string(65, 'a')).starts_with("LIST: line 1: "));
}

TEST_CASE("an empty list is nobody, never everybody (check 124)") {
    const std::string error = "LIST names no node\nAn empty list means nobody, never everybody.";
    for (const auto* text : {"", " \n\t\n", "# nobody\n", "[]", "[ ]\n"}) CHECK(refused(text) == error);
}

TEST_CASE("JSON has names, or results with a sender or a certname (checks 123 and 124)") {
    CHECK(read(R"(["web1", "web2"])") == Names{"web1", "web2"});
    CHECK(read(R"([{"agent":"a","sender":"web1","data":{"sender":"no","list":[1,{"x":"]"}]}},{"sender":"web2"},{"sender":"web1"}])") ==
          Names{"web1", "web2"});
    CHECK(read("[\n  {\"certname\": \"web1\"}\n]\n") == Names{"web1"});
    CHECK(read("{\"sender\":\"web1\"}\n\n{\"sender\":\"web2\"}\n") == Names{"web1", "web2"});
    CHECK(read(R"([{"sender":"web1"},{"ledger":{"expected":2},"missing":[{"name":"db1"}],"trouble":[]}])") == Names{"web1"});
    CHECK(refused(R"([{"ledger":{"expected":2}}])").starts_with("LIST names no node"));
    CHECK(read(R"([{"text":"a \" ] } b","sender":"web1"}])") == Names{"web1"});
}

TEST_CASE("JSON that is no list of nodes says where") {
    CHECK(refused(R"([{"name":"web1"}])") ==
          "LIST: element 1 of the JSON list: it is neither a name nor an object with a \"sender\" or \"certname\"");
    CHECK(refused(R"(["web1",7])").starts_with("LIST: element 2 of the JSON list: it is neither"));
    CHECK(refused(R"(["web1")") == "LIST: element 1 of the JSON list: the list is not closed");
    CHECK(refused(R"(["web1",)") == "LIST: element 2 of the JSON list: the list is not closed");
    CHECK(refused(R"(["web1" "web2"])").starts_with("LIST: element 1 of the JSON list: "));
    CHECK(refused(R"(["web1"] more)") == "LIST: there is more behind the JSON list");
    CHECK(refused("[") == "LIST: element 1 of the JSON list: the list is not closed");
    CHECK(refused(R"([,])").starts_with("LIST: element 1"));
    CHECK(refused(R"({"sender": "web1")").starts_with("LIST: element 1 of the JSON list: "));
    CHECK(refused(R"(["we b"])").starts_with("LIST: element 1: 'we b' is not the name"));
}

TEST_CASE("a list is bounded") {
    std::string text;
    for (std::size_t i = 0; i <= node_set_max; ++i) text += "n" + std::to_string(i) + "\n";
    CHECK(refused(text) == "LIST has more than 100000 nodes");
    std::istringstream endless(std::string(node_list_size_max + 1, 'x'));
    CHECK(read_all(endless, "LIST").error().detail == "LIST is larger than 67108864 octets");
    std::istringstream small("web1\n");
    CHECK(*read_all(small, "LIST") == "web1\n");
}

}  // namespace
}  // namespace mco::client
