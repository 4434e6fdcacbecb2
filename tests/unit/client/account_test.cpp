#include "client/account.hpp"

#include <doctest/doctest.h>

namespace mco::client {
namespace {

using proto::Outcome;
using proto::Reason;

Reply reply(std::string node, proto::StatusCode status = proto::StatusCode::ok) {
    Reply reply;
    reply.node = std::move(node);
    reply.status = status;
    reply.outcome = status == proto::StatusCode::ok ? Outcome::ok : Outcome::failed;
    return reply;
}

proto::Missing missing(std::string name, Reason reason = Reason::no_ack, Outcome outcome = Outcome::unreachable) {
    proto::Missing missing;
    missing.node.octets[0] = 1;
    missing.name = std::move(name);
    missing.reason = reason;
    missing.outcome = outcome;
    return missing;
}

// A closed account over what is given and `others` that the filter did not mean.
Gathered gathered(std::vector<Reply> replies, std::vector<proto::Missing> absent, std::uint32_t others = 0) {
    Gathered gathered;
    for (const auto& one : replies) gathered.ledger.add(one.outcome);
    for (const auto& one : absent)
        gathered.ledger.counts[static_cast<std::size_t>(one.outcome)] += static_cast<std::uint32_t>(node_count(one));
    for (std::uint32_t i = 0; i < others; ++i) gathered.ledger.add(Outcome::not_matched);
    gathered.ledger.expected = gathered.ledger.accounted();
    gathered.ledger.closure = proto::Closure::closed;
    gathered.replies = std::move(replies);
    gathered.missing = std::move(absent);
    return gathered;
}

Account settle_for(const Gathered& gathered, proto::Filter filter = {}) {
    auto matcher = proto::Matcher::compile(filter);
    REQUIRE(matcher.has_value());
    return settle(gathered, {.filter = filter, .matcher = std::move(*matcher), .collective = "mcollective"});
}

TEST_CASE("the status follows the account") {
    const auto failed = proto::StatusCode::aborted;
    struct Row {
        Gathered gathered;
        ExitStatus by_filter, by_name;
    };
    const std::vector<Row> rows{
        {gathered({reply("a"), reply("b")}, {}), ExitStatus::ok, ExitStatus::ok},
        {gathered({reply("a")}, {}, 4), ExitStatus::ok, ExitStatus::ok},
        {gathered({}, {}, 3), ExitStatus::unusable, ExitStatus::no_replies},
        {gathered({}, {}), ExitStatus::unusable, ExitStatus::no_replies},
        {gathered({reply("a"), reply("b", failed)}, {}), ExitStatus::failed, ExitStatus::failed},
        {gathered({reply("b", failed)}, {missing("c")}), ExitStatus::failed, ExitStatus::failed},
        {gathered({}, {missing("c")}, 2), ExitStatus::silent, ExitStatus::no_replies},
        {gathered({reply("a")}, {missing("c")}), ExitStatus::incomplete, ExitStatus::incomplete},
        {gathered({reply("a")}, {missing("c", Reason::timeout, Outcome::expired)}), ExitStatus::incomplete,
         ExitStatus::incomplete},
    };
    for (const auto& row : rows) {
        const auto account = settle_for(row.gathered);
        CHECK(exit_status(account, Choice::by_filter) == row.by_filter);
        CHECK(exit_status(account, Choice::by_name) == row.by_name);
    }
}

TEST_CASE("an account that was not proved is incomplete even if all replies are fine") {
    auto open = gathered({reply("a")}, {});
    open.trouble.push_back("one\ntwo");
    const auto account = settle_for(open);
    CHECK(exit_status(account, Choice::by_filter) == ExitStatus::incomplete);
    CHECK(account.trouble == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a denial without a reply fails the command") {
    Gathered denied;
    denied.ledger.expected = 1;
    denied.ledger.add(Outcome::denied);
    denied.ledger.closure = proto::Closure::closed;
    CHECK(exit_status(settle_for(denied), Choice::by_filter) == ExitStatus::failed);
}

TEST_CASE("a missing node that the names cannot mean is left out of the account") {
    const auto result = gathered({reply("web1")}, {missing("db1"), missing("web2")}, 1);
    for (const std::string pattern : {"web[12]", "/^web/"}) {
        proto::Filter filter;
        filter.identities = {pattern};
        const auto account = settle_for(result, filter);
        REQUIRE(account.absent.size() == 1);
        CHECK(account.absent[0].node == "web2");
        CHECK(account.ledger.count(Outcome::not_matched) == 2);
        CHECK(account.ledger.missing() == 1);
        CHECK(account.ledger.balanced());
        CHECK(exit_status(account, Choice::by_filter) == ExitStatus::incomplete);
    }
    proto::Filter literal;
    literal.identities = {"web1"};
    CHECK(exit_status(settle_for(result, literal), Choice::by_name) == ExitStatus::ok);
}

TEST_CASE("a name that nobody has is named, once") {
    proto::Filter filter;
    filter.identities = {"web1", "typo", "typo"};
    const auto account = settle_for(gathered({reply("web1")}, {}, 2), filter);
    REQUIRE(account.absent.size() == 1);
    CHECK(account.absent[0].node == "typo");
    CHECK(account.matched() == 2);
    CHECK(exit_status(account, Choice::by_name) == ExitStatus::incomplete);
    CHECK(exit_status(settle_for(gathered({}, {}, 3), filter), Choice::by_name) == ExitStatus::no_replies);
    // With other terms a silent name may exist and not match: nothing is claimed.
    filter.classes = {"httpd"};
    CHECK(settle_for(gathered({reply("web1")}, {}, 2), filter).absent.empty());
}

TEST_CASE("every missing node is listed with its reason") {
    auto down = missing("db1", Reason::down);
    down.since_ms = 125'000;
    const auto account = settle_for(gathered({}, {down, missing("evil\x1b[2J")}));
    CHECK(absent_block(account, {}) ==
          "No response from:\n\n"
          "    db1                            was down before the request; it did not run there (down for 2 min)\n"
          "    evil\\x1b[2J                    " +
              std::string(proto::sentence(Reason::no_ack)) + "\n\n");
    CHECK(absent_block(settle_for(gathered({reply("a")}, {})), {}).empty());
}

proto::Missing group(std::string name, std::uint32_t nodes) {
    auto group = missing(std::move(name), Reason::group_unreachable, Outcome::lost);
    group.node = {};
    group.nodes = nodes;
    return group;
}

TEST_CASE("a whole group that cannot be reached is one line with the number of its nodes") {
    const auto result = gathered({reply("a")}, {group("dc3", 400), group("lab\x1b", 1), missing("b")});
    const auto account = settle_for(result);
    const std::string why(proto::sentence(Reason::group_unreachable));
    CHECK(absent_block(account, {}) ==
          "No response from:\n\n    b                              " + std::string(proto::sentence(Reason::no_ack)) +
              "\n    dc3 (400 nodes):               " + why + "\n    lab\\x1b (1 node):              " + why + "\n\n");
    CHECK(exit_status(account, Choice::by_filter) == ExitStatus::incomplete);
    CHECK(ledger_lines(account, Show::if_not_whole) == "403 expected = 1 ok + 402 missing (401 group unreachable, 1 no ack)\n");
    CHECK(account.matched() == 403);
}

TEST_CASE("names that were all found elsewhere cannot be in a group that is out of reach") {
    const auto result = gathered({reply("web1")}, {group("dc3", 400), missing("web2")}, 5);
    proto::Filter filter;
    filter.identities = {"web1", "web2"};
    auto account = settle_for(result, filter);
    REQUIRE(account.absent.size() == 1);
    CHECK(account.absent[0].node == "web2");
    CHECK(account.ledger.count(Outcome::not_matched) == 405);
    CHECK(account.ledger.balanced());
    SUBCASE("but a name that was not found may be there") {
        filter.identities = {"web1", "elsewhere"};
        account = settle_for(result, filter);
        REQUIRE(account.absent.size() == 2);
        CHECK(account.absent[0].node == "dc3 (400 nodes):");
        CHECK(account.absent[1].why == "is not known in this collective where it could be asked");
        CHECK(account.matched() == 401);
    }
    SUBCASE("so may any that fits a pattern") {
        filter.identities = {"web1", "/^db/"};
        account = settle_for(result, filter);
        REQUIRE(account.absent.size() == 1);
        CHECK(account.absent[0].node == "dc3 (400 nodes):");
    }
}

TEST_CASE("an account of a hundred thousand nodes is settled without a second look at each for each") {
    std::vector<Reply> replies;
    std::vector<proto::Missing> absent;
    for (int i = 0; i < 100'000; ++i) {
        replies.push_back(reply("web" + std::to_string(i)));
        absent.push_back(missing("db" + std::to_string(i)));
    }
    proto::Filter filter;
    for (int i = 0; i < 250; ++i) filter.identities.push_back("typo" + std::to_string(i));
    const auto account = settle_for(gathered(std::move(replies), std::move(absent)), filter);
    CHECK(account.absent.size() == 250);
    CHECK(account.unknown == 250);
}

TEST_CASE("the ledger is printed when it is not whole, or asked for") {
    const auto whole = settle_for(gathered({reply("a")}, {}, 1));
    CHECK(ledger_lines(whole, Show::if_not_whole).empty());
    CHECK(ledger_lines(whole, Show::always) == "2 expected = 1 ok + 1 not matched\n");
    CHECK(ledger_lines(settle_for(gathered({reply("a")}, {missing("b")})), Show::if_not_whole) ==
          "2 expected = 1 ok + 1 missing (1 no ack)\n");
    const auto failed = gathered({reply("a"), reply("b", proto::StatusCode::aborted)}, {});
    CHECK(ledger_lines(settle_for(failed), Show::if_not_whole).empty());
    CHECK(ledger_lines(settle_for(failed), Show::if_not_good) == "2 expected = 1 ok + 1 failed\n");
}

}  // namespace
}  // namespace mco::client
