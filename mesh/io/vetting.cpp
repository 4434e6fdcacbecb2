#include "mesh/io/vetting.hpp"

#include <utility>

#include "proto/codec.hpp"
#include "proto/limits.hpp"
#include "security/envelope.hpp"

namespace mco::mesh::io {

namespace {

using proto::CertificateRole;
using proto::Errc;

// The id a refusal names; empty when even that cannot be read.
std::optional<proto::RequestId> id_of(proto::BytesView sealed) {
    const auto request = proto::unpack<proto::SealedRequest>(sealed);
    if (!request) return std::nullopt;
    const auto route = proto::unpack<proto::Route>(request->route);
    return route ? std::optional(route->request) : std::nullopt;
}

Verdict refuse(proto::BytesView sealed, proto::Error why) {
    const auto id = id_of(sealed);
    if (!id) return DropMalformed{};
    return Answer{{*id, why.code, std::move(why.detail)}};
}

Verdict vet_inject(security::TrustStore& trust, const security::Principal& sender, const proto::Request& request,
                   proto::WallTime now) {
    if (sender.role != CertificateRole::caller) return DropForged{};
    if (request.sealed.size() > proto::limits::request_size_max)
        return refuse(request.sealed,
                      {Errc::invalid, "the request is larger than 512 KiB\nSend less in its arguments."});
    const auto opened = security::open_request(trust, request.sealed, now);
    if (!opened) return refuse(request.sealed, opened.error());
    if (opened->caller.peer != sender.peer)
        return refuse(request.sealed, {Errc::denied, "the request is signed by somebody else than the link's caller"});
    return Pass{};
}

Verdict vet_local(security::TrustStore& trust, const proto::Request& request, proto::WallTime now) {
    if (request.sealed.size() > proto::limits::request_size_max) return DropMalformed{};
    if (!security::open_request(trust, request.sealed, now)) return DropForged{};
    return Pass{};
}

Verdict vet_roster(security::TrustStore& trust, proto::Roster roster, proto::WallTime now) {
    PassRoster passed;
    for (auto& entry : roster.entries) {
        auto body = security::open_record(trust, entry.record, now);
        if (body) {
            passed.entries.push_back({std::move(*body), std::move(entry)});
        } else {
            ++passed.forged;
        }
    }
    return passed;
}

}  // namespace

Verdict vet(security::TrustStore& trust, const security::Principal& sender, proto::BytesView frame,
            proto::WallTime now) {
    if (frame.size() > proto::limits::frame_size_max) return DropMalformed{};
    const auto type = proto::peek_type(frame);
    if (!type) return DropMalformed{};
    const bool member = sender.role == CertificateRole::node || sender.role == CertificateRole::proxy;
    switch (*type) {
        case proto::MessageType::hello:
        case proto::MessageType::hello_reply:
        case proto::MessageType::hello_proof:
        case proto::MessageType::welcome:
        case proto::MessageType::refusal:
            return DropMalformed{};
        case proto::MessageType::roster: {
            if (!member) return DropForged{};
            auto message = proto::decode(frame);
            if (!message) return DropMalformed{};
            return vet_roster(trust, std::move(std::get<proto::Roster>(*message)), now);
        }
        case proto::MessageType::request: {
            const auto message = proto::decode(frame);
            if (!message) return DropMalformed{};
            const auto& request = std::get<proto::Request>(*message);
            switch (request.scope) {
                case proto::Scope::inject:
                    return vet_inject(trust, sender, request, now);
                case proto::Scope::local:
                case proto::Scope::deliver:
                case proto::Scope::group:
                case proto::Scope::standby:
                    return member ? vet_local(trust, request, now) : Verdict(DropForged{});
            }
            return DropMalformed{};
        }
        case proto::MessageType::ack:
        case proto::MessageType::up:
        case proto::MessageType::poll:
        case proto::MessageType::status:
        case proto::MessageType::cancel:
        case proto::MessageType::ping:
        case proto::MessageType::pong:
        case proto::MessageType::bye:
        case proto::MessageType::refused:
        case proto::MessageType::relays:
        case proto::MessageType::attach:
        case proto::MessageType::redirect:
        case proto::MessageType::groups:
        case proto::MessageType::i_have:
        case proto::MessageType::fetch:
        case proto::MessageType::orphans:
            return Pass{};
    }
    return DropMalformed{};
}

Verdict vet_fanout(security::TrustStore& trust, proto::BytesView frame, proto::WallTime now) {
    const auto type = proto::peek_type(frame);
    if (!type || *type != proto::MessageType::request || frame.size() > proto::limits::frame_size_max)
        return DropMalformed{};
    const auto message = proto::decode(frame);
    if (!message) return DropMalformed{};
    const auto& request = std::get<proto::Request>(*message);
    return request.scope == proto::Scope::local ? vet_local(trust, request, now) : Verdict(DropForged{});
}

}  // namespace mco::mesh::io
