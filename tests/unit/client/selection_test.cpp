#include "client/selection.hpp"

#include <set>

#include <doctest/doctest.h>

namespace mco::client {
namespace {

using Names = std::vector<std::string>;

OptionSet all_options() {
    OptionSet set;
    set.add(common_options());
    set.add(subset_options());
    return set;
}

proto::Result<Selection> read(std::vector<std::string> typed, const Config& config = {}) {
    const auto set = all_options();
    const auto options = set.parse(typed);
    REQUIRE_MESSAGE(options, options.error().detail);
    return read_selection(*options, set, config);
}

Names limit(std::vector<std::string> typed, Names all, std::uint64_t dice = 1) {
    const auto selection = read(std::move(typed));
    REQUIRE_MESSAGE(selection, selection.error().detail);
    return limited(std::move(all), *selection, dice);
}

std::string refusal(std::vector<std::string> typed, const Config& config = {}) {
    const auto selection = read(std::move(typed), config);
    REQUIRE(!selection);
    return selection.error().detail;
}

TEST_CASE("a limit is a number or a part, at least one node (checks 79 and 80)") {
    const Names three{"c", "a", "b"};
    CHECK(limit({}, three) == three);
    CHECK(limit({"--one"}, three) == Names{"c"});
    CHECK(limit({"-1"}, three) == Names{"c"});
    CHECK(limit({"--limit", "2"}, three) == Names{"c", "a"});
    CHECK(limit({"--limit-nodes=2"}, three) == Names{"c", "a"});
    CHECK(limit({"--ln", "3"}, three) == three);
    CHECK(limit({"--limit", "9"}, three) == three);
    CHECK(limit({"--limit", "50%"}, three).size() == 1);
    CHECK(limit({"--limit", "67%"}, three).size() == 2);
    CHECK(limit({"--limit", "1%"}, three).size() == 1);
    CHECK(limit({"--limit", "200%"}, three) == three);
    CHECK(limit({"--limit", "2"}, {}).empty());
}

TEST_CASE("a seed makes a random choice the same for the same names, in whatever order they come (check 82)") {
    Names names, turned;
    for (int i = 0; i < 40; ++i) names.push_back("n" + std::to_string(i));
    turned.assign(names.rbegin(), names.rend());
    const auto as_set = [](const Names& some) { return std::set<std::string>(some.begin(), some.end()); };
    const auto five = as_set(limit({"--limit", "5", "--limit-seed", "5"}, names));
    CHECK(five == std::set<std::string>{"n29", "n8", "n14", "n6", "n11"});
    CHECK(as_set(limit({"--limit", "5", "--limit-seed", "5"}, turned, 99)) == five);
    CHECK(as_set(limit({"--limit", "5", "--limit-seed", "6"}, names)) != five);
    CHECK(as_set(limit({"--limit", "5", "--lm", "random"}, names, 1)) != as_set(limit({"--limit", "5", "--lm", "random"}, names, 2)));
    CHECK(limit({"--limit", "5", "--lm", "first"}, names, 7) == Names(names.begin(), names.begin() + 5));
    Config config;
    config.limit_at_random = true;
    CHECK(read({"--one"}, config)->at_random);
    CHECK(!read({"--one", "--lm", "first"}, config)->at_random);
}

TEST_CASE("a batch is a number or a part that is rounded up (checks 84 and 85)") {
    CHECK(batch_size(*read({}), 3) == 0);
    CHECK(batch_size(*read({"--batch", "2"}), 3) == 2);
    CHECK(batch_size(*read({"--batch", "34%"}), 3) == 2);
    CHECK(batch_size(*read({"--batch", "1%"}), 3) == 1);
    CHECK(batch_size(*read({"--batch", "100%"}), 0) == 1);
    CHECK(read({"--batch", "2"})->batch_pause == std::chrono::seconds(1));
    CHECK(read({"--batch", "2", "--batch-sleep", "0.25"})->batch_pause == std::chrono::milliseconds(250));
    CHECK(read({"--batch", "2", "--batch-sleep-time", "0"})->batch_pause == std::chrono::seconds(0));
    Config config;
    config.batch_size = "10";
    config.batch_sleep = "3";
    CHECK(batch_size(*read({}, config), 100) == 10);
    CHECK(read({}, config)->batch_pause == std::chrono::seconds(3));
    CHECK(!read({"--batch", "0"}, config)->batch);
    config.batch_size = "ten";
    CHECK(refusal({}, config).starts_with("default_batch_size takes a number"));
}

TEST_CASE("configured limits and batches are for commands that have the options") {
    Config config;
    config.batch_size = "10";
    OptionSet set;
    set.add(common_options());
    CHECK(!read_selection(*set.parse({}), set, config)->batch);
}

TEST_CASE("what is no number, or excludes another option, is refused with its name (checks 81, 85 and 121)") {
    for (const auto* text : {"abc", "0", "0%", "%", "2%%", "1.5", "99999999999"})
        CHECK(refusal({"--limit", text}).starts_with("--limit takes a number of nodes or a part of them"));
    for (const auto* text : {"x", "0%", "1e3"}) CHECK(refusal({"--batch", text}).starts_with("--batch takes a number"));
    for (const auto* text : {"x", "nan", "inf", "86401"})
        CHECK(refusal({"--batch", "1", "--batch-sleep", text}).starts_with("--batch-sleep takes seconds from 0"));
    CHECK(refusal({"--batch-sleep", "1"}) == "--batch-sleep is the pause between batches; give --batch, too");
    CHECK(refusal({"--limit-seed", "1"}).starts_with("--limit-seed says which nodes a limit leaves"));
    CHECK(refusal({"--one", "--limit", "2"}).starts_with("--one is a limit already"));
    CHECK(refusal({"--one", "--lm", "best"}) == "--limit-method takes first or random, not 'best'");
    CHECK(refusal({"--one", "--lm", "first", "--limit-seed", "3"}).starts_with("--limit-seed is for a random choice"));
    CHECK(refusal({"--nodes", "f", "--dm", "flatfile"}) == "--nodes says which nodes; it cannot be used together with --disc-method");
    CHECK(refusal({"--nodes", "f", "--do", "g"}) == "--nodes says which nodes; it cannot be used together with --disc-option");
    CHECK(refusal({"--frozen", "f", "--nodes", "g"}) == "--frozen says which nodes; it cannot be used together with --nodes");
    CHECK(refusal({"--frozen", "f", "--one"}) == "--frozen says which nodes; it cannot be used together with --one");
}

TEST_CASE("discovery methods are known by name, mc is the mesh") {
    CHECK(read({})->method == Method::mesh);
    CHECK(!read({})->method_typed);
    CHECK(read({"--dm", "mc"})->method == Method::mesh);
    CHECK(read({"--dm", "mc"})->method_typed);
    CHECK(read({"--disc-method=flatfile", "--do", "f"})->method == Method::flatfile);
    CHECK(read({"--nodes", "f"})->sources == std::vector<std::string>{"f"});
    CHECK(read({"--dm", "external", "--do", "p", "--do", "q"})->sources == std::vector<std::string>{"p", "q"});
    CHECK(refusal({"--dm", "flatfiles"}) == "--dm: there is no discovery method 'flatfiles'; did you mean 'flatfile'?\n"
                                            "There are mesh, none, flatfile, stdin, inventory, external and puppetdb.");
    CHECK(refusal({"--dm", "mesh", "--dm", "none"}) == "--dm is given twice: mesh and none");
    Config config;
    config.discovery_method = "puppetdb";
    config.discovery_options = {"a"};
    CHECK(read({}, config)->method == Method::puppetdb);
    CHECK(read({}, config)->sources == std::vector<std::string>{"a"});
    CHECK(read({"--dm", "mesh"}, config)->method == Method::mesh);
    config.discovery_method = "nosuch";
    CHECK(refusal({}, config).starts_with("default_discovery_method: there is no discovery method 'nosuch'"));
}

}  // namespace
}  // namespace mco::client
