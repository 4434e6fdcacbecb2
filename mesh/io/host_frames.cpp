// From the sockets to the engine.

#include <utility>

#include <fmt/format.h>

#include "mesh/io/host_impl.hpp"
#include "security/entropy.hpp"
#include "proto/codec.hpp"

namespace mco::mesh::io {

namespace {

constexpr std::size_t link_frames_a_turn = 128;
constexpr std::size_t dialled_frames_a_turn = 64;
constexpr std::size_t subscriptions_a_turn = 256;
constexpr std::size_t published_a_turn = 64;

template <typename... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

// Of a record that passed HELLO, so it unpacks.
SharedRecord opened(const proto::Bytes& record) {
    const auto sealed = proto::unpack<proto::SealedRecord>(record);
    if (!sealed) return nullptr;
    auto body = proto::unpack<proto::PeerRecordBody>(sealed->body);
    return body ? std::make_shared<const Record>(Record{std::move(*body), record}) : nullptr;
}

}  // namespace

std::optional<Fanout::Subscriber> Host::Impl::who_is(const proto::CurvePublicKey& key) const {
    const auto found = known.find(key);
    if (found == known.end()) return std::nullopt;
    const auto& [peer, shown, count] = found->second;
    return Fanout::Subscriber{peer, shown == nullptr ? nullptr : &shown->body};
}

// Of another group: its answers come from far.
bool Host::Impl::far(const proto::CurvePublicKey& key) const {
    const auto found = known.find(key);
    return found != known.end() && found->second.record != nullptr && found->second.record->body.group != options.group;
}

void Host::Impl::serve_links(proto::Now now) {
    std::vector<LinkServer::Event> events;
    server->service(now, link_frames_a_turn, next_link, events);
    for (auto& event : events) {
        switch (event.kind) {
            case LinkServer::Event::Kind::up: {
                // It may have ended again within the same reading; then there is nothing to announce.
                const auto* peer = server->peer(event.link);
                if (peer != nullptr)
                    link_up(now, event.link, Side::accepted, {}, *peer, *server->peer_record(event.link),
                            server->peer_revocations(event.link));
                break;
            }
            case LinkServer::Event::Kind::frame:
                on_frame(now, event.link, event.frame);
                break;
            case LinkServer::Event::Kind::down:
                link_down(now, event.link, event.why);
                break;
            case LinkServer::Event::Kind::refused:
                log_refused(now, event.why);
                break;
        }
    }
}

// It may dial here, and widen the link.
void Host::Impl::serve_dialled(proto::Now now, Dialled& one) {
    const auto sockets = venue->context().sockets_opened();
    read_dialled(now, one);
    if (venue->context().sockets_opened() == sockets) return;
    poll_for(one.source, *one.socket);
}

void Host::Impl::read_dialled(proto::Now now, Dialled& one) {
    std::vector<DialLink::Event> events;
    const auto attempts = one.socket->attempts();
    one.socket->service(now, dialled_frames_a_turn, events);
    if (attempts > 0) counters.redials += one.socket->attempts() - attempts;
    for (auto& event : events) {
        switch (event.kind) {
            case DialLink::Event::Kind::up:
                // Up and down again within one reading: the peer's word is gone with the link.
                if (!one.socket->up()) break;
                one.link = next_link++;
                one.said.clear();
                gate.admit(one.socket->server_key());
                link_up(now, one.link, Side::dialled, {one.socket->endpoint(), one.socket->server_key()}, one.socket->peer(),
                        one.socket->peer_record(), one.socket->peer_revocations());
                if (far(one.socket->server_key())) one.socket->widen(security::entropy::number());
                break;
            case DialLink::Event::Kind::frame:
                ++counters.frames_in;
                on_frame(now, one.link, event.frame);
                break;
            case DialLink::Event::Kind::down:
            case DialLink::Event::Kind::gone:
                if (one.link == 0) break;
                gate.release(one.socket->server_key());
                link_down(now, std::exchange(one.link, 0), event.why.detail);
                break;
        }
    }
    const auto& failure = one.socket->last_failure().detail;
    if (!one.socket->up() && !failure.empty() && failure != one.said) {
        one.said = failure;
        log(failure);
    }
}

void Host::Impl::serve_fanout(proto::Now now) {
    std::vector<Fanout::News> news;
    fanout->service([this](const proto::CurvePublicKey& key) { return who_is(key); }, subscriptions_a_turn, news);
    for (const auto& one : news) {
        if (one.subscribed) {
            engine->subscribed(now, one.peer, one.topic);
        } else {
            engine->unsubscribed(now, one.peer, one.topic);
        }
    }
}

void Host::Impl::serve_follower(proto::Now now, const Address& whom, Followed& followed) {
    std::vector<proto::Bytes> frames;
    const auto sockets = venue->context().sockets_opened();
    followed.socket.service(now, published_a_turn, frames, counters.dropped_multipart);
    if (venue->context().sockets_opened() != sockets) poll_for(followed.source, followed.socket);
    for (const auto& frame : frames) {
        ++counters.frames_in;
        std::visit(
            Overloaded{[&](const Pass&) { engine->fanout(now, whom.key, frame); },
                       [&](const PassRoster&) { ++counters.malformed; },
                       [&](const PassGroups&) { ++counters.malformed; }, [&](const Answer&) { ++counters.forged; },
                       [&](const DropMalformed&) { ++counters.malformed; },
                       [&](const DropForged&) { ++counters.forged; }},
            vet_fanout(trust, frame, now.wall));
    }
}

void Host::Impl::link_up(proto::Now now, LinkId link, Side side, Address where, const security::Principal& peer,
                         const proto::Bytes& packed, std::uint64_t revocations) {
    links.emplace(link, Link{side, peer, std::move(where)});
    auto& key = known[peer.curve_key];
    const bool caller = peer.role == proto::CertificateRole::caller;
    key.peer = peer.peer;
    key.record = caller ? nullptr : opened(packed);
    ++key.links;
    log(fmt::format("linked to {} ({}), {}", peer.name, proto::name(peer.role),
                    side == Side::dialled ? "dialled" : "accepted"));
    engine->link_up(now, {.link = link, .peer = peer.peer, .side = side, .caller = caller, .record = key.record});
    if (revocations != trust.revocations_version()) tell_revocations(now, link);
    // It may have subscribed before: links and subscriptions break separately.
    if (!fanout) return;
    for (const auto& topic : fanout->topics_of(peer.peer)) engine->subscribed(now, peer.peer, topic);
}

void Host::Impl::link_down(proto::Now now, LinkId link, const std::string& why) {
    const auto found = links.find(link);
    if (found == links.end()) return;
    const auto peer = std::move(found->second.peer);
    links.erase(found);
    const auto key = known.find(peer.curve_key);
    if (key != known.end() && --key->second.links == 0) known.erase(key);
    log(fmt::format("link to {} ended: {}", peer.name, why));
    engine->link_down(now, link);
}

void Host::Impl::on_frame(proto::Now now, LinkId link, const proto::Bytes& frame) {
    const auto found = links.find(link);
    if (found == links.end()) {
        ++counters.after_end;
        return;
    }
    if (const auto type = proto::peek_type(frame); type && *type == proto::MessageType::revocations)
        return hear_revocations(now, link, frame);
    auto verdict = vet(trust, found->second.peer, frame, now.wall,
                       [this](const proto::PeerId& peer) { return engine->record(peer); });
    std::visit(
        Overloaded{[&](const Pass&) { engine->frame(now, link, frame); },
                   [&](PassRoster& roster) {
                       counters.forged += roster.forged;
                       engine->roster(now, link, std::move(roster.entries));
                   },
                   [&](PassGroups& groups) {
                       counters.forged += groups.forged;
                       engine->groups(now, link, std::move(groups.groups));
                   },
                   [&](const Answer& answer) {
                       ++counters.forged;
                       send(now, link, proto::encode(answer.refused));
                   },
                   [&](const DropMalformed&) { ++counters.malformed; }, [&](const DropForged&) { ++counters.forged; }},
        verdict);
}

}  // namespace mco::mesh::io
