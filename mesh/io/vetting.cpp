#include "mesh/io/vetting.hpp"

#include <memory>
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

// Of any scope but inject.
Verdict vet_passed_on(security::TrustStore& trust, const proto::Request& request, proto::WallTime now) {
    if (request.sealed.size() > proto::limits::request_size_max) return DropMalformed{};
    if (!security::open_request(trust, request.sealed, now)) return DropForged{};
    return Pass{};
}

// Null: it does not hold.
SharedRecord vet_record(security::TrustStore& trust, proto::Bytes sealed, proto::WallTime now, const KnownRecord& known) {
    if (known && sealed.size() <= proto::limits::record_size_max) {
        const auto record = proto::unpack<proto::SealedRecord>(sealed);
        const auto body = record ? proto::unpack<proto::PeerRecordBody>(record->body) : tl::unexpected(record.error());
        auto held = body ? known(body->peer) : nullptr;
        if (held != nullptr && held->sealed == sealed) return trust.verify(record->chain, now) ? held : nullptr;
    }
    auto body = security::open_record(trust, sealed, now);
    if (!body) return nullptr;
    return std::make_shared<const Record>(Record{std::move(*body), std::move(sealed)});
}

Verdict vet_roster(security::TrustStore& trust, proto::Roster roster, proto::WallTime now, const KnownRecord& known) {
    PassRoster passed;
    for (auto& entry : roster.entries) {
        if (auto record = vet_record(trust, std::move(entry.record), now, known)) {
            passed.entries.push_back({std::move(record), entry.state, entry.since_ms});
        } else {
            ++passed.forged;
        }
    }
    return passed;
}

// A summary without gateways still says that the group exists and how large it is, so it is not dropped with them.
Verdict vet_groups(security::TrustStore& trust, proto::Groups groups, proto::WallTime now, const KnownRecord& known) {
    PassGroups passed;
    for (auto& summary : groups.groups) {
        Engine::OpenedGroup group{std::move(summary.group), summary.version, std::move(summary.collectives), {}};
        for (auto& packed : summary.gateways) {
            if (auto record = vet_record(trust, std::move(packed), now, known)) {
                group.gateways.push_back(std::move(record));
            } else {
                ++passed.forged;
            }
        }
        passed.groups.push_back(std::move(group));
    }
    return passed;
}

}  // namespace

Verdict vet(security::TrustStore& trust, const security::Principal& sender, proto::BytesView frame,
            proto::WallTime now, const KnownRecord& known) {
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
        case proto::MessageType::lane:
        case proto::MessageType::revocations:  // the host's own business: host_revocations.cpp
            return DropMalformed{};
        case proto::MessageType::roster: {
            if (!member) return DropForged{};
            auto message = proto::decode(frame);
            if (!message) return DropMalformed{};
            return vet_roster(trust, std::move(std::get<proto::Roster>(*message)), now, known);
        }
        case proto::MessageType::groups: {
            if (!member) return DropForged{};
            auto message = proto::decode(frame);
            if (!message) return DropMalformed{};
            return vet_groups(trust, std::move(std::get<proto::Groups>(*message)), now, known);
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
                    return member ? vet_passed_on(trust, request, now) : Verdict(DropForged{});
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
        case proto::MessageType::credit:
            return Pass{};
        case proto::MessageType::relays:
        case proto::MessageType::attach:
        case proto::MessageType::redirect:
        case proto::MessageType::i_have:
        case proto::MessageType::fetch:
        case proto::MessageType::orphans:
            return member ? Verdict(Pass{}) : Verdict(DropForged{});
    }
    return DropMalformed{};
}

Verdict vet_fanout(security::TrustStore& trust, proto::BytesView frame, proto::WallTime now) {
    const auto type = proto::peek_type(frame);
    if (!type || frame.size() > proto::limits::frame_size_max) return DropMalformed{};
    if (*type == proto::MessageType::i_have) return Pass{};
    if (*type != proto::MessageType::request) return DropMalformed{};
    const auto message = proto::decode(frame);
    if (!message) return DropMalformed{};
    const auto& request = std::get<proto::Request>(*message);
    switch (request.scope) {
        case proto::Scope::local:
        case proto::Scope::deliver:
            return vet_passed_on(trust, request, now);
        case proto::Scope::inject:
        case proto::Scope::group:
        case proto::Scope::standby:
            return DropForged{};
    }
    return DropMalformed{};
}

}  // namespace mco::mesh::io
