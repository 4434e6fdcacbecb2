#include "tests/unit/mesh/rig.hpp"

#include <utility>

#include "proto/codec.hpp"

namespace mco::test {

namespace {

mesh::Rng& dice() {
    static mesh::Rng rng(1);
    return rng;
}

mesh::Engine::Self self_of(std::uint8_t number, std::vector<mesh::Address> seeds, mesh::Engine::Memory memory) {
    return {.record = shared(record(number)), .seeds = std::move(seeds), .memory = std::move(memory)};
}

}  // namespace

proto::PeerId peer(std::uint8_t number) {
    proto::PeerId id;
    id.octets.front() = number;
    return id;
}

proto::RequestId request_id(std::uint32_t number) {
    proto::RequestId id;
    for (std::size_t i = 0; i < 4; ++i) id.octets[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    id.octets.back() = 1;
    return id;
}

proto::CurvePublicKey curve_key(std::uint8_t number) {
    proto::CurvePublicKey key;
    key.octets.fill(number);
    return key;
}

proto::PeerRecordBody record(std::uint8_t number, std::uint64_t incarnation, std::uint32_t sequence) {
    proto::PeerRecordBody body;
    body.peer = peer(number);
    body.name = "node" + std::to_string(number);
    body.incarnation = incarnation;
    body.sequence = sequence;
    body.group = "default";
    body.link_endpoint = address(number).endpoint;
    body.fanout_endpoint = address(number).endpoint + "/fanout";
    body.curve_key = curve_key(number);
    body.collectives = {"mcollective"};
    return body;
}

mesh::Address address(std::uint8_t number) { return {"test://" + std::to_string(number), curve_key(number)}; }

proto::Bytes sealed(const proto::PeerRecordBody& record) {
    return proto::pack(proto::SealedRecord{.body = proto::pack(record)});
}

mesh::SharedRecord shared(const proto::PeerRecordBody& record) {
    return std::make_shared<const mesh::Record>(record, sealed(record));
}

proto::Bytes sealed_request(std::uint32_t number, std::chrono::milliseconds timeout, std::string collective) {
    proto::Route route;
    route.collective = std::move(collective);
    route.request = request_id(number);
    route.ttl_ms = 60'000;
    route.timeout_ms = static_cast<std::uint32_t>(timeout.count());
    return proto::pack(proto::SealedRequest{.route = proto::pack(route), .body = {0x90}});
}

Rig::Rig(std::uint8_t self, std::vector<mesh::Address> seeds, mesh::Timing timing, mesh::Engine::Memory memory)
    : engine(self_of(self, std::move(seeds), std::move(memory)), timing, dice()) {
    now.mono = proto::Instant(100s);
    now.wall = proto::WallTime(1'800'000'000s);
}

Rig::~Rig() { engine.check(); }

void Rig::pass(proto::Duration time) {
    now.mono += time;
    now.wall += time;
    engine.elapse(now);
    engine.check();
}

mesh::LinkId Rig::link(std::uint8_t number, mesh::Side side, std::uint64_t incarnation) {
    return link(record(number, incarnation), side);
}

mesh::LinkId Rig::link(const proto::PeerRecordBody& body, mesh::Side side) {
    engine.link_up(now, {.link = ++links_, .peer = body.peer, .side = side, .record = shared(body)});
    return links_;
}

mesh::LinkId Rig::leaf(std::uint8_t number) {
    auto body = record(number);
    body.relay = proto::RelayWish::never;
    const auto id = link(body);
    say(id, proto::Attach{.standing = proto::Standing::primary});
    subscribe(number);
    return id;
}

mesh::LinkId Rig::client(std::uint8_t number) {
    engine.link_up(now, {.link = ++links_, .peer = peer(number), .caller = true});
    return links_;
}

void Rig::say(mesh::LinkId link, const proto::Message& message) { engine.frame(now, link, proto::encode(message)); }

void Rig::gossip(mesh::LinkId link, const proto::PeerRecordBody& record, proto::MemberState state,
                 std::chrono::milliseconds since) {
    engine.roster(now, link, {{shared(record), state, static_cast<std::uint32_t>(since.count())}});
}

void Rig::subscribe(std::uint8_t number, std::string_view collective) {
    engine.subscribed(now, peer(number), mesh::relay_topic());
    engine.subscribed(now, peer(number), mesh::eager_topic(collective));
    engine.subscribed(now, peer(number), mesh::presence_topic(peer(number)));
}

void Rig::ask(mesh::LinkId client, std::uint32_t number, std::uint8_t attempt, std::chrono::milliseconds timeout) {
    say(client, proto::Request{.attempt = attempt, .sealed = sealed_request(number, timeout)});
}

void Rig::publish(std::uint32_t number, std::uint8_t accountant, std::uint8_t attempt) {
    engine.fanout(now, curve_key(accountant), proto::encode(proto::Request{.scope = proto::Scope::local,
                                                    .attempt = attempt,
                                                    .accountant = peer(accountant),
                                                    .left_ms = 10'000,
                                                    .sequence = 1,
                                                    .sealed = sealed_request(number)}));
}

void Rig::answer(mesh::LinkId link, std::uint32_t number, std::uint8_t from, proto::Outcome outcome,
                 proto::Bytes reply) {
    proto::Up up{.request = request_id(number), .sequence = 1};
    up.answers.push_back({peer(from), outcome, std::move(reply)});
    up.ledger.expected = 1;
    up.ledger.add(outcome);
    up.ledger.closure = proto::Closure::closed;
    say(link, up);
}

void Rig::performed(std::uint32_t number, proto::Outcome outcome, proto::Bytes reply) {
    engine.performed(now, request_id(number), outcome, std::move(reply));
}

const std::vector<mesh::Effect>& Rig::effects() {
    engine.drain(effects_);
    return effects_;
}

void Rig::forget() {
    engine.drain(effects_);
    effects_.clear();
}

std::vector<proto::Message> Rig::messages(mesh::LinkId link) {
    std::vector<proto::Message> found;
    for (const auto& send : all<mesh::Send>()) {
        if (send.to != link) continue;
        if (auto message = proto::decode(send.frame)) found.push_back(std::move(*message));
    }
    return found;
}

bool Rig::noticed(mesh::NoticeKind kind) {
    for (const auto& notice : all<mesh::Notice>()) {
        if (notice.kind == kind) return true;
    }
    return false;
}

std::optional<proto::MemberState> Rig::state_of(std::uint8_t number) const {
    for (const auto& view : engine.members()) {
        if (view.peer == peer(number)) return view.state;
    }
    return std::nullopt;
}

proto::Ledger last_ledger(const std::vector<proto::Up>& ups) {
    return ups.empty() ? proto::Ledger() : ups.back().ledger;
}

std::optional<proto::Missing> missing(const std::vector<proto::Up>& ups, std::uint8_t number) {
    for (const auto& up : ups) {
        for (const auto& one : up.missing) {
            if (one.node == peer(number)) return one;
        }
    }
    return std::nullopt;
}

std::optional<proto::Answer> answer_of(const std::vector<proto::Up>& ups, std::uint8_t number) {
    for (const auto& up : ups) {
        for (const auto& one : up.answers) {
            if (one.node == peer(number)) return one;
        }
        for (const auto& bare : up.bare) {
            for (const auto& node : bare.nodes) {
                if (node == peer(number)) return proto::Answer{node, bare.outcome, {}};
            }
        }
    }
    return std::nullopt;
}

bool closed(const std::vector<proto::Up>& ups) {
    return !ups.empty() && ups.back().ledger.closure == proto::Closure::closed;
}

}  // namespace mco::test
