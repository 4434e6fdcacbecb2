#include "security/pair_keys.hpp"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

namespace mco::security {
namespace {

bool same(const BoxKey& one, const BoxKey& other) { return std::equal(one.data(), one.data() + BoxKey::size(), other.data()); }

TEST_CASE("both sides find the same key, another pair another one, and a key that makes every secret equal none") {
    const auto node = make_seal_pair(), caller = make_seal_pair(), other = make_seal_pair();
    PairKeys of_node(node.secret, 4), of_caller(caller.secret, 4);
    const auto* one = of_node.with(caller.public_key);
    const auto* two = of_caller.with(node.public_key);
    REQUIRE((one != nullptr && two != nullptr));
    CHECK(same(*one, *two));
    CHECK_FALSE(same(*one, *of_node.with(other.public_key)));
    CHECK(of_node.with({}) == nullptr);
    proto::SealPublicKey small_order{};
    small_order.octets[0] = 1;
    CHECK(of_node.with(small_order) == nullptr);
    CHECK(of_node.kept() == 2);
}

TEST_CASE("so many pairs are kept and no more; what made room is computed again, and equal") {
    const auto mine = make_seal_pair();
    PairKeys keys(mine.secret, 3);
    std::vector<SealPair> others;
    for (int i = 0; i < 5; ++i) others.push_back(make_seal_pair());
    for (int round = 0; round < 2; ++round) {
        for (const auto& other : others) {
            PairKeys theirs(other.secret, 1);
            CHECK(same(*keys.with(other.public_key), *theirs.with(mine.public_key)));
            CHECK(keys.kept() <= 3);
        }
    }
    CHECK(keys.kept() == 3);
}

}  // namespace
}  // namespace mco::security
