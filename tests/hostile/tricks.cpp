#include "tests/hostile/tricks.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "proto/codec.hpp"
#include "security/entropy.hpp"
#include "security/envelope.hpp"
#include "security/keys.hpp"

namespace mco::test {
namespace {

constexpr std::size_t repetitions = 100;

void flip(proto::Bytes& octets, std::size_t at) { octets.at(at) ^= 1; }

std::vector<proto::Bytes> altered(proto::BytesView sealed) {
    std::vector<proto::Bytes> made;
    for (const auto at : {sealed.size() / 4, sealed.size() / 2, sealed.size() - 70, sealed.size() - 1}) {
        made.emplace_back(sealed.begin(), sealed.end());
        flip(made.back(), at);
    }
    return made;
}

// With the caller's signature as it was, because nobody else can make one.
template <typename Change>
proto::Bytes with_route(proto::SealedRequest request, Change change) {
    auto route = *proto::unpack<proto::Route>(request.route);
    change(route);
    request.route = proto::pack(route);
    return proto::pack(request);
}

std::vector<proto::Bytes> redirected(const proto::SealedRequest& request, const security::Identity& self) {
    return {with_route(request, [](proto::Route& route) { route.collective = "uk"; }),
            with_route(request, [&](proto::Route& route) { route.reply_key = self.keys.seal.public_key; }),
            with_route(request, [](proto::Route& route) { route.request = security::entropy::fresh<proto::RequestId>(); }),
            with_route(request, [&](proto::Route& route) { route.caller = self.chain; })};
}

proto::Bytes unfiltered(proto::SealedRequest request) {
    auto body = *proto::unpack<proto::RequestBody>(request.body);
    body.filter = {};
    request.body = proto::pack(body);
    return proto::pack(request);
}

// The same order, in the thief's own name.
proto::Bytes own_order(const proto::SealedRequest& request, const security::Identity& self) {
    auto route = *proto::unpack<proto::Route>(request.route);
    route.caller = self.chain;
    return *security::seal_request(self.keys.sign.secret, route, *proto::unpack<proto::RequestBody>(request.body));
}

proto::Answer forged(const proto::Answer& like, proto::BytesView sealed, const security::Identity& self, const proto::CertificateChain& chain) {
    const auto request = *proto::unpack<proto::SealedRequest>(sealed);
    const auto route = *proto::unpack<proto::Route>(request.route);
    const proto::ReplyBody body{.request = route.request,
                                .request_digest = security::digest(sealed),
                                .node = proto::unpack<proto::CertificateBody>(chain.certificates.front().body)->serial,
                                .sequence = 1,
                                .status = proto::StatusCode::ok,
                                .message = "forged",
                                .data = proto::Value::Map{{"forged", true}}};
    return {like.node, proto::Outcome::ok, *security::seal_reply(self.keys, chain, route.reply_key, body)};
}

}  // namespace

std::optional<Trick> trick_of(std::string_view word) {
    using enum Trick;
    for (const auto& [name, trick] : {std::pair{"none", none}, std::pair{"alter_request", alter_request},
                                      std::pair{"redirect_request", redirect_request}, std::pair{"widen_request", widen_request},
                                      std::pair{"repeat_request", repeat_request}, std::pair{"order_itself", order_itself},
                                      std::pair{"drop_request", drop_request}, std::pair{"hide_node", hide_node},
                                      std::pair{"deny_match", deny_match}, std::pair{"drop_reply", drop_reply},
                                      std::pair{"alter_reply", alter_reply}, std::pair{"swap_replies", swap_replies},
                                      std::pair{"stale_replies", stale_replies}, std::pair{"double_replies", double_replies},
                                      std::pair{"forge_replies", forge_replies}}) {
        if (word == name) return trick;
    }
    return std::nullopt;
}

std::vector<proto::Bytes> requests_for(Trick trick, proto::BytesView sealed, const std::vector<proto::Bytes>& before,
                                       const security::Identity& self) {
    const proto::Bytes whole(sealed.begin(), sealed.end());
    const auto request = *proto::unpack<proto::SealedRequest>(sealed);
    if (trick == Trick::alter_request) return altered(sealed);
    if (trick == Trick::redirect_request) return redirected(request, self);
    if (trick == Trick::widen_request) return {unfiltered(request), whole};
    if (trick == Trick::order_itself) return {own_order(request, self)};
    if (trick == Trick::repeat_request) {
        auto all = before;
        all.insert(all.end(), repetitions, whole);
        return all;
    }
    return {whole};
}

std::vector<proto::Answer> answers_for(Trick trick, proto::BytesView sealed, std::vector<proto::Answer> answers,
                                       const std::vector<proto::Answer>& before, const security::Identity& self) {
    if (trick == Trick::drop_reply && !answers.empty()) answers.pop_back();
    if (trick == Trick::alter_reply) {
        for (auto& answer : answers) flip(answer.sealed, answer.sealed.size() - 20);
    }
    if (trick == Trick::swap_replies && answers.size() > 1) {
        const auto first = answers.front().node;
        for (std::size_t i = 0; i + 1 < answers.size(); ++i) answers[i].node = answers[i + 1].node;
        answers.back().node = first;
    }
    if (trick == Trick::stale_replies && !before.empty()) return before;
    if (trick == Trick::double_replies) {
        const auto once = answers;
        for (int i = 0; i < 3; ++i) answers.insert(answers.end(), once.begin(), once.end());
    }
    if (trick == Trick::forge_replies) {
        // Under its own certificate, under that of the node, and without octets.
        for (std::size_t i = 0; i < answers.size(); ++i) {
            const auto node = proto::unpack<proto::SealedReply>(answers[i].sealed);
            answers[i] = i % 3 == 0   ? forged(answers[i], sealed, self, self.chain)
                         : i % 3 == 1 ? forged(answers[i], sealed, self, node->node)
                                      : proto::Answer{answers[i].node, proto::Outcome::ok, {}};
        }
    }
    return answers;
}

}  // namespace mco::test
