#include "security/policy.hpp"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

namespace fs = std::filesystem;

proto::Traits web1() {
    proto::Traits node;
    node.identity = "web1";
    node.classes = {"apache", "role::web"};
    node.facts = proto::Value::Map{{"country", "uk"}, {"procs", 10}, {"os", proto::Value::Map{{"family", "Debian"}}}};
    return node;
}

Policy::Verdict decide(std::string_view text, std::string_view caller = "cert=alice",
                       std::string_view action = "status") {
    const auto policy = Policy::parse("service", text);
    REQUIRE_MESSAGE(policy, policy.error().detail);
    return policy->decide({caller, "service", action}, web1());
}
bool allowed(std::string_view text, std::string_view caller = "cert=alice", std::string_view action = "status") {
    return decide(text, caller, action).allowed;
}

TEST_CASE("nothing allows unless something says so") {
    CHECK_FALSE(allowed(""));
    CHECK_FALSE(allowed("# comment only\n\n \t \n"));
    CHECK_FALSE(allowed("policy default deny\n"));
    CHECK(allowed("policy default allow\n"));
    CHECK(allowed("policy\tdefault  allow\r\n"));
    CHECK_FALSE(allowed("policy default ALLOW\n"));
    CHECK_FALSE(allowed("policy default yes\n"));
    CHECK_FALSE(allowed("policy default allow\npolicy default deny\n"));  // the last one wins
    CHECK(allowed("policy default deny\npolicy default allow"));
}

TEST_CASE("the first line that matches decides, and is named") {
    const std::string text =
        "policy default deny\n# "
        "comment\nallow\tcert=alice\tstatus\t*\t*\ndeny\tcert=alice\t*\t*\t*\nallow\t*\t*\t*\t*\n";
    CHECK(decide(text).decided_by == "service.policy:3");
    CHECK(decide(text, "cert=alice", "stop").decided_by == "service.policy:4");
    CHECK_FALSE(decide(text, "cert=alice", "stop").allowed);
    CHECK(decide(text, "cert=bob", "stop").decided_by == "service.policy:5");
    CHECK(decide("policy default allow\n").decided_by == "service.policy default");
}

TEST_CASE("callers and actions match exactly, each list as a whole") {
    const std::string line = "allow\tcert=rip cert=bob\tstatus start\t*\t*\n";
    CHECK(allowed(line, "cert=rip"));
    CHECK(allowed(line, "cert=bob", "start"));
    CHECK_FALSE(allowed(line, "cert=ripienaar"));
    CHECK_FALSE(allowed(line, "cert=ri"));
    CHECK_FALSE(allowed(line, "cert=rip cert=bob"));
    CHECK_FALSE(allowed(line, "rip"));
    CHECK_FALSE(allowed(line, "cert=rip", "stat"));
    CHECK_FALSE(allowed(line, "cert=rip", "status start"));
    CHECK_FALSE(allowed(line, "", ""));
}

TEST_CASE("facts and classes must all hold; facts are compared by type") {
    const auto holds = [](std::string_view facts, std::string_view classes) {
        return allowed(std::string("allow\t*\t*\t") + std::string(facts) + "\t" + std::string(classes) + "\n");
    };
    CHECK(holds("*", "*"));
    CHECK(holds("country=uk", "*"));
    CHECK_FALSE(holds("country=us", "*"));
    CHECK(holds("country=uk procs>9", "*"));  // as text, "10" would come before "9"
    CHECK_FALSE(holds("country=uk procs>10", "*"));
    CHECK(holds("procs>=10", "*"));
    CHECK(holds("procs<=10 procs<11", "apache"));
    CHECK(holds("os.family=Debian", "*"));
    CHECK_FALSE(holds("absent=1", "*"));
    CHECK(holds("*", "apache role::web"));
    CHECK_FALSE(holds("*", "apache mysql"));
    CHECK_FALSE(holds("country=us", "apache"));
}

TEST_CASE("with four columns the last holds facts and classes, and * is true") {
    const auto holds = [](std::string_view condition) {
        return allowed("allow\t*\t*\t" + std::string(condition) + "\n");
    };
    CHECK(holds("*"));
    CHECK(holds("apache"));
    CHECK(holds("country=uk apache procs>9"));
    CHECK_FALSE(holds("country=us apache"));
    CHECK_FALSE(holds("country=uk mysql"));
}

TEST_CASE("runs of tabs are one, and blanks round a column do not count") {
    CHECK(allowed("allow\t\tcert=alice \t status\t\t\t*\t*\t\n"));
    CHECK(allowed("allow\tcert=alice\tstatus\t*\t*  \r\n"));
}

TEST_CASE("a malformed line fails the file, with file, line and what to write") {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"allow cert=alice * * *", "hard tabs"},
        {"deny cert=alice", "hard tabs"},
        {"Allow\t*\t*\t*\t*", "begins no rule"},
        {"allow", "1 columns"},
        {"allow\t*\t*", "3 columns"},
        {"allow\t*\t*\t*\t*\t*", "6 columns"},
        {"policy default", "policy default deny"},
        {"policy other deny", "policy default deny"},
        {"allow\tadmins\t*\t*\t*", "no caller group \"admins\""},
        {"allow\tcert=\t*\t*\t*", "is no caller"},
        {"allow\t* cert=bob\t*\t*\t*", "stands alone"},
        {"allow\t*\tst*\t*\t*", "matched exactly"},
        {"allow\t*\t*\tcountry=uk and\t*", ""},
        {"allow\t*\t*\t(country=uk\t*", ""},
        {"allow\t*\t*\tfact('x')\t*", ""},
        {"allow\t*\t*\tapache or", ""},
        {"allow\t*\t*\tcountry\t*", ""},
        {"allow\t*\t*\tcountry=~(\t*", ""},
        {"allow\t*\t*\tcountry=~[\t*", ""},
    };
    for (const auto& row : wrong) {
        const auto& line = row.first;
        const auto& because = row.second;
        const auto policy = Policy::parse("service", "policy default deny\n" + line + "\n");
        REQUIRE_MESSAGE(!policy, line);
        CHECK_MESSAGE(has(policy.error().detail, "service.policy:2: "), policy.error().detail);
        CHECK_MESSAGE(has(policy.error().detail, because), policy.error().detail);
    }
}

TEST_CASE("conditions hold as they do for -S, in either column, with and without classes") {
    const auto holds = [](std::string_view columns) {
        return allowed("allow\t*\t*\t" + std::string(columns) + "\n");
    };
    CHECK(holds("country=uk and procs>9\t*"));
    CHECK_FALSE(holds("country=us and procs>9\t*"));
    CHECK(holds("country=us or procs>9\t*"));
    CHECK(holds("(country=us or procs>9) and not os.family=RedHat\t*"));
    CHECK_FALSE(holds("!country=uk\t*"));
    CHECK(holds("not country=us\tapache or mysql"));
    CHECK_FALSE(holds("*\t!apache"));
    CHECK(holds("*\t(apache and /^role/) && !mysql"));
    CHECK(holds("country=uk and apache and not mysql"));
    CHECK(holds("country=us || apache"));
    CHECK_FALSE(holds("country=uk and mysql"));
    CHECK(holds("/^role::w/"));
}

TEST_CASE("a group stands for its callers, among others, too") {
    const std::string groups = "# who\nadmins cert=alice\tcert=carol\nops.2_b-c cert=dave uid=500\n";
    const auto decide = [&](std::string_view rule, std::string_view caller) {
        const auto policy = Policy::parse("service", rule, groups);
        REQUIRE_MESSAGE(policy, policy.error().detail);
        return policy->decide({caller, "service", "status"}, web1()).allowed;
    };
    CHECK(decide("allow\tadmins\t*\t*\t*\n", "cert=alice"));
    CHECK(decide("allow\tadmins\t*\t*\t*\n", "cert=carol"));
    CHECK_FALSE(decide("allow\tadmins\t*\t*\t*\n", "cert=dave"));
    CHECK_FALSE(decide("allow\tadmins\t*\t*\t*\n", "admins"));
    CHECK(decide("allow\tcert=bob admins ops.2_b-c\t*\t*\t*\n", "cert=dave"));
    CHECK(decide("allow\tcert=bob admins\t*\t*\t*\n", "cert=bob"));
    CHECK_FALSE(decide("deny\tadmins\t*\t*\t*\npolicy default allow\n", "cert=carol"));
    CHECK_FALSE(Policy::parse("service", "policy default deny\nallow\tnobody\t*\t*\t*\n", "nobody\n")->decide({"cert=alice", "service", "status"}, web1()).allowed);
    for (const std::string_view wrong : {"a cert=b\na cert=c", "a b", "a cert=", "a/b cert=c", "a =c"})
        CHECK_MESSAGE(!Policy::parse("service", "", wrong), wrong);
}

TEST_CASE("what only data can tell stays open until it is asked, and a source that fails makes no rule true") {
    const auto policy = Policy::parse("puppet",
                                      "allow\tcert=bob\t*\t*\t*\n"
                                      "deny\t*\tenable\tpuppet().enabled=false\t*\n"
                                      "allow\t*\tenable disable\tcountry=uk and puppet().lastrun>5\t*\n");
    REQUIRE_MESSAGE(policy, policy.error().detail);
    const auto asked = [&](std::string_view action, const proto::AskData& ask) {
        return policy->decide_with({"cert=alice", "puppet", action}, web1(), ask);
    };
    const auto open = policy->decide({"cert=alice", "puppet", "enable"}, web1());
    CHECK(open.open);
    CHECK_FALSE(open.allowed);
    CHECK(open.decided_by == "puppet.policy:2");
    CHECK_FALSE(policy->decide({"cert=bob", "puppet", "enable"}, web1()).open);
    CHECK_FALSE(policy->decide({"cert=alice", "puppet", "status"}, web1()).open);
    CHECK(policy->sources({"cert=alice", "puppet", "enable"}) == std::vector<std::string>{"puppet", "puppet"});
    CHECK(policy->sources({"cert=alice", "puppet", "status"}).empty());

    const auto says = [](bool enabled, int lastrun) {
        return [=](const std::string&, const std::string&) -> proto::Result<proto::Value::Map> {
            return proto::Value::Map{{"enabled", enabled}, {"lastrun", lastrun}};
        };
    };
    CHECK(asked("enable", says(true, 6)).allowed);
    CHECK(asked("enable", says(true, 6)).decided_by == "puppet.policy:3");
    CHECK(asked("enable", says(false, 6)).decided_by == "puppet.policy:2");
    CHECK_FALSE(asked("enable", says(false, 6)).allowed);
    CHECK(asked("enable", says(true, 5)).decided_by == "puppet.policy default");
    const auto broken = asked("enable", [](const std::string&, const std::string&) -> proto::Result<proto::Value::Map> {
        return proto::fail(proto::Errc::internal, "broken");
    });
    CHECK_FALSE(broken.allowed);
    CHECK_FALSE(broken.open);
    CHECK(broken.decided_by == "puppet.policy default");
}

// As sites wrote them for MCollective: the plugin's own documentation, and what it does there.
TEST_CASE("a policy written for MCollective gives the verdicts its author expects") {
    const std::string text =
        "# /etc/mcollective/policies/service.policy\n"
        "policy default deny\n"
        "\n"
        "allow\tcert=admin\t*\t*\t*\n"
        "allow\tsysadmins\t*\t*\n"
        "deny\tcert=john\tstop\t*\t*\n"
        "allow\tcert=john\t*\tcustomer=acme\tacme::devserver\n"
        "allow\tcert=joe\tstatus restart\tcustomer=acme and environment=development\t*\n"
        "allow\tuid=500 cert=jane\tstatus\t(environment=production or environment=staging) and !customer=acme\n"
        "allow\t*\tstatus\tcountry=us country=uk\t*\n"
        "allow\t*\tping\n";
    proto::Traits node;
    node.classes = {"acme::devserver", "ntp"};
    node.facts = proto::Value::Map{{"customer", "acme"}, {"environment", "development"}, {"country", "uk"}};
    CHECK_FALSE(Policy::parse("service", text, "sysadmins cert=sa1 cert=sa2\n"));  // three columns: a rule that is lost there
    const auto policy =
        Policy::parse("service", text.substr(0, text.rfind("allow")), "sysadmins cert=sa1 cert=sa2\n");
    REQUIRE_MESSAGE(policy, policy.error().detail);
    const auto by = [&](std::string_view caller, std::string_view action) {
        const auto verdict = policy->decide({caller, "service", action}, node);
        return (verdict.allowed ? "+" : "-") + verdict.decided_by;
    };
    CHECK(by("cert=admin", "stop") == "+service.policy:4");
    CHECK(by("cert=sa2", "stop") == "+service.policy:5");
    CHECK(by("cert=john", "stop") == "-service.policy:6");
    CHECK(by("cert=john", "start") == "+service.policy:7");
    CHECK(by("cert=joe", "restart") == "+service.policy:8");
    CHECK(by("cert=joe", "stop") == "-service.policy default");
    CHECK(by("cert=jane", "status") == "-service.policy default");
    node.facts = proto::Value::Map{{"customer", "other"}, {"environment", "staging"}};
    CHECK(by("cert=jane", "status") == "+service.policy:9");
    CHECK(by("cert=john", "start") == "-service.policy default");
    CHECK(by("cert=sa3", "status") == "-service.policy default");
}

TEST_CASE("a folder of policies: one file an agent, no file denies") {
    const mco::test::TempDir dir;
    dir.write("policies/service.policy", "allow\tcert=alice\t*\t*\t*\n");
    dir.write("policies/default.policy", "policy default allow\n");
    dir.write("policies/README", "no policy");
    const auto ask = [&](Policy::Settings settings, std::string_view agent) {
        const auto policy = Policy::read(dir / "policies", std::move(settings));
        REQUIRE(policy);
        return policy->decide({"cert=alice", agent, "status"}, web1());
    };
    CHECK(ask({}, "service").allowed);
    CHECK(ask({}, "service").decided_by == "service.policy:1");
    CHECK_FALSE(ask({}, "package").allowed);
    CHECK(ask({}, "package").decided_by == "no policy file");
    CHECK_FALSE(ask({}, "").allowed);
    CHECK_FALSE(ask({}, "servic").allowed);
    CHECK(ask({.allow_unconfigured = true}, "package").allowed);
    CHECK(ask({.enable_default = true}, "package").decided_by == "default.policy default");
    CHECK_FALSE(ask({.enable_default = true, .default_name = "other"}, "package").allowed);
    CHECK(ask({.allow_unconfigured = true, .enable_default = true}, "package").decided_by == "default.policy default");
}

TEST_CASE("no folder means no policies; a broken file, broken groups or one that all may write is an error") {
    const mco::test::TempDir dir;
    const auto none = Policy::read(dir / "none", {});
    REQUIRE(none);
    CHECK_FALSE(none->decide({"cert=alice", "service", "status"}, web1()).allowed);
    CHECK_FALSE(Policy::read(dir.write("file", ""), {}));

    const auto file = dir.write("policies/service.policy", "deny cert=alice * * *\n");
    CHECK(has(Policy::read(dir / "policies", {}).error().detail, file.string() + ":1: "));
    dir.write("policies/service.policy", "policy default allow\n");
    CHECK(Policy::read(dir / "policies", {}));
    fs::permissions(file, fs::perms(0666));
    CHECK(has(Policy::read(dir / "policies", {}).error().detail, "\nchmod o-w " + file.string()));
    fs::permissions(file, fs::perms(0644));
    const auto groups = dir.write("policies/groups", "admins alice\n");
    CHECK(has(Policy::read(dir / "policies", {}).error().detail, groups.string() + ":1: \"alice\" is no caller"));
}

}  // namespace
}  // namespace mco::security::test
