#include "client/node_set.hpp"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

namespace mco::client {
namespace {

using Names = std::vector<std::string>;

proto::Result<Names> named(std::string_view name) {
    if (name == "last.failed") return Names{"web2", "db1"};
    return proto::fail(proto::Errc::not_found, "there is no set of that name");
}

Names expand(std::string_view text) {
    auto names = expand_nodes(text, named);
    REQUIRE_MESSAGE(names, text);
    return *names;
}

std::string refused(std::string_view text) {
    const auto names = expand_nodes(text, named);
    REQUIRE_MESSAGE(!names, text);
    return names.error().detail;
}

std::string fold(Names names) { return fold_nodes(names); }

TEST_CASE("a node set is written as clush writes it") {
    CHECK(expand("web1") == Names{"web1"});
    CHECK(expand("web1,db1,web1") == Names{"web1", "db1"});
    CHECK(expand("web[1-3]") == Names{"web1", "web2", "web3"});
    CHECK(expand("web[9-11].example.net") == Names{"web9.example.net", "web10.example.net", "web11.example.net"});
    CHECK(expand("web[3,1,1-2]") == Names{"web3", "web1", "web2"});
    CHECK(expand("web[0-20/10]") == Names{"web0", "web10", "web20"});
    CHECK(expand("r[1-2]-n[1-2]") == Names{"r1-n1", "r1-n2", "r2-n1", "r2-n2"});
}

TEST_CASE("zeros in front are kept") {
    CHECK(expand("web[008-011]") == Names{"web008", "web009", "web010", "web011"});
    CHECK(expand("web[099-101]") == Names{"web099", "web100", "web101"});
    CHECK(expand("web[00]") == Names{"web00"});
}

TEST_CASE("sets are joined, taken away and cut, from left to right") {
    CHECK(expand("web[1-4]!web[2-3]") == Names{"web1", "web4"});
    CHECK(expand("web[1-4]&web[3-9]") == Names{"web3", "web4"});
    CHECK(expand("web[1-4]!web2,web2") == Names{"web1", "web3", "web4", "web2"});
    CHECK(expand("web1!web1").empty());
}

TEST_CASE("named sets are looked up") {
    CHECK(expand("@last.failed") == Names{"web2", "db1"});
    CHECK(expand("@last.failed!db[1-9]") == Names{"web2"});
    CHECK(refused("web1,@nosuch") == "there is no set of that name\n  web1,@nosuch\n       ^");
}

TEST_CASE("a set that does not parse shows the place") {
    CHECK(refused("web[3-1]") == "the range runs backwards\n  web[3-1]\n      ^");
    CHECK(refused("web[1-") == "a number is missing\n  web[1-\n        ^");
    CHECK(refused("web[1-3") == "the bracket is not closed\n  web[1-3\n     ^");
    CHECK(refused("web[a-b]") == "a number is missing\n  web[a-b]\n      ^");
    CHECK(refused("web[1;2]") == "brackets hold numbers\n  web[1;2]\n       ^");
    CHECK(refused("web[1-9/0]") == "a step is a number from 1\n  web[1-9/0]\n           ^");
    CHECK(refused("") == "a name is missing\n  \n  ^");
    CHECK(refused("web1,,web2") == "a name is missing\n  web1,,web2\n       ^");
    CHECK(refused("web1 web2") == "a name cannot hold this\n  web1 web2\n      ^");
    CHECK(refused("web[1234567890123456789]").starts_with("a number is missing"));
    CHECK(refused(std::string(65, 'a')).starts_with("a name has at most 64 letters"));
    CHECK(refused(std::string(100, 'a') + ",,").starts_with("a name has at most 64 letters"));
    CHECK(refused("web" + std::string(100, ',')).find("\n  web,,,") != std::string::npos);
}

TEST_CASE("a set is bounded, however it is written") {
    CHECK(expand("n[1-100000]").size() == node_set_max);
    for (const auto* text : {"n[0-100000]", "n[1-60000],m[1-60000]", "n[1-1000]m[1-1000]", "n[0-999999999999999999]",
                             "n[1-60000,1-60000]"})
        CHECK(refused(text) == "the set has more than 100000 names");
}

TEST_CASE("names are folded by the number that they differ in") {
    CHECK(fold({}).empty());
    CHECK(fold({"web1"}) == "web1");
    CHECK(fold({"web2", "web1", "web3", "web1"}) == "web[1-3]");
    CHECK(fold({"web9", "web10", "web12", "db1"}) == "db1,web[9-10,12]");
    CHECK(fold({"dc1-web1", "dc1-web2", "dc1-web3", "dc2-web9"}) == "dc1-web[1-3],dc2-web9");
    CHECK(fold({"web1.dc1", "web1.dc2"}) == "web1.dc[1-2]");
    CHECK(fold({"localhost", "alpha"}) == "alpha,localhost");
}

TEST_CASE("folding keeps zeros in front") {
    CHECK(fold({"web001", "web002", "web010"}) == "web[001-002,010]");
    CHECK(fold({"web098", "web099", "web100", "web101"}) == "web[098-101]");
    CHECK(fold({"web1", "web01", "web2"}) == "web[1-2,01]");
    CHECK(fold({"web0", "web00"}) == "web[0,00]");
}

TEST_CASE("a name from elsewhere that is none stands as it is") {
    CHECK(fold({"a,b1", "web1"}) == "a,b1,web1");
    CHECK(fold({"x[1]", "x[2]"}) == "x[1],x[2]");
    CHECK(fold({"n12345678901234567890", "n12345678901234567891"}) == "n12345678901234567890,n12345678901234567891");
}

TEST_CASE("what was folded expands to the same names") {
    std::mt19937 dice(7);
    for (int round = 0; round < 500; ++round) {
        Names names;
        const auto count = dice() % 20;
        for (std::size_t i = 0; i <= count; ++i) {
            std::string name;
            for (auto parts = 1 + dice() % 3; parts > 0; --parts) {
                name += std::string(1, "abc"[dice() % 3]);
                name += std::string(dice() % 3, '0') + (dice() % 4 != 0 ? std::to_string(dice() % 120) : "");
            }
            names.push_back(name);
        }
        auto back = expand(fold(names));
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        std::sort(back.begin(), back.end());
        CHECK(back == names);
    }
}

}  // namespace
}  // namespace mco::client
