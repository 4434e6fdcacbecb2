// Policies such as sites have for MCollective, in the shapes that are found there: the plugin's documentation, vendors' manuals, what Puppet modules
// write. The verdicts are those of the plugin's rules; where this decides otherwise on purpose, docs/security.md says so.

#include "security/policy.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/security/authority.hpp"

namespace mco::security::test {
namespace {

// A machine, in short: facts as they are compared, and classes.
struct Machine {
    proto::Value::Map facts;
    std::vector<std::string> classes;
};
const Machine bare{};
const Machine acme_dev{{{"customer", "acme"}, {"environment", "development"}}, {"acme::devserver", "ntp"}};
const Machine acme_prod{{{"customer", "acme"}, {"environment", "production"}}, {"ntp"}};
const Machine other_prod{{{"customer", "zenith"}, {"environment", "production"}}, {"apache", "mysql"}};

struct Asked {
    std::string_view caller, action;
    const Machine& machine;
    bool allowed;
};

void expect(std::string_view agent, std::string_view text, const std::vector<Asked>& all, std::string_view groups = {},
            Policy::Settings settings = {}) {
    const auto policy = Policy::parse(agent, text, groups, std::move(settings));
    REQUIRE_MESSAGE(policy, policy.error().detail);
    for (const auto& asked : all) {
        proto::Traits node;
        node.identity = "web1";
        node.facts = asked.machine.facts;
        node.classes = {asked.machine.classes.begin(), asked.machine.classes.end()};
        const auto verdict = policy->decide({asked.caller, agent, asked.action}, node);
        CHECK_MESSAGE(verdict.allowed == asked.allowed, text << asked.caller << ' ' << asked.action << ": " << verdict.decided_by);
    }
}

TEST_CASE("one person may everything, others something on some machines") {
    expect("puppet",
           "policy default deny\n"
           "allow\tcert=root\t*\t*\t*\n"
           "allow\tcert=dev\t*\tcustomer=acme\tacme::devserver\n"
           "allow\tcert=dev\tenable disable status\tcustomer=acme\t*\n",
           {{"cert=root", "runonce", bare, true},
            {"cert=dev", "runonce", acme_dev, true},
            {"cert=dev", "runonce", acme_prod, false},
            {"cert=dev", "disable", acme_prod, true},
            {"cert=dev", "disable", other_prod, false},
            {"cert=guest", "status", acme_dev, false}});
}

TEST_CASE("everything but one action, as a vendor's manual forbids updates") {
    expect("package", "policy default allow\ndeny\t*\tupdate\t*\t*\n",
           {{"cert=peadmin", "update", bare, false}, {"cert=peadmin", "install", bare, true}, {"cert=x", "status", other_prod, true}});
}

TEST_CASE("a monitoring account runs checks and nothing else") {
    expect("nrpe", "policy default deny\nallow\tcert=root\t*\t*\t*\nallow\tcert=nagios\truncommand\t*\t*\n",
           {{"cert=nagios", "runcommand", bare, true}, {"cert=nagios", "runallcommands", bare, false}, {"cert=root", "runallcommands", bare, true}});
}

TEST_CASE("exceptions stand in front of the rule") {
    expect("service",
           "policy default deny\n"
           "deny\tcert=ops\tstop restart\tenvironment=production\tmysql\n"
           "allow\tcert=ops\t*\t*\t*\n",
           {{"cert=ops", "stop", other_prod, false}, {"cert=ops", "stop", acme_prod, true}, {"cert=ops", "status", other_prod, true}});
    // And behind it they are never reached.
    expect("service", "allow\tcert=ops\t*\t*\t*\ndeny\tcert=ops\tstop\t*\t*\npolicy default deny\n", {{"cert=ops", "stop", other_prod, true}});
}

TEST_CASE("columns padded with several tabs, comments and empty lines between") {
    expect("filemgr", "# managed by Puppet\n\npolicy default deny\n\n# people\nallow\t\tcert=ops\t\ttouch status\t\tcustomer=acme\n#allow\tcert=guest\t*\t*\t*\n",
           {{"cert=ops", "touch", acme_dev, true}, {"cert=ops", "remove", acme_dev, false}, {"cert=ops", "touch", other_prod, false}, {"cert=guest", "touch", acme_dev, false}});
}

TEST_CASE("conditions in one column: `and` binds closer than `or`, parentheses closer than both") {
    const std::string_view text = "policy default deny\nallow\t\tcert=ops\t\trestart\t\tcustomer=acme and ntp or (apache and mysql)\n";
    expect("service", text,
           {{"cert=ops", "restart", acme_prod, true}, {"cert=ops", "restart", other_prod, true}, {"cert=ops", "restart", bare, false}, {"cert=ops", "stop", acme_prod, false}});
    expect("service", "allow\t*\trestart\t(customer=acme or customer=zenith) and not environment=production\n",
           {{"cert=ops", "restart", acme_dev, true}, {"cert=ops", "restart", acme_prod, false}, {"cert=ops", "restart", bare, false}});
}

TEST_CASE("facts in one column, a condition of classes in the other") {
    expect("service", "policy default deny\nallow\tcert=ops\trestart\tcustomer=zenith\tapache and nginx or mysql\n",
           {{"cert=ops", "restart", other_prod, true}, {"cert=ops", "restart", acme_dev, false}});
    expect("service", "policy default deny\nallow\tcert=ops\trestart\t*\t!mysql\n", {{"cert=ops", "restart", acme_dev, true}, {"cert=ops", "restart", other_prod, false}});
}

TEST_CASE("several callers on a line, and groups, of which one may be empty") {
    const std::string_view groups = "# who is who\nadmins cert=ann cert=bob\nonduty\nweb.team-2 cert=cid\n";
    expect("service",
           "policy default deny\n"
           "allow\tadmins\t*\t*\t*\n"
           "allow\tonduty\tstop\t*\t*\n"
           "allow\tweb.team-2 cert=dan\tstatus restart\t*\tapache\n",
           {{"cert=ann", "stop", bare, true},
            {"cert=cid", "restart", other_prod, true},
            {"cert=cid", "restart", acme_dev, false},
            {"cert=dan", "status", other_prod, true},
            {"cert=eve", "stop", bare, false},  // an empty group is nobody, not everybody
            {"onduty", "stop", bare, false}},
           groups);
}

TEST_CASE("the last default line holds, wherever it stands, and only the word allow allows") {
    expect("rpcutil", "policy default deny\ndeny\tcert=eve\t*\t*\t*\npolicy default allow\n", {{"cert=eve", "ping", bare, false}, {"cert=ann", "ping", bare, true}});
    expect("rpcutil", "policy default permit\n", {{"cert=ann", "ping", bare, false}});
}

TEST_CASE("a file without a default line leaves it to allow_unconfigured, one with it does not") {
    constexpr std::string_view only_deny = "deny\tcert=eve\t*\t*\t*\n";
    expect("rpcutil", only_deny, {{"cert=eve", "ping", bare, false}, {"cert=ann", "ping", bare, false}});
    expect("rpcutil", only_deny, {{"cert=eve", "ping", bare, false}, {"cert=ann", "ping", bare, true}}, {}, {.allow_unconfigured = true});
    expect("rpcutil", "policy default deny\n", {{"cert=ann", "ping", bare, false}}, {}, {.allow_unconfigured = true});
    expect("rpcutil", "", {{"cert=ann", "ping", bare, true}}, {}, {.allow_unconfigured = true});
}

TEST_CASE("callers of other kinds are read, and nobody here is one of them") {
    expect("puppet", "policy default deny\nallow\tuid=500\t*\t*\t*\nallow\tuser=nagios\tstatus\t*\t*\nallow\tgroup=wheel cert=ann\tstatus\t*\t*\n",
           {{"cert=ann", "status", bare, true}, {"cert=nagios", "status", bare, false}, {"cert=500", "status", bare, false}});
}

TEST_CASE("what differs from MCollective on purpose: whole names, numbers as numbers, * alone in the fourth column") {
    expect("service", "allow\tcert=rip\t*\t*\t*\n", {{"cert=rip", "stop", bare, true}, {"cert=ripienaar", "stop", bare, false}, {"cert=ri", "stop", bare, false}});
    const Machine big{{{"procs", 10}}, {}};
    expect("service", "allow\t*\t*\tprocs>9\t*\n", {{"cert=ann", "stop", big, true}, {"cert=ann", "stop", bare, false}});
    expect("service", "allow\tcert=ann\t*\t*\n", {{"cert=ann", "stop", bare, true}});
    expect("service", "allow\tcert=ann\t*\tcustomer=acme ntp\n", {{"cert=ann", "stop", acme_prod, true}, {"cert=ann", "stop", other_prod, false}});
}

}  // namespace
}  // namespace mco::security::test
