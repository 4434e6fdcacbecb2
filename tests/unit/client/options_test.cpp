#include "client/options.hpp"
#include "tests/support/has.hpp"

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

namespace mco::client {
namespace {

constexpr std::array own{
    Option{"display", "MODE", Section::rpc, "Which"},
    Option{"file,f", "FILE", Section::application, "A file"},
};

OptionSet all() {
    OptionSet set;
    set.add(own);
    set.add(progress_option());
    set.add(json_option());
    set.add(required_options());
    set.add(common_options());
    set.add(sort_option());
    set.add(filter_options());
    return set;
}

Options parse(std::vector<std::string> arguments) {
    auto options = all().parse(arguments);
    REQUIRE_MESSAGE(options.has_value(), options.error().detail);
    return std::move(*options);
}

std::string refusal(std::vector<std::string> arguments) {
    const auto options = all().parse(arguments);
    REQUIRE(!options.has_value());
    CHECK(options.error().code == proto::Errc::invalid);
    return options.error().detail;
}

TEST_CASE("an option with a value is accepted in every form") {
    for (const auto& form : std::vector<std::vector<std::string>>{
             {"--timeout", "7"}, {"--timeout=7"}, {"-t", "7"}, {"-t7"}, {"--time", "7"}, {"--time=7"}}) {
        const auto options = parse(form);
        CHECK(options.value("timeout") == "7");
        CHECK(options.words().empty());
    }
}

TEST_CASE("every spelling of an option is asked for by its first name") {
    for (const auto& spelling : {"--with-fact", "--wf", "-F"})
        CHECK(parse({spelling, "a=b"}).value("with-fact") == "a=b");
    for (const auto& spelling : {"--with-class", "--wc", "-C"})
        CHECK(parse({spelling, "x"}).value("with-class") == "x");
    for (const auto& spelling : {"--with-agent", "--wa", "-A"})
        CHECK(parse({spelling, "x"}).value("with-agent") == "x");
    for (const auto& spelling : {"--with-identity", "--wi", "-I"})
        CHECK(parse({spelling, "x"}).value("with-identity") == "x");
    for (const auto& spelling : {"--with", "-W"}) CHECK(parse({spelling, "x"}).value("with") == "x");
    for (const auto& spelling : {"--discovery-timeout", "--dt"})
        CHECK(parse({spelling, "3"}).value("discovery-timeout") == "3");
    for (const auto& spelling : {"--no-progress", "--np"}) CHECK(parse({spelling}).has("no-progress"));
}

TEST_CASE("options and words interleave, and -- ends options") {
    const auto options = parse({"rpcutil", "-v", "get_fact", "--np", "fact=country", "-I", "web1", "--", "-x", "a=-5"});
    CHECK(options.words() == std::vector<std::string>{"rpcutil", "get_fact", "fact=country", "-x", "a=-5"});
    CHECK(options.has("verbose"));
    CHECK(options.has("no-progress"));
    CHECK(options.value("with-identity") == "web1");
}

TEST_CASE("flags cluster, values may follow the cluster") {
    const auto options = parse({"-vjt7"});
    CHECK(options.has("verbose"));
    CHECK(options.has("json"));
    CHECK(options.value("timeout") == "7");
}

TEST_CASE("repeated options add up, and of a single one the last wins") {
    const auto options = parse({"-I", "a", "-I", "b", "-t", "1", "-t", "2", "-v", "-v"});
    const auto names = options.values("with-identity");
    CHECK(std::vector<std::string>(names.begin(), names.end()) == std::vector<std::string>{"a", "b"});
    CHECK(options.value("timeout") == "2");
    CHECK(options.values("with-fact").empty());
    CHECK(!options.value("with-fact"));
}

TEST_CASE("a path may be glued to a long option that takes a value") {
    CHECK(parse({"--file/tmp/devon.txt"}).value("file") == "/tmp/devon.txt");
    CHECK(parse({"--fi/tmp/x=y"}).value("file") == "/tmp/x=y");
    CHECK(parse({"--config/etc/x"}).value("config") == "/etc/x");
    CHECK(parse({"--file=/tmp/a/b"}).value("file") == "/tmp/a/b");
    CHECK(has(refusal({"--verbose/tmp/x"}), "--verbose/tmp/x"));  // takes none
    CHECK(parse({"--", "--file/tmp/x"}).words() == std::vector<std::string>{"--file/tmp/x"});
}

TEST_CASE("an unknown option names the nearest known one") {
    CHECK(refusal({"--xyzzy"}) == "unknown option --xyzzy");
    CHECK(refusal({"--dispaly", "ok"}) == "unknown option --dispaly; did you mean --display?");
    CHECK(has(refusal({"-Q"}), "-Q"));
}

TEST_CASE("an ambiguous prefix names what it may be") {
    const auto text = refusal({"--with-", "x"});
    CHECK(has(text, "ambiguous"));
    CHECK(has(text, "with-agent, with-class, with-fact and with-identity"));
}

TEST_CASE("a missing value names the option, and a flag takes none") {
    CHECK(has(refusal({"--timeout"}), "timeout"));
    CHECK(has(refusal({"-t"}), "-t"));
    CHECK(has(refusal({"--json=yes"}), "json"));
}

TEST_CASE("replies cannot be sent to somebody else, and what to do instead is said") {
    CHECK(has(refusal({"--reply-to", "x"}), "take them with -j"));
    CHECK(has(refusal({"--reply-to=x"}), "take them with -j"));
}

TEST_CASE("numbers have a range, and its edges belong to it") {
    CHECK(parse({}).number("timeout", 1, 9).value() == std::nullopt);
    CHECK(parse({"-t", "1"}).number("timeout", 1, 9).value() == 1);
    CHECK(parse({"-t", "9"}).number("timeout", 1, 9).value() == 9);
    for (const auto& bad : {"0", "10", "", "x", "1x", "1.5", "99999999999999999999"}) {
        const auto number = parse({"-t", bad}).number("timeout", 1, 9);
        REQUIRE(!number);
        CHECK(has(number.error().detail, "--timeout takes a whole number from 1 to 9"));
    }
    CHECK(!parse({"-t", "-1"}).number("timeout", 1, 9));
}

TEST_CASE("the help of a section lists its options once, short names first") {
    const auto text = all().help(Section::filter);
    CHECK(has(text, "    -F, --with-fact, --wf FACT"));
    CHECK(std::count(text.begin(), text.end(), '\n') >= 5);
    CHECK(!has(text, "--timeout"));
    CHECK(has(all().help(Section::common), "    -t, --timeout SECONDS               The longest wait for replies\n"));
}

}  // namespace
}  // namespace mco::client
