#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/filter.hpp"
#include "proto/limits.hpp"
#include "proto/messages.hpp"
#include "tests/support/has.hpp"

namespace mco::proto {
namespace {

Condition parsed(std::string_view text) {
    auto condition = parse_condition(text);
    REQUIRE_MESSAGE(condition.has_value(), text << ": " << condition.error().detail);
    return *std::move(condition);
}

std::string refused(std::string_view text) {
    const auto condition = parse_condition(text);
    REQUIRE_MESSAGE(!condition.has_value(), text);
    CHECK(condition.error().code == Errc::invalid);
    return condition.error().detail;
}

// The machines of the acceptance checks.
Traits web1() {
    return {.identity = "web1",
            .classes = {"httpd", "common::linux"},
            .facts = Value::Map{{"country", "us"},
                                {"osfamily", "Debian"},
                                {"os", Value::Map{{"family", "Debian"}}},
                                {"uptime_days", "9"},
                                {"roles", Value::List{"web", "db"}},
                                {"lsb", "Ubuntu 11.04"},
                                {"path", "/usr/bin"}}};
}
Traits web2() {
    return {.identity = "web2",
            .classes = {"mysql", "common::linux"},
            .facts = Value::Map{{"country", "us"}, {"osfamily", "RedHat"}, {"uptime_days", "10"}}};
}
Traits db1() {
    return {.identity = "db1",
            .classes = {"httpd", "role::web"},
            .facts = Value::Map{{"country", "uk"}, {"osfamily", "RedHat"}, {"uptime_days", "100"}}};
}

struct Asked {
    std::vector<std::string> queries;
    AskData ask = [this](const std::string& source, const std::string& query) -> Result<Value::Map> {
        queries.push_back(source + ":" + query);
        if (source == "process") return Value::Map{{"exists", query == "redis-server"}};
        if (source == "fstat")
            return Value::Map{{"size", 42}, {"type", "file"}, {"ratio", 0.5}, {"days", "10"}, {"none", Value()},
                              {"names", Value::List{"a", "b"}}, {"map", Value::Map{{"a", 1}}}};
        return fail(Errc::not_found, "there is no such source");
    };
};

Matcher matcher(std::vector<std::string> texts) {
    Filter filter;
    for (const auto& text : texts) filter.conditions.push_back(parsed(text));
    auto compiled = Matcher::compile(filter);
    REQUIRE_MESSAGE(compiled.has_value(), compiled.error().detail);
    return *std::move(compiled);
}

std::string who(std::string_view text) {
    std::string names;
    const auto asked = matcher({std::string(text)});
    for (const auto& node : {web1(), web2(), db1()}) {
        if (asked.matches(node)) names += (names.empty() ? "" : " ") + node.identity;
    }
    return names;
}

bool with_data(std::string_view text) {
    Asked data;
    return matcher({std::string(text)}).judge_with(web1(), data.ask);
}

TEST_CASE("and binds tighter than or, and parentheses change it") {
    CHECK(who("country=us or country=uk and osfamily=RedHat") == "web1 web2 db1");
    CHECK(who("(country=us or country=uk) and osfamily=RedHat") == "web2 db1");
    CHECK(who("country=us && osfamily=RedHat || httpd && !country=us") == "web2 db1");
    CHECK(who("httpd") == "web1 db1");
    CHECK(who("(httpd or /mysql/)") == "web1 web2 db1");
    CHECK(who("role::web") == "db1");
    CHECK(who("((country=uk))") == "db1");
}

TEST_CASE("a negation is the complement, a missing fact included") {
    for (const auto* text : {"!country=us", "not country=us", "not(country=us)", "! (country=us)",
                             "not not not country=us", "country!=us"})
        CHECK_MESSAGE(who(text) == "db1", text);
    CHECK(who("not(httpd)") == "web2");
    CHECK(who("not !httpd") == "web1 db1");
    CHECK(who("!os.family=Debian") == "web2 db1");
    CHECK(who("os.family!=Debian").empty());  // no fact fits no operator
}

TEST_CASE("facts compare as they do in -F") {
    CHECK(who("uptime_days>=10") == "web2 db1");
    CHECK(who("uptime_days => 10") == "web2 db1");
    CHECK(who("uptime_days=<10") == "web1 web2");
    CHECK(who("country = us and uptime_days > 9") == "web2");
    CHECK(who("country=/u(s|k)/") == "web1 web2 db1");
    CHECK(who("country=~^u and country!~s$") == "db1");
    CHECK(who("country!=/s/") == "db1");
    CHECK(who("lsb=\"Ubuntu 11.04\"") == "web1");
    CHECK(who("lsb='Ubuntu 11.04' or lsb=~'^Ubuntu 12'") == "web1");
    CHECK(who("path='/usr/bin'") == "web1");
    CHECK(who("path=/^\\/usr\\/bin$/") == "web1");
    CHECK(who("path=~'^/usr/bin$'") == "web1");
    CHECK(who("roles=db") == "web1");
    CHECK(who("osfamily=Red*") == "web2 db1");
    CHECK(who("android=1 or order=2 or nothing=3 or country=uk") == "db1");
    CHECK(who("NOT or AND").empty());  // classes: keywords are lower case
}

TEST_CASE("data compare by their kind") {
    CHECK(with_data("process('redis-server').exists=true"));
    CHECK(with_data("Process(\"redis-server\").exists==true"));
    CHECK(with_data("process( 'redis-server' ).exists != false"));
    CHECK_FALSE(with_data("process('nginx').exists=true"));
    CHECK(with_data("!process('nginx').exists=true"));
    for (const auto* holds :
         {"fstat('/x').size>41", "fstat('/x').size=42.0", "fstat('/x').size<=4.2e1", "fstat('/x').ratio<1",
          "fstat('/x').type=/^f/", "fstat('/x').type!=directory", "fstat('/x').type!~^d", "fstat('/x').days>9",
          "fstat('/x').names=b", "not fstat('/x').none=1", "not fstat('/x').size=/4/", "not fstat('/x').type>a",
          "not process('redis-server').exists>false", "fstat().size=42", "not fstat('/x').map=a"})
        CHECK_MESSAGE(with_data(holds), holds);
    for (const auto* fails : {"fstat('/x').type!=/^f/", "fstat('/x').days<9", "fstat('/x').type=f*", "fstat('/x').none=1",
                              "fstat('/x').none!=1", "fstat('/x').days=10.0"})
        CHECK_MESSAGE(!with_data(fails), fails);
}

TEST_CASE("what nobody can tell never matches, negated or not, and does not spoil what is decided without it") {
    for (const auto* unknown : {"nosuch('x').y=1", "fstat('/x').bogus=1", "fstat('/x').size=large",
                                "process('redis-server').exists=yes", "nosuch('x').y=1 and httpd",
                                "nosuch('x').y=1 or mysql"}) {
        CHECK_MESSAGE(!with_data(unknown), unknown);
        CHECK_MESSAGE(!with_data(std::string("not (") + unknown + ")"), unknown);
    }
    CHECK(with_data("nosuch('x').y=1 or httpd"));
    CHECK(with_data("!(nosuch('x').y=1 and mysql)"));
}

TEST_CASE("a source is asked only where it decides, and once") {
    const auto queries = [](std::vector<std::string> texts) {
        Asked data;
        matcher(std::move(texts)).judge_with(web1(), data.ask);
        return data.queries;
    };
    using Queries = std::vector<std::string>;
    CHECK(queries({"process('a').exists=true and country=uk"}).empty());
    CHECK(queries({"process('a').exists=true or country=us"}).empty());
    CHECK(queries({"process('a').exists=true", "mysql"}).empty());
    CHECK(queries({"process('a').exists=true and fstat('b').size=42"}) == Queries{"process:a"});
    CHECK(queries({"process('a').exists=false and fstat('b').size=42"}) == Queries{"process:a", "fstat:b"});
    CHECK(queries({"fstat('b').size=42 and fstat('b').type=file", "fstat('b').ratio=0.5"}) == Queries{"fstat:b"});
    CHECK(matcher({"process('a').exists=true and country=uk"}).judge(web1()) == Verdict::no);
    CHECK(matcher({"process('a').exists=true and country=us"}).judge(web1()) == Verdict::unknown);
    CHECK_FALSE(matcher({"process('a').exists=true"}).matches(web1()));
}

TEST_CASE("several conditions must all hold") {
    CHECK(matcher({"country=us", "httpd"}).matches(web1()));
    CHECK_FALSE(matcher({"country=us", "httpd"}).matches(web2()));
}

TEST_CASE("an error shows its place") {
    CHECK(refused("country=us and uptime>") ==
          "the compound filter cannot be read: a value is missing\n  country=us and uptime>\n                        ^");
    CHECK(has(refused("country=us country=uk"), "\"and\" or \"or\" is missing\n  country=us country=uk\n             ^"));
    CHECK(has(refused("country=us and"), "is missing\n  country=us and\n                ^"));
    CHECK(has(refused("and x=1"), "a fact, a class"));
    CHECK(has(refused("()"), "  ()\n   ^"));
    CHECK(has(refused("(x=1"), "or ) is missing\n  (x=1\n      ^"));
    CHECK(has(refused("x=1)"), "  x=1)\n     ^"));
    CHECK(has(refused("process(redis).exists=true"), "in quotes, then )\n  process(redis).exists=true\n          ^"));
    CHECK(has(refused("f('a','b').x=1"), "at most one"));
    CHECK(has(refused("f('a')=1"), "a dot"));
    CHECK(has(refused("f('a').=1"), "name of an output"));
    CHECK(has(refused("f('a').b"), "one of ="));
    CHECK(has(refused("x='abc"), "closing quote '"));
    CHECK(has(refused("x=\"abc"), "closing quote \""));
    CHECK(has(refused("x=''"), "between the quotes"));
    CHECK(has(refused("/abc"), "no closing slash"));
    CHECK(has(refused("//"), "no expression"));
    CHECK(has(refused("path=/usr/bin"), "a path goes into quotes"));
    CHECK(has(refused("x</a/"), "go with an expression"));
    CHECK(has(refused("x=~a\\"), "backslash"));
    CHECK(has(refused(""), "a fact, a class"));
    CHECK(has(refused("httpd not mysql"), "\"and\" or \"or\" is missing"));
    // Columns are characters, and a long text is shown around the place.
    CHECK(has(refused("é=é é=é"), "\n  é=é é=é\n      ^"));
    const auto far = refused(std::string(500, 'a') + " b");
    CHECK(has(far, "  ...aaa"));
    CHECK(far.size() < 300);
    CHECK(has(refused("\xff=1"), "UTF-8"));
}

TEST_CASE("bombs are refused: length, depth, terms") {
    CHECK(has(refused(std::string(1'000'000, '(')), "octets long"));
    CHECK(has(refused(std::string(limits::filter_text_size_max, '(')), "nested deeper"));
    CHECK(has(refused(std::string(limits::filter_text_size_max, '!')), "nested deeper"));
    const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "x=1" + std::string(depth, ')'); };
    CHECK(parse_condition(nested(limits::condition_depth_max)));
    CHECK(has(refused(nested(limits::condition_depth_max + 1)), "nested deeper"));
    const auto chain = [](std::size_t terms) {
        std::string text = "a";
        for (std::size_t i = 1; i < terms; ++i) text += " or a";
        return text;
    };
    static_assert(limits::condition_steps_max % 2 == 0);
    CHECK(parse_condition(chain(limits::condition_steps_max / 2)));  // n terms and n - 1 operators
    CHECK(has(refused(chain(limits::condition_steps_max / 2 + 1)), "more than 256"));
    CHECK(has(refused(std::string(limits::fact_name_size_max + 1, 'f') + "=1"), "longer than 256"));
    CHECK(has(refused("f('" + std::string(limits::data_query_size_max + 1, 'q') + "').x=1"), "longer than 256"));
    // Parentheses behind each other are not nested.
    std::string flat = "(a)";
    for (int i = 0; i < 60; ++i) flat += " and (!a)";
    CHECK(parse_condition(flat));
}

TEST_CASE("what the wire brings is checked again") {
    using Kind = Step::Kind;
    const auto why = [](std::vector<Step> steps) {
        const auto compiled = Matcher::compile({.conditions = {{std::move(steps)}}});
        REQUIRE(!compiled.has_value());
        CHECK(compiled.error().code == Errc::invalid);
        return compiled.error().detail;
    };
    const Step fact{.kind = Kind::fact, .name = "a", .value = "1"};
    CHECK(has(why({}), "it is empty"));
    CHECK(has(why({fact, fact}), "no operator"));
    CHECK(has(why({{.kind = Kind::both}}), "no operand"));
    CHECK(has(why({fact, {.kind = Kind::either}}), "no operand"));
    CHECK(has(why({{.kind = Kind::negate}}), "no operand"));
    CHECK(has(why({{.kind = Kind::fact, .name = "a"}}), "empty"));
    CHECK(has(why({{.kind = Kind::data, .name = "a", .value = "1"}}), "outputs"));
    CHECK(has(why({{.kind = Kind::class_name, .name = "/(/"}}), "RE2"));
    CHECK(has(why({{.kind = Kind::fact, .name = "a", .op = FactOperator::matches, .value = "/(?=x)/"}}), "RE2"));
    std::vector<Step> many(limits::condition_steps_max + 1, {.kind = Kind::negate});
    many.front() = fact;
    CHECK(has(why(many), "more than"));
    many.pop_back();
    CHECK(Matcher::compile({.conditions = {{many}}}));  // the deepest tree there can be
    const Condition question = parsed("fstat('/x').size=1");
    CHECK(Matcher::compile({.conditions = std::vector<Condition>(limits::conditions_max, question)}));
    CHECK(!Matcher::compile({.conditions = std::vector<Condition>(limits::conditions_max + 1, parsed("a"))}));
    const Condition twice = parsed("fstat('/x').size=1 or fstat('/x').size=2");
    CHECK(!Matcher::compile({.conditions = std::vector<Condition>(limits::data_queries_max / 2 + 1, twice)}));
}

TEST_CASE("a condition survives the wire, and its text means the same") {
    for (const auto* text :
         {"a=1", "httpd", "/^http/", "a=1 and b=2 or c=3", "(a=1 or b=2) and c=3", "not (a=1 and b=2)", "not not a=1",
          "a and (b and c)", "a or b or c", "a or (b or c)", "not a and not (b or c)", "f('it is').x=/y/",
          "f(\"it's\").x!='a b'", "f().x>=1.5", "p=~/^\\/usr/", "p=~'a/b'", "x='=5'", "x=\"/usr\"", "x=it's",
          "x=\"say \\\"it's\\\"\"", "x='a\\'b c'"}) {
        const Condition condition = parsed(text);
        const auto again = parse_condition(to_text(condition));
        REQUIRE_MESSAGE(again.has_value(), to_text(condition));
        CHECK_MESSAGE(*again == condition, text << " became " << to_text(condition));
        const RequestBody body{.agent = "a", .action = "b", .filter = {.conditions = {condition}}};
        CHECK(unpack<RequestBody>(pack(body))->filter == body.filter);
    }
    CHECK(to_text(parsed("((a)) and (not(b)) or (c)")) == "a and not b or c");
}

TEST_CASE("a condition that is out of breath means nobody, negated or not") {
    Traits node = web1();
    Value::List large;
    for (int i = 0; i < 2'000; ++i) large.emplace_back(std::string(200, 'x'));
    node.facts = Value::Map{{"large", std::move(large)}};
    const std::string heavy = "large=/(x{1,30}y){1,10}$/";
    CHECK_FALSE(matcher({heavy}).matches(node));
    CHECK_FALSE(matcher({"not " + heavy}).matches(node));
    CHECK_FALSE(matcher({"not " + heavy + " or process('a').exists=true"}).judge(node) == Verdict::yes);
}

}  // namespace
}  // namespace mco::proto
