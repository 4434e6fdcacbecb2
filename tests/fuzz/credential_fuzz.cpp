// Everything that is signed or boxed, opened as a stranger would have it opened. The first octet chooses what and how: the
// rest is either the octets themselves or edits of a good one. Nobody but the parties has keys, so what opens is exactly
// what they made.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "proto/codec.hpp"
#include "security/certificate.hpp"
#include "security/envelope.hpp"
#include "tests/fuzz/edits.hpp"
#include "tests/fuzz/parties.hpp"

using namespace mco;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

struct Goods {
    fuzz::Parties parties;
    security::TrustStore trust = parties.trust();
    proto::RequestId request_id{};
    proto::Digest request_digest{};
    proto::Bytes chain, record, request, reply, signing_request;

    Goods() {
        request_id.octets.fill(7);
        proto::Route route;
        route.collective = "mcollective";
        route.request = request_id;
        route.created = fuzz::now();
        route.ttl_ms = 60'000;
        route.reply_key = parties.reply_pair.public_key;
        route.caller = parties.alice.chain;
        proto::RequestBody body;
        body.agent = "rpcutil";
        body.action = "ping";
        request = *security::seal_request(parties.alice.keys.sign.secret, route, body);
        request_digest = security::digest(request);
        proto::ReplyBody answer;
        answer.request = request_id;
        answer.request_digest = request_digest;
        answer.node = security::read_body(parties.web1.chain.certificates.front())->serial;
        reply = *security::seal_reply(parties.web1.keys, parties.web1.chain, parties.reply_pair.public_key, answer);
        chain = proto::pack(parties.web1.chain);
        record = parties.record(parties.web1);
        signing_request = security::make_signing_request(parties.web1.keys, proto::CertificateRole::node, "web1");
    }
};

bool opens_chain(Goods& goods, const proto::Bytes& octets) {
    const auto chain = proto::unpack<proto::CertificateChain>(octets);
    return chain && goods.trust.verify(*chain, fuzz::now());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Goods goods;
    if (size == 0) return 0;
    const std::span<const std::uint8_t> rest(data + 1, size - 1);
    const auto shown = [&](const proto::Bytes& good) {
        return (data[0] & 0x80U) != 0 ? proto::Bytes(rest.begin(), rest.end()) : fuzz::edited(good, rest);
    };
    switch (data[0] & 0x7fU) {
        case 0: {  // with the other parties' certificates, which are as good
            const auto octets = shown(goods.chain);
            require(!opens_chain(goods, octets) || octets == goods.chain ||
                    octets == proto::pack(goods.parties.web2.chain) ||
                    octets == proto::pack(goods.parties.alice.chain));
            break;
        }
        case 1: {
            const auto octets = shown(goods.record);
            require(!security::open_record(goods.trust, octets, fuzz::now()) || octets == goods.record);
            break;
        }
        case 2: {
            const auto octets = shown(goods.request);
            require(!security::open_request(goods.trust, octets, fuzz::now()) || octets == goods.request);
            break;
        }
        case 3: {
            const auto octets = shown(goods.reply);
            require(!security::open_reply(goods.trust, goods.parties.reply_pair, goods.request_id, goods.request_digest,
                                          octets, fuzz::now()) ||
                    octets == goods.reply);
            break;
        }
        case 4: {  // anybody can make a good one of his own: reading it must only not fall over
            const auto request = security::open_signing_request(shown(goods.signing_request));
            require(!request || (security::check_name(request->name) && !request->sign_key.is_zero() &&
                                 !request->curve_key.is_zero() && !request->seal_key.is_zero()));
            break;
        }
        default:
            break;
    }
    return 0;
}
