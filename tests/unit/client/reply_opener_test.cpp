#include "client/reply_opener.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "client/request.hpp"
#include "security/revocation.hpp"
#include "tests/unit/client/paper_nodes.hpp"

namespace mco::client {
namespace {

using namespace std::chrono_literals;
using test::PaperMesh;

constexpr std::size_t count = 3 * ReplyOpener::alone_max;

std::vector<test::PaperNode> many() {
    std::vector<test::PaperNode> nodes;
    for (std::size_t i = 0; i < count; ++i) nodes.push_back(test::node(fmt::format("n{}", i), {}, {}, 2ms));
    return nodes;
}

TEST_CASE("replies are opened by several threads as by one, in their order, and what is no reply of its node is left out") {
    PaperMesh mesh(many());
    Call call;
    call.agent = "rpcutil";
    call.action = "ping";
    call.collective = "mcollective";
    auto trust = mesh.trust();
    for (const std::size_t threads : {1, 4}) {
        ReplyOpener opener(trust, threads);
        const auto sealed = seal(call, mesh.caller(), opener.reply_key(mesh.now.mono), mesh.now.wall);
        REQUIRE(sealed.has_value());
        std::vector<proto::Answer> answers;
        for (const auto& node : mesh.nodes) answers.push_back(mesh.answer(node.name, sealed->octets, proto::StatusCode::ok, node.name, {}));
        answers[3].sealed.back() ^= 1;
        answers[5].sealed.clear();
        answers[7].node = answers[8].node;
        const ReplyOpener::Asked asked{sealed->id, sealed->digest};
        for (int turn = 0; turn < 2; ++turn) {
            const auto opened = opener.open(asked, answers, mesh.now.wall);
            REQUIRE(opened.size() == count);
            for (std::size_t i = 0; i < count; ++i) {
                const bool good = i != 3 && i != 5 && i != 7;
                REQUIRE(opened[i].has_value() == good);
                if (good) CHECK(opened[i]->body.message == fmt::format("n{}", i));
            }
        }
        CHECK(opener.open(asked, {}, mesh.now.wall).empty());
    }
}

TEST_CASE("requests of a session share a pair of keys for fifteen minutes; which request a reply is to is told apart all the same") {
    PaperMesh mesh({test::node("web1", {}, {}, 2ms)});
    auto trust = mesh.trust();
    ReplyOpener opener(trust, 1);
    Call call;
    call.agent = "rpcutil";
    call.action = "ping";
    call.collective = "mcollective";
    const auto ask = [&](proto::Duration after) {
        const auto sealed = seal(call, mesh.caller(), opener.reply_key(mesh.now.mono + after), mesh.now.wall);
        REQUIRE(sealed.has_value());
        return *sealed;
    };
    const auto opens = [&](const SealedCall& asked, const SealedCall& answered) {
        const std::vector<proto::Answer> answers{mesh.answer("web1", answered.octets, proto::StatusCode::ok, "OK", {})};
        return opener.open({asked.id, asked.digest}, answers, mesh.now.wall)[0].has_value();
    };
    const auto one = ask(0s), two = ask(14min);
    CHECK(one.id != two.id);
    CHECK(opens(one, one));
    CHECK(opens(two, two));
    CHECK_FALSE(opens(two, one));
    const auto three = ask(15min);
    CHECK(opens(three, three));
    CHECK_FALSE(opens(two, two));  // its secret is gone
}

}  // namespace
}  // namespace mco::client
