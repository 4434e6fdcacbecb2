#include "proto/ledger.hpp"

#include <limits>
#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace mco::proto;

namespace {

constexpr auto most = std::numeric_limits<std::uint32_t>::max();

Ledger account(std::uint32_t expected, std::initializer_list<Outcome> outcomes, Closure closure) {
    Ledger ledger;
    ledger.expected = expected;
    for (const Outcome outcome : outcomes) ledger.add(outcome);
    ledger.closure = closure;
    return ledger;
}

}  // namespace

TEST_CASE("an empty account is balanced, open or closed") {
    CHECK(account(0, {}, Closure::open).balanced());
    CHECK(account(0, {}, Closure::closed).balanced());
    CHECK(Ledger{}.accounted() == 0);
}

TEST_CASE("an open account may owe, a closed one may not, none may have too many") {
    const auto one_of = [](std::uint32_t expected, Closure closure) {
        return account(expected, {Outcome::ok}, closure).balanced();
    };
    CHECK(one_of(2, Closure::open));
    CHECK(!one_of(2, Closure::closed));
    CHECK(one_of(1, Closure::open));
    CHECK(one_of(1, Closure::closed));
    CHECK(!one_of(0, Closure::open));
    CHECK(!one_of(0, Closure::closed));
}

TEST_CASE("matched leaves out who was not meant, missing sums up who gave no outcome") {
    const Ledger ledger = account(6,
                                  {Outcome::ok, Outcome::not_matched, Outcome::not_matched, Outcome::unreachable,
                                   Outcome::lost, Outcome::expired},
                                  Closure::closed);
    CHECK(ledger.accounted() == 6);
    CHECK(ledger.matched() == 4);
    CHECK(ledger.missing() == 3);
    CHECK(ledger.count(Outcome::not_matched) == 2);
}

TEST_CASE("merging adds, and is closed only if both are") {
    Ledger sum = account(2, {Outcome::ok, Outcome::failed}, Closure::closed);
    sum.merge(account(1, {Outcome::ok}, Closure::closed));
    CHECK(sum == account(3, {Outcome::ok, Outcome::ok, Outcome::failed}, Closure::closed));
    sum.merge(account(2, {Outcome::denied}, Closure::open));
    CHECK(sum == account(5, {Outcome::ok, Outcome::ok, Outcome::failed, Outcome::denied}, Closure::open));
    sum.merge(account(0, {}, Closure::closed));
    CHECK(sum.closure == Closure::open);
}

TEST_CASE("counts of a liar neither wrap around nor balance") {
    Ledger liar;
    liar.expected = 1;
    liar.counts = {most, 2, 0, 0, 0, 0, 0, 0};  // wraps to 1 in 32 bits
    CHECK(!liar.balanced());
    CHECK(liar.accounted() == most);
    liar.counts = {0, 0, 0, 0, most, most, most, 0};
    CHECK(liar.missing() == most);
    liar.counts = {0, 0, 0, 2, 0, 0, 0, 0};
    CHECK(liar.matched() == 0);
    Ledger sum = account(most, {}, Closure::closed);
    sum.merge(account(most, {Outcome::ok}, Closure::closed));
    CHECK(sum.expected == most);
}

TEST_CASE("a ledger reads as an equation without what did not occur") {
    CHECK(to_text(Ledger{}) == "0 expected");
    CHECK(to_text(account(5, {Outcome::ok, Outcome::ok, Outcome::ok, Outcome::failed, Outcome::lost},
                          Closure::closed)) == "5 expected = 3 ok + 1 failed + 1 missing");
    CHECK(to_text(account(4, {Outcome::ok, Outcome::not_matched, Outcome::denied}, Closure::open)) ==
          "4 expected = 1 ok + 1 denied + 1 not matched + 1 owed");
    CHECK(to_text(account(2, {Outcome::cancelled, Outcome::expired}, Closure::closed)) ==
          "2 expected = 1 cancelled + 1 missing");
}

TEST_CASE("every outcome and reason has a name of its own, and every reason says whether it may have run") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < outcome_count; ++i) names.insert(name(static_cast<Outcome>(i)));
    CHECK(names.size() == outcome_count);
    CHECK(names.contains("not_matched"));
    names.clear();
    for (int i = 0; i <= static_cast<int>(Reason::group_unreachable); ++i) {
        const auto reason = static_cast<Reason>(i);
        names.insert(name(reason));
        const std::string words(sentence(reason));
        CHECK_MESSAGE((words.find("did not run") != std::string::npos || words.find("may ") != std::string::npos),
                      words);
    }
    CHECK(names.size() == 9);
}
