#include "node/admission.hpp"

#include <utility>

#include <doctest/doctest.h>

#include "node/agents/discovery.hpp"
#include "proto/limits.hpp"
#include "security/entropy.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using test::ask;
using test::Asked;
using test::at;

struct Gate : test::House {
    security::ReplayWindow replay;
    Counters counters;
    Admission admission{trust, replay, counters};

    Decision decide(const Asked& asked, proto::Now now = at(1s)) { return decide(asked, alice, now); }
    Decision decide(const Asked& asked, const security::Identity& caller, proto::Now now = at(1s)) {
        return admission.decide(now, asked.route.request, asked.sealed(caller), {view, registry, policy});
    }
};

Refusal refused(Decision decision) {
    REQUIRE(std::holds_alternative<Refusal>(decision));
    return std::get<Refusal>(std::move(decision));
}
bool admitted(const Decision& decision) { return std::holds_alternative<AdmittedCall>(decision); }
NotMatched::Why not_matched(const Decision& decision) {
    REQUIRE(std::holds_alternative<NotMatched>(decision));
    return std::get<NotMatched>(decision).why;
}

TEST_CASE("a sound request is admitted with everything the agent and the audit trail need") {
    Gate gate;
    const auto asked = ask(gate.alice, "probe", "look", {{"word", "abc"}});
    auto decision = gate.decide(asked);
    REQUIRE(admitted(decision));
    const auto& call = std::get<AdmittedCall>(decision);
    CHECK(call.call().caller == "cert=alice");
    CHECK(call.call().arguments == proto::Value::Map{{"word", "abc"}});
    CHECK(call.call().time == at(1s).wall);
    CHECK(call.subject().caller_name == "alice");
    CHECK(call.subject().collective == "mcollective");
    CHECK(call.decided_by() == "probe.policy:2");
    CHECK(call.finish_by() == at(11s).mono);
    CHECK(call.start_by() == at(60s + proto::limits::clock_skew_max).mono);
    CHECK(gate.counters.total == 1);
    CHECK(gate.counters.validated == 1);
    CHECK(gate.counters.passed == 1);
}

TEST_CASE("what nobody signed is met with silence") {
    Gate gate;
    const auto asked = ask(gate.alice, "probe", "look");
    const auto id = asked.route.request;
    const Admission::Ground ground{gate.view, gate.registry, gate.policy};

    SUBCASE("octets without a meaning") {
        const proto::Bytes noise(100, 0x5a);
        const auto refusal = refused(gate.admission.decide(at(1s), id, noise, ground));
        CHECK(refusal.code == RefusalCode::malformed);
        CHECK_FALSE(refusal.reply_to.has_value());
    }
    SUBCASE("more than a request may have") {
        const proto::Bytes large(proto::limits::request_size_max + 1, 0);
        CHECK(refused(gate.admission.decide(at(1s), id, large, ground)).code == RefusalCode::malformed);
    }
    SUBCASE("a signature that does not hold") {
        const auto mallory = gate.authority.issue("mallory", proto::CertificateRole::caller);
        const auto refusal = refused(gate.decide(asked, mallory));  // alice's certificate, another's key
        CHECK(refusal.code == RefusalCode::unauthenticated);
        CHECK_FALSE(refusal.reply_to.has_value());
    }
    SUBCASE("a stranger's authority") {
        const test::Authority other;
        const auto stranger = other.issue("alice", proto::CertificateRole::caller);
        CHECK(refused(gate.decide(ask(stranger, "probe", "look"), stranger)).code == RefusalCode::unauthenticated);
    }
    SUBCASE("a node that plays the caller") {
        const auto node = gate.authority.issue("web2", proto::CertificateRole::node);
        CHECK(refused(gate.decide(ask(node, "probe", "look"), node)).code == RefusalCode::unauthenticated);
    }
    SUBCASE("an expired certificate") {
        auto late = ask(gate.alice, "probe", "look");
        late.route.created = at(2h).wall;
        CHECK(refused(gate.decide(late, at(2h))).code == RefusalCode::unauthenticated);
    }
    SUBCASE("the id of another request around it") {
        const auto refusal = refused(gate.admission.decide(at(1s), security::entropy::fresh<proto::RequestId>(),
                                                           asked.sealed(gate.alice), ground));
        CHECK(refusal.code == RefusalCode::malformed);
    }
    CHECK(gate.counters.total == 1);
    CHECK(gate.counters.unvalidated == 1);
    CHECK(gate.counters.validated == 0);
    CHECK(gate.replay.size() == 0);
}

TEST_CASE("a request is performed once, however often it comes") {
    Gate gate;
    const auto asked = ask(gate.alice, "probe", "look");
    CHECK(admitted(gate.decide(asked)));
    const auto refusal = refused(gate.decide(asked, at(2s)));
    CHECK(refusal.code == RefusalCode::replayed);
    CHECK(outcome(refusal.code) == proto::Outcome::denied);
    CHECK(refusal.reply_to.has_value());
    CHECK(gate.counters.replayed == 1);
}

TEST_CASE("requests out of their time are refused, and told this node's clock") {
    Gate gate;
    auto asked = ask(gate.alice, "probe", "look");
    SUBCASE("at the last moment it is fresh") { CHECK(admitted(gate.decide(asked, at(120s)))); }
    SUBCASE("one tick later it is expired") {
        const auto refusal = refused(gate.decide(asked, at(120s + 1us)));
        CHECK(refusal.code == RefusalCode::expired);
        CHECK(refusal.sentence.find("2027-") != std::string::npos);
        CHECK(gate.counters.ttlexpired == 1);
    }
    SUBCASE("sixty seconds ahead it is fresh") { CHECK(admitted(gate.decide(asked, at(-60s)))); }
    SUBCASE("one tick more is the future") {
        CHECK(refused(gate.decide(asked, at(-60s - 1us))).code == RefusalCode::clock_skew);
    }
    SUBCASE("a life that is too long") {
        asked.route.ttl_ms = 300'001;
        CHECK(refused(gate.decide(asked)).code == RefusalCode::ttl_too_long);
    }
}

TEST_CASE("a full replay window refuses and says that later is better") {
    Gate gate;
    security::ReplayWindow small(4);
    Admission admission(gate.trust, small, gate.counters);
    Refusal refusal;
    for (int i = 0; i < 6; ++i) {
        const auto asked = ask(gate.alice, "probe", "look");
        auto decision = admission.decide(at(1s), asked.route.request, asked.sealed(gate.alice),
                                         {gate.view, gate.registry, gate.policy});
        if (auto* one = std::get_if<Refusal>(&decision)) refusal = std::move(*one);
    }
    CHECK(refusal.code == RefusalCode::replay_full);
    CHECK(status(refusal.code) == proto::StatusCode::other);
}

TEST_CASE("a request for others is not matched, without a word") {
    Gate gate;
    auto asked = ask(gate.alice, "probe", "look");
    SUBCASE("another collective") {
        asked.route.collective = "de";
        CHECK(not_matched(gate.decide(asked)) == NotMatched::Why::collective);
    }
    SUBCASE("an agent this node does not have") {
        CHECK(not_matched(gate.decide(ask(gate.alice, "package", "status"))) == NotMatched::Why::agent);
    }
    SUBCASE("an agent's name that is a path") {
        CHECK(not_matched(gate.decide(ask(gate.alice, "../probe", "look"))) == NotMatched::Why::agent);
    }
    SUBCASE("a filter that means another node") {
        asked.body.filter.identities = {"web2"};
        CHECK(not_matched(gate.decide(asked)) == NotMatched::Why::filter);
    }
    CHECK(gate.counters.filtered == 1);
    CHECK(gate.counters.passed == 0);
}

TEST_CASE("a filter that means this node lets the request pass") {
    Gate gate;
    auto asked = ask(gate.alice, "probe", "look");
    asked.body.filter.identities = {"/^web/"};
    asked.body.filter.classes = {"httpd"};
    asked.body.filter.agents = {"probe"};
    asked.body.filter.facts = {{"country", proto::FactOperator::equal, "us"}};
    CHECK(admitted(gate.decide(asked)));
}

// A filter whose one condition is this text.
Asked asking(const security::Identity& caller, std::string_view condition, std::string_view agent = "probe",
             std::string_view action = "look") {
    auto asked = ask(caller, agent, action);
    asked.body.filter.conditions = {*proto::parse_condition(condition)};
    return asked;
}

TEST_CASE("a compound filter is decided at once where facts and classes decide it") {
    Gate gate;
    const auto decided = gate.decide(asking(gate.alice, "country=us and not mysql or fstat('/').present=1"));
    REQUIRE(admitted(decided));
    CHECK(std::get<AdmittedCall>(decided).condition() == nullptr);
    CHECK(gate.counters.passed == 1);
    CHECK(not_matched(gate.decide(asking(gate.alice, "country=uk and fstat('/').present=1"))) == NotMatched::Why::filter);
}

TEST_CASE("what only data can decide is left to a worker, for callers who may ask for data") {
    Gate gate;
    constexpr auto condition = "fstat('/').present=1 and sysctl('kernel.pid_max').value>0";
    SUBCASE("whoever may not is denied, whatever the data are") {
        const auto refusal = refused(gate.decide(asking(gate.alice, condition)));
        CHECK(refusal.code == RefusalCode::policy_denied);
        CHECK(refusal.sentence.find("rpcutil get_data") != std::string::npos);
        CHECK(gate.counters.denied == 1);
    }
    SUBCASE("the right to ask does not replace the right to act") {
        gate.policies.write("rpcutil.policy", "policy default deny\nallow\tcert=alice\tget_data\t*\t*\n");
        gate.policy = gate.read_policy("policy default deny\n");
        CHECK(refused(gate.decide(asking(gate.alice, condition))).sentence ==
              "You are not authorized to call this agent or action.");
    }
    SUBCASE("the scope of a certificate counts, too") {
        gate.policies.write("rpcutil.policy", "policy default allow\n");
        gate.policy = gate.read_policy("policy default allow\n");
        const auto limited = gate.authority.issue("alice", proto::CertificateRole::caller,
                                                  [](proto::CertificateBody& body) { body.actions = {"probe/*"}; });
        CHECK(refused(gate.decide(asking(limited, condition), limited)).code == RefusalCode::scope_denied);
    }
    SUBCASE("discovery is open, its data functions are not") {
        Discovery discovery;
        Registry registry({&discovery});
        REQUIRE(registry.load({gate.libdir.path()}, {}).empty());
        const auto asked = asking(gate.alice, condition, "discovery", "ping");
        CHECK(refused(gate.admission.decide(at(1s), asked.route.request, asked.sealed(gate.alice),
                                            {gate.view, registry, gate.policy}))
                  .code == RefusalCode::policy_denied);
    }
    SUBCASE("whoever may has time for action and data together") {
        gate.policies.write("rpcutil.policy", "policy default deny\nallow\tcert=alice\tget_data\t*\t*\n");
        gate.policy = gate.read_policy("policy default deny\nallow\tcert=alice\tlook\t*\t*\n");
        const auto decided = gate.decide(asking(gate.alice, condition));
        REQUIRE(admitted(decided));
        const auto& call = std::get<AdmittedCall>(decided);
        CHECK(call.condition() != nullptr);
        CHECK(call.finish_by() - call.admitted() == 12s);
        CHECK(gate.counters.passed == 0);  // not known yet
    }
    CHECK(gate.counters.filtered == 0);
}

TEST_CASE("a filter that cannot be read is the caller's to mend") {
    Gate gate;
    auto asked = ask(gate.alice, "probe", "look");
    asked.body.filter.identities = {"/(/"};
    const auto refusal = refused(gate.decide(asked));
    CHECK(refusal.code == RefusalCode::filter_invalid);
    CHECK(status(refusal.code) == proto::StatusCode::invalid_data);
    CHECK(outcome(refusal.code) == proto::Outcome::failed);
}

TEST_CASE("what policy does not allow is denied with one fixed sentence, whose reason stays here") {
    Gate gate;
    const auto refusal = refused(gate.decide(ask(gate.alice, "probe", "change")));
    CHECK(refusal.code == RefusalCode::policy_denied);
    CHECK(refusal.sentence == "You are not authorized to call this agent or action.");
    CHECK(refusal.detail == "probe.policy default");
    CHECK(status(refusal.code) == proto::StatusCode::aborted);
    CHECK(outcome(refusal.code) == proto::Outcome::denied);
    CHECK(gate.counters.denied == 1);

    const auto bob = gate.authority.issue("bob", proto::CertificateRole::caller);
    CHECK(refused(gate.decide(ask(bob, "probe", "look"), bob)).code == RefusalCode::policy_denied);
}

TEST_CASE("whoever may not call an action does not learn whether it exists") {
    Gate gate;
    CHECK(refused(gate.decide(ask(gate.alice, "probe", "nosuch"))).code == RefusalCode::policy_denied);
}

TEST_CASE("the scope of a certificate is narrower than any policy") {
    Gate gate;
    gate.policy = gate.read_policy("policy default allow\n");
    const auto limited =
        gate.authority.issue("alice", proto::CertificateRole::caller, [](proto::CertificateBody& body) {
            body.actions = {"rpcutil/*"};
            body.collectives = {"mcollective"};
        });
    const auto refusal = refused(gate.decide(ask(limited, "probe", "look"), limited));
    CHECK(refusal.code == RefusalCode::scope_denied);
    CHECK(refusal.sentence == "You are not authorized to call this agent or action.");

    auto elsewhere = ask(limited, "rpcutil", "ping");
    elsewhere.route.collective = "uk";
    CHECK(refused(gate.decide(elsewhere, limited)).code == RefusalCode::scope_denied);
}

TEST_CASE("a certificate with a limit takes requests that name no more nodes than that") {
    Gate gate;
    const auto few = gate.authority.issue("alice", proto::CertificateRole::caller,
                                          [](proto::CertificateBody& body) { body.targets_max = 2; });
    const auto decide = [&](std::vector<std::string> identities, std::string_view agent = "probe") {
        auto asked = ask(few, agent, agent == "probe" ? "look" : "ping");
        asked.body.filter.identities = std::move(identities);
        return gate.decide(asked, few);
    };
    CHECK(admitted(decide({"web1"})));
    CHECK(admitted(decide({"web1", "web2"})));
    for (const auto& many : std::vector<std::vector<std::string>>{
             {}, {"web1", "web2", "web3"}, {"web*"}, {"/web1/"}, {"web1", "web[2-9]"}, {"web{1,2}"}, {"web?"}})
        CHECK(refused(decide(many)).code == RefusalCode::too_many_targets);
    const auto refusal = refused(decide({"web1", "web2", "web3"}));
    CHECK(refusal.sentence == "Your certificate allows 2 nodes a request, and this one names 3. Name them: -I NODE.");
    CHECK(gate.counters.denied == 8);
}

TEST_CASE("a policy that asks data leaves the verdict to a worker, with the time that takes") {
    Gate gate;
    gate.policy = gate.read_policy("allow\tcert=alice\tlook\tfact('x').exists=true\t*\n");
    gate.view->data = gate.libdir.data();
    auto decision = gate.decide(ask(gate.alice, "probe", "look"));
    REQUIRE(admitted(decision));
    const auto& call = std::get<AdmittedCall>(decision);
    CHECK(call.asks_data());
    CHECK(call.condition() == nullptr);
    REQUIRE(call.open_policy() != nullptr);
    CHECK(call.finish_by() > at(11s).mono);
    CHECK(refused(gate.decide(ask(gate.alice, "probe", "change"))).code == RefusalCode::policy_denied);
}

TEST_CASE("discovery is open to every authenticated caller, within the collectives of his certificate") {
    Gate gate;
    Discovery discovery;
    Registry registry({&discovery});
    REQUIRE(registry.load({gate.libdir.path()}, {.all = false, .single = {}}).empty());
    const auto limited =
        gate.authority.issue("carol", proto::CertificateRole::caller, [](proto::CertificateBody& body) {
            body.actions = {"rpcutil/ping"};
            body.collectives = {"mcollective"};
        });
    auto asked = ask(limited, "discovery", "ping");
    CHECK(admitted(
        gate.admission.decide(at(1s), asked.route.request, asked.sealed(limited), {gate.view, registry, gate.policy})));
    asked = ask(limited, "discovery", "ping");
    asked.route.collective = "uk";
    CHECK(refused(gate.admission.decide(at(1s), asked.route.request, asked.sealed(limited),
                                        {gate.view, registry, gate.policy}))
              .code == RefusalCode::scope_denied);
}

TEST_CASE("arguments are checked again, whatever the client did") {
    Gate gate;
    gate.policy = gate.read_policy("policy default allow\n");
    SUBCASE("an unknown action") {
        const auto refusal = refused(gate.decide(ask(gate.alice, "probe", "nosuch")));
        CHECK(refusal.code == RefusalCode::unknown_action);
        CHECK(status(refusal.code) == proto::StatusCode::unknown_action);
    }
    SUBCASE("an expression that does not match") {
        const auto refusal = refused(gate.decide(ask(gate.alice, "probe", "look", {{"word", "A;b"}})));
        CHECK(refusal.code == RefusalCode::arguments_invalid);
        CHECK(refusal.sentence.starts_with("Cannot validate input word"));
        CHECK(status(refusal.code) == proto::StatusCode::invalid_data);
    }
    SUBCASE("one letter too many") {
        CHECK(refused(gate.decide(ask(gate.alice, "probe", "look", {{"word", "abcdef"}}))).code ==
              RefusalCode::arguments_invalid);
    }
    SUBCASE("another type") {
        CHECK(refused(gate.decide(ask(gate.alice, "probe", "look", {{"word", 7}}))).code ==
              RefusalCode::arguments_invalid);
    }
    SUBCASE("no map") {
        auto asked = ask(gate.alice, "probe", "look");
        asked.body.arguments = proto::Value::List{1, 2};
        CHECK(refused(gate.decide(asked)).code == RefusalCode::arguments_invalid);
    }
    CHECK(gate.counters.invalid == 1);
}

TEST_CASE("a revoked caller is a stranger") {
    Gate gate;
    const auto asked = ask(gate.alice, "probe", "look");
    auto first = gate.decide(asked);
    REQUIRE(admitted(first));
    gate.authority.revoke(gate.trust, std::get<AdmittedCall>(first).subject().caller);
    CHECK(refused(gate.decide(ask(gate.alice, "probe", "look"))).code == RefusalCode::unauthenticated);
}

}  // namespace
}  // namespace mco::node
