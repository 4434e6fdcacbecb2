#include "node/performer.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <latch>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/envelope.hpp"
#include "tests/support/has.hpp"
#include "tests/unit/node/authority.hpp"

namespace mco::node {
namespace {

using namespace std::chrono_literals;
using test::ask;
using test::Asked;
using test::at;

struct Stage {
    test::Authority authority;
    security::Identity node = authority.issue("web1", proto::CertificateRole::node);
    security::Identity alice = authority.issue("alice", proto::CertificateRole::caller);
    security::TrustStore trust = authority.trust();
    security::CollectiveKeys keys;
    test::Libdir libdir;
    test::TempDir dir;
    test::Probe probe;
    Log log = *Log::open({.target = LogTarget::file, .file = dir / "mcod.log", .level = LogLevel::info});
    Site site{{.identity = "web1", .started = at(0s).wall}, config(), policy(), {&probe}};
    Performer performer{{.self = node, .trust = trust, .keys = keys, .site = site, .log = log}, {.workers_max = 1, .queue_max = 1}};
    Stage() { performer.set_audit(*security::Audit::open(dir / "audit.jsonl", node)); }

    Config config() const {
        Config config;
        config.collectives = {"mcollective"};
        config.main_collective = "mcollective";
        config.libdirs = {libdir.path()};
        return config;
    }
    security::Policy policy() const {
        dir.write("policies/probe.policy", "policy default deny\nallow\tcert=alice\tlook change\t*\t*\n");
        dir.write("policies/rpcutil.policy", "policy default deny\nallow\tcert=alice\tget_data\t*\t*\n");
        return *security::Policy::read(dir / "policies", {});
    }
    void send(const Asked& asked, proto::Now now = at(1s)) {
        performer.perform(now, asked.route.request, asked.sealed(alice));
    }
    void wait(proto::Now now = at(1s)) {
        pollfd ready{performer.descriptor(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, -1) == 1);
        performer.collect(now);
    }
    Performer::Answer answer() {
        auto answers = performer.take_answers();
        REQUIRE(answers.size() == 1);
        return std::move(answers.front());
    }
    proto::ReplyBody open(const Asked& asked, const Performer::Answer& answer) {
        const auto sealed = asked.sealed(alice);
        const auto opened = security::open_reply(trust, asked.reply_pair, asked.route.request, security::digest(sealed),
                                                 answer.sealed, at(2s).wall);
        REQUIRE_MESSAGE(opened.has_value(), opened.error().detail);
        CHECK(opened->node.name == "web1");
        return opened->body;
    }
    std::vector<std::string> audit_lines() const {  // without the first, which says whose it is
        auto all = lines("audit.jsonl");
        if (!all.empty()) all.erase(all.begin());
        return all;
    }
    std::vector<std::string> lines(std::string_view file) const {
        std::ifstream stream(dir / file);
        std::vector<std::string> lines;
        for (std::string line; std::getline(stream, line);) lines.push_back(line);
        return lines;
    }
};

TEST_CASE("who only asks whether it would be allowed is told, and nothing is performed") {
    Stage stage;
    int ran = 0;
    stage.probe.work = [&](const Call&, std::stop_token) {
        ++ran;
        return ActionReply{};
    };
    auto asked = ask(stage.alice, "probe", "change");
    asked.body.purpose = proto::Purpose::judge;
    stage.send(asked);
    stage.wait();
    const auto answer = stage.answer();
    CHECK(answer.outcome == proto::Outcome::ok);
    CHECK(stage.open(asked, answer).message == "allowed");
    CHECK(stage.open(asked, answer).data == proto::Value::Map{});
    auto denied = ask(stage.alice, "probe", "nosuch");
    denied.body.purpose = proto::Purpose::judge;
    stage.send(denied);
    CHECK(stage.answer().outcome == proto::Outcome::denied);
    CHECK(ran == 0);
    const auto audit = stage.audit_lines();
    REQUIRE(audit.size() == 3);
    CHECK(has(audit[0], R"("code":"allowed","detail":"only asked: )"));
    CHECK(has(audit[1], R"("code":"judged")"));
    CHECK(has(audit[2], R"("code":"policy_denied","detail":"only asked: )"));
}

TEST_CASE("the requests of a batch have one id in the audit trail") {
    Stage stage;
    auto asked = ask(stage.alice, "probe", "look");
    asked.body.whole = proto::RequestId{{7}};
    stage.send(asked);
    stage.wait();
    CHECK(stage.answer().request == asked.route.request);
    for (const auto& line : stage.audit_lines()) CHECK(has(line, asked.body.whole.hex()));
}

TEST_CASE("a request becomes one sealed reply that only its caller can open, and two audit lines") {
    Stage stage;
    stage.probe.work = [](const Call&, std::stop_token) { return ActionReply{.data = {{"seen", "a thing"}}}; };
    const auto asked = ask(stage.alice, "probe", "look");
    stage.send(asked);
    CHECK(stage.performer.take_answers().empty());
    stage.wait();
    const auto answer = stage.answer();
    CHECK(answer.request == asked.route.request);
    CHECK(answer.outcome == proto::Outcome::ok);
    const auto body = stage.open(asked, answer);
    CHECK(body.status == proto::StatusCode::ok);
    CHECK(body.message == "OK");
    CHECK(body.data == proto::Value::Map{{"seen", "a thing"}});
    CHECK(stage.performer.counters().replies == 1);

    const auto audit = stage.audit_lines();
    REQUIRE(audit.size() == 2);
    CHECK(has(audit[0], "allowed"));
    CHECK(has(audit[0], "probe.policy:2"));
    CHECK(has(audit[0], "alice"));
    CHECK(has(audit[1], "ok"));
    CHECK(stage.lines("mcod.log").empty());  // a request is not worth a line at info
}

TEST_CASE("a denied caller reads one fixed sentence, the audit trail the reason") {
    Stage stage;
    stage.alice = stage.authority.issue("bob", proto::CertificateRole::caller);
    const auto asked = ask(stage.alice, "probe", "look");
    stage.send(asked);
    const auto answer = stage.answer();
    CHECK(answer.outcome == proto::Outcome::denied);
    const auto body = stage.open(asked, answer);
    CHECK(body.status == proto::StatusCode::aborted);
    CHECK(body.message == "You are not authorized to call this agent or action.");
    const auto audit = stage.audit_lines();
    REQUIRE(audit.size() == 1);
    CHECK(has(audit[0], "policy_denied"));
    CHECK(has(audit[0], "probe.policy default"));
}

TEST_CASE("nobody gets an answer before he is known, and the mesh an outcome all the same") {
    Stage stage;
    const auto id = ask(stage.alice, "probe", "look").route.request;
    stage.performer.perform(at(1s), id, proto::Bytes(64, 1));
    const auto answer = stage.answer();
    CHECK(answer.request == id);
    CHECK(answer.outcome == proto::Outcome::denied);
    CHECK(answer.sealed.empty());
    CHECK(stage.performer.counters().replies == 0);
}

TEST_CASE("a request for other nodes leaves a counter and nothing else") {
    Stage stage;
    auto asked = ask(stage.alice, "probe", "look");
    asked.body.filter.identities = {"db1"};
    stage.send(asked);
    const auto answer = stage.answer();
    CHECK(answer.outcome == proto::Outcome::not_matched);
    CHECK(answer.sealed.empty());
    CHECK(stage.lines("audit.jsonl").empty());
    CHECK(stage.performer.counters().filtered == 1);
}

TEST_CASE("fire and forget acts and does not answer") {
    Stage stage;
    auto asked = ask(stage.alice, "probe", "look");
    asked.body.wants_reply = false;
    stage.send(asked);
    stage.wait();
    const auto answer = stage.answer();
    CHECK(answer.outcome == proto::Outcome::ok);
    CHECK(answer.sealed.empty());
}

TEST_CASE("an answer that is too large to travel is replaced by one that says so") {
    Stage stage;
    stage.probe.work = [](const Call&, std::stop_token) {
        return ActionReply{.data = {{"a", std::string(400'000, 'x')}, {"b", std::string(400'000, 'y')}}};
    };
    const auto asked = ask(stage.alice, "probe", "look");
    stage.send(asked);
    stage.wait();
    const auto answer = stage.answer();
    const auto body = stage.open(asked, answer);
    CHECK(body.status == proto::StatusCode::other);
    CHECK(has(body.message, "larger than"));
    CHECK(answer.sealed.size() <= proto::limits::reply_size_max);
}

TEST_CASE("with every worker busy and the queue full the caller hears of it, with a stuck agent after the timeout") {
    std::latch started(1), let_go(1);  // outlive the workers
    Stage stage;
    stage.probe.work = [&](const Call&, std::stop_token) {
        if (!started.try_wait()) started.count_down();
        let_go.wait();
        return ActionReply{};
    };
    const auto first = ask(stage.alice, "probe", "look"), second = ask(stage.alice, "probe", "look"),
               third = ask(stage.alice, "probe", "look");
    stage.send(first);
    started.wait();
    stage.send(second);
    stage.send(third);
    auto answer = stage.answer();
    CHECK(answer.request == third.route.request);
    CHECK(answer.outcome == proto::Outcome::failed);
    CHECK(has(stage.open(third, answer).message, "too much to do"));
    CHECK(stage.performer.counters().overloaded == 1);

    REQUIRE(stage.performer.next_deadline() == at(11s).mono);
    stage.performer.elapse(at(11s));
    const auto answers = stage.performer.take_answers();
    REQUIRE(answers.size() == 2);
    CHECK(has(stage.open(first, answers[0]).message, "timed out"));
    CHECK(stage.open(second, answers[1]).status == proto::StatusCode::other);  // was never started
    CHECK(stage.performer.counters().timed_out == 1);
    let_go.count_down();
}

TEST_CASE("data decide on a worker whether the action runs, and a node that is not meant says nothing") {
    Stage stage;
    int runs = 0;
    stage.probe.work = [&](const Call&, std::stop_token) {
        ++runs;
        return ActionReply{};
    };
    auto asked = ask(stage.alice, "probe", "change");
    asked.body.filter.conditions = {
        *proto::parse_condition(fmt::format("fstat('{}').type=directory", stage.dir.path().string()))};
    stage.send(asked);
    CHECK(stage.performer.take_answers().empty());
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    CHECK(runs == 1);
    CHECK(stage.performer.counters().passed == 1);

    auto others = ask(stage.alice, "probe", "change");
    others.body.filter.conditions = {*proto::parse_condition("fstat('/nosuch/file').present=1")};
    stage.send(others);
    stage.wait();
    const auto answer = stage.answer();
    CHECK(answer.outcome == proto::Outcome::not_matched);
    CHECK(answer.sealed.empty());
    CHECK(runs == 1);
    CHECK(stage.performer.counters().filtered == 1);
    CHECK(has(stage.lines("audit.jsonl").back(), "not_matched"));

    // A source this node does not have is no answer: neither it nor its negation means the node.
    auto unknown = ask(stage.alice, "probe", "change");
    unknown.body.filter.conditions = {*proto::parse_condition("not nosuch('x').y=1")};
    stage.send(unknown);
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::not_matched);
    CHECK(runs == 1);
    CHECK(stage.performer.counters().data_failures == 1);
    CHECK(has(stage.lines("mcod.log").back(), "nosuch('x')"));
}

TEST_CASE("data decide on a worker whether the caller may, and what is denied does not run") {
    Stage stage;
    bool ran = false;
    stage.probe.work = [&](const Call&, std::stop_token) {
        ran = true;
        return ActionReply{};
    };
    const auto file = stage.dir.write("there", "");
    const auto rule = [&](std::string_view path) {
        return *security::Policy::parse("probe", fmt::format("allow\tcert=alice\t*\tfstat('{}').present=1\t*\n", path));
    };
    stage.site.change(stage.config(), rule(file.string()));
    stage.send(ask(stage.alice, "probe", "change"));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    CHECK(ran);

    ran = false;
    stage.site.change(stage.config(), rule((stage.dir / "absent").string()));
    const auto asked = ask(stage.alice, "probe", "change");
    stage.send(asked);
    stage.wait();
    const auto answer = stage.answer();
    CHECK(answer.outcome == proto::Outcome::denied);
    CHECK(stage.open(asked, answer).message == "You are not authorized to call this agent or action.");
    CHECK_FALSE(ran);
    CHECK(stage.performer.counters().denied == 1);
    const auto audit = stage.audit_lines();
    REQUIRE(audit.size() == 4);
    CHECK(has(audit[2], "deferred"));
    CHECK(has(audit[3], "policy_denied"));
    CHECK(has(audit[3], "probe.policy default"));
}

TEST_CASE("a daemon that stops takes nothing new") {
    Stage stage;
    stage.performer.refuse_new();
    const auto asked = ask(stage.alice, "probe", "look");
    stage.send(asked);
    CHECK(has(stage.open(asked, stage.answer()).message, "stopping"));
}

// A disk with no room for files of more than `octets`, as long as it lives.
class FullDisk {
 public:
    explicit FullDisk(rlim_t octets) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{octets, before_.rlim_max};
        handler_ = ::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }

 private:
    rlimit before_{};
    sighandler_t handler_;
};

TEST_CASE("what changes the machine is not done unrecorded; reading goes on") {
    Stage stage;
    constexpr std::size_t room = 4096;
    const auto file = stage.dir.write("full.jsonl", std::string(room - 1, ' ') + "\n");
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
    auto audit = security::Audit::open(file, stage.node);
    REQUIRE(audit.has_value());
    stage.performer.set_audit(std::move(*audit));
    {
        const FullDisk full(room);
        const auto change = ask(stage.alice, "probe", "change"), look = ask(stage.alice, "probe", "look");
        stage.send(change);
        CHECK(has(stage.open(change, stage.answer()).message, "audit"));
        stage.send(look);
        stage.wait();
        CHECK(stage.answer().outcome == proto::Outcome::ok);
        CHECK(stage.performer.counters().audit_failures == 4);
        CHECK(stage.lines("mcod.log").size() == 1);  // said once
    }
    stage.send(ask(stage.alice, "probe", "change"));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    CHECK(stage.lines("mcod.log").size() == 2);  // and once that it is mended
}

TEST_CASE("what ran when the daemon died is reported as unknown and not run again; what ended is a replay") {
    const test::TempDir folder;
    const auto journal = [&] { return Journal(folder / "state"); };
    Stage stage;  // one authority for both lives
    std::atomic<int> runs = 0;
    stage.probe.work = [&](const Call&, std::stop_token) {
        ++runs;
        return ActionReply{};
    };
    const auto broken_off = ask(stage.alice, "probe", "change"), done = ask(stage.alice, "probe", "change");
    {
        stage.performer.set_journal(journal(), at(0s));
        stage.send(done);
        stage.wait();
        CHECK(stage.answer().outcome == proto::Outcome::ok);
        stage.send(broken_off);  // nobody takes its end: as if the daemon died now
        pollfd ready{stage.performer.descriptor(), POLLIN, 0};
        REQUIRE(::poll(&ready, 1, -1) == 1);
    }
    CHECK(runs == 2);
    Performer second({.self = stage.node, .trust = stage.trust, .keys = stage.keys, .site = stage.site, .log = stage.log}, {.workers_max = 1});
    second.set_audit(*security::Audit::open(stage.dir / "audit.jsonl", stage.node));
    second.set_journal(journal(), at(2s));
    CHECK(has(stage.audit_lines().back(), R"("code":"unknown","detail":"the node restarted")"));
    const auto send = [&](const Asked& asked, proto::Now now) {
        second.perform(now, asked.route.request, asked.sealed(stage.alice));
        auto answers = second.take_answers();
        REQUIRE(answers.size() == 1);
        return stage.open(asked, answers.front()).message;
    };
    CHECK(send(broken_off, at(3s)).starts_with("unknown, the node restarted"));
    CHECK(send(done, at(3s)).starts_with("This request was made before"));
    CHECK(send(broken_off, at(30min)).starts_with("unknown, the node restarted"));  // long after its ttl
    CHECK(runs == 2);
}

TEST_CASE("what changes the machine is not done unless the journal knows; reading goes on") {
    Stage stage;
    const auto in_the_way = stage.dir.write("state", "no folder");
    stage.performer.set_journal(Journal(in_the_way), at(0s));
    CHECK(stage.lines("mcod.log").size() == 1);
    const auto change = ask(stage.alice, "probe", "change");
    stage.send(change);
    CHECK(has(stage.open(change, stage.answer()).message, "journal"));
    CHECK(has(stage.audit_lines().back(), "journal_failed"));
    stage.send(ask(stage.alice, "probe", "look"));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    CHECK(stage.performer.counters().journal_failures == 2);
    std::filesystem::remove(in_the_way);
    stage.send(ask(stage.alice, "probe", "change"));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
}

TEST_CASE("a body sealed with the collective key is read by who has it, older keys too, and refused by name otherwise") {
    Stage stage;
    security::CollectiveKeys callers;
    callers.rotate();
    const auto send = [&](const Asked& asked) {
        const auto sealed = *security::seal_request(stage.alice.keys.sign.secret, asked.route, asked.body, callers.newest());
        CHECK(std::search(sealed.begin(), sealed.end(), asked.body.agent.begin(), asked.body.agent.end()) == sealed.end());
        stage.performer.perform(at(1s), asked.route.request, sealed);
    };
    const auto refused = ask(stage.alice, "probe", "look");
    send(refused);
    CHECK(stage.answer().outcome == proto::Outcome::failed);
    CHECK(has(stage.audit_lines().back(), "body_sealed"));

    const auto file = stage.dir / "collective.key";
    REQUIRE(callers.write(file));
    stage.keys = *security::CollectiveKeys::read(file);
    send(ask(stage.alice, "probe", "look"));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    stage.keys.rotate();  // the node is ahead: both are read
    send(ask(stage.alice, "probe", "look"));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    stage.send(ask(stage.alice, "probe", "look"));  // who has no key yet
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
}

TEST_CASE("a secret input is recorded nowhere, not even as its digest") {
    Stage stage;
    stage.libdir.write("probe", R"({"metadata":{"name":"probe","description":"d","author":"a","license":"l","version":"1",
        "url":"u","timeout":10},"actions":[{"action":"look","description":"d","input":{
        "word":{"prompt":"p","description":"d","type":"string","validation":"","maxlength":90,"optional":false,"secret":true},
        "user":{"prompt":"p","description":"d","type":"string","validation":"","maxlength":90,"optional":true}},"output":{}}]})");
    stage.site.change(stage.config(), stage.policy());
    stage.send(ask(stage.alice, "probe", "look", {{"word", "hunter2"}, {"user", "bob"}, {"undeclared", "hunter3"}}));
    stage.wait();
    CHECK(stage.answer().outcome == proto::Outcome::ok);
    const auto lines = stage.audit_lines();
    REQUIRE(lines.size() == 2);
    CHECK(has(lines[0], R"("inputs":{"user":"bob","word":"[secret]"})"));
    const auto digest = security::digest(proto::pack(proto::Value(
        proto::Value::Map{{"word", "hunter2"}, {"user", "bob"}, {"undeclared", "hunter3"}})));
    for (const auto& line : lines) {
        CHECK_FALSE(has(line, "hunter"));
        CHECK_FALSE(has(line, digest.hex()));
    }
}

TEST_CASE("a withdrawn request that waits is not run and is reported as cancelled") {
    std::latch started(1), let_go(1);  // outlive the workers
    Stage stage;
    stage.probe.work = [&](const Call&, std::stop_token) {
        if (!started.try_wait()) started.count_down();
        let_go.wait();
        return ActionReply{};
    };
    const auto first = ask(stage.alice, "probe", "look"), second = ask(stage.alice, "probe", "look");
    stage.send(first);
    started.wait();
    stage.send(second);
    stage.performer.withdraw(at(2s), second.route.request);
    CHECK(stage.answer().outcome == proto::Outcome::cancelled);
    let_go.count_down();
    stage.wait();
    CHECK(stage.answer().request == first.route.request);
}

}  // namespace
}  // namespace mco::node
