#include "mesh/io/link_server.hpp"

#include <zmq.h>

#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::io {

namespace {

using proto::Errc;
using namespace std::chrono_literals;

constexpr int queue_max = 1'000;        // frames a peer, each way; a full one is given up by the engine
constexpr auto unread_patience = 50ms;  // a flood of others must not hide for longer that somebody is gone

std::optional<proto::Lane> lane_of(const proto::Bytes& frame) {
    const auto type = proto::peek_type(frame);
    if (!type || *type != proto::MessageType::lane) return std::nullopt;
    const auto message = proto::decode(frame);
    return message ? std::optional(std::get<proto::Lane>(*message)) : std::nullopt;
}

std::string text_of(const proto::Bytes& octets) { return std::string(proto::as_text(octets)); }

}  // namespace

proto::Result<LinkServer> LinkServer::open(const Context& context, const security::Identity& self,
                                           security::TrustStore& trust, security::LinkGate& gate,
                                           std::string_view zap_domain, Host::Counters& counters, Rules rules) {
    LinkServer server(self, trust, gate, counters, rules);
    auto socket = Socket::open(context, SocketKind::router);
    if (!socket) return tl::unexpected(socket.error());
    set_transport(*socket, proto::limits::frame_size_max, rules.greeting_max);
    become_curve_server(*socket, self.keys.curve, zap_domain);
    socket->set(ZMQ_ROUTER_MANDATORY, 1);
    socket->set(ZMQ_SNDHWM, queue_max);
    socket->set(ZMQ_RCVHWM, queue_max);
    auto monitor = Monitor::attach(context, *socket, Monitor::For::listener);
    if (!monitor) return tl::unexpected(monitor.error());
    server.socket_ = std::move(*socket);
    server.monitor_ = std::move(*monitor);
    return server;
}

proto::Result<Endpoint> LinkServer::listen(const Endpoint& wanted, Rng& rng) { return bind(socket_, wanted, rng); }

void LinkServer::append_handles(std::vector<void*>& into) const {
    into.push_back(socket_.handle());
    into.push_back(monitor_.handle());
}

bool LinkServer::drained() {
    const bool heard = monitor_.drained();
    return socket_.drained() && heard;
}

void LinkServer::service(proto::Now now, std::size_t frames_max, LinkId& next_id, std::vector<Event>& into) {
    read_monitor(now);
    counters_->expelled += strangers_.expel(now);
    bool all_read = false;
    for (std::size_t i = 0; i < frames_max && !all_read; ++i) {
        auto received = socket_.receive(3);
        if (received) {
            on_message(now, std::move(*received), next_id, into);
        } else {
            all_read = true;
        }
    }
    end_gone(now, all_read, into);
    end_slow(now, into);
}

void LinkServer::read_monitor(proto::Now now) {
    while (const auto event = monitor_.next()) {
        if (event->kind == Monitor::Kind::accept_failed) {
            ++counters_->accept_failed;
            continue;
        }
        const auto descriptor = static_cast<int>(event->value);
        if (event->kind == Monitor::Kind::accepted) {  // as long as CURVE's handshake and HELLO may take
            strangers_.accepted(descriptor, 2 * rules_.greeting_max);
            continue;
        }
        strangers_.gone(descriptor);
        const auto found = by_descriptor_.find(descriptor);
        if (found == by_descriptor_.end()) continue;  // it never said a word
        gone_.push_back({found->second, descriptor, now.mono});
        by_descriptor_.erase(found);
    }
}

void LinkServer::on_message(proto::Now now, Received received, LinkId& next_id, std::vector<Event>& into) {
    ++counters_->frames_in;
    // A number in between: one of several connections.
    std::optional<std::uint64_t> number;
    if (received.frames.size() == 3) number = read_number(received.frames[1]);
    if (received.too_many || received.frames.size() < 2 || (received.frames.size() == 3 && !number)) {
        ++counters_->dropped_multipart;
        return;
    }
    auto& frame = received.frames.back();
    const auto key = proto::CurvePublicKey::from_hex(received.user_id);
    if (!key) {
        ++counters_->malformed;
        return;
    }
    const RoutingId id = text_of(received.frames[0]);
    auto at = connections_.find(id);
    if (at == connections_.end() && !number && on_lane(id, *key, received.descriptor, frame)) return;
    if (at == connections_.end()) {
        at = greet(now, id, *key, received.descriptor);
        if (at == connections_.end()) {
            ++counters_->before_hello;
            return;
        }
    }
    if (at->second.key != *key) {
        ++counters_->forged;
        return;
    }
    switch (at->second.state) {
        case State::greeting:
            if (number) {
                ++counters_->before_hello;
            } else {
                on_greeting(now, at, frame, next_id, into);
            }
            return;
        case State::linked:
            on_linked(now, at, number, std::move(frame), into);
            return;
        case State::lane: {
            const auto main = linked_.find(at->second.link);
            if (!number || main == linked_.end()) {
                ++counters_->dropped_multipart;
            } else {
                on_linked(now, connections_.find(main->second), number, std::move(frame), into);
            }
            return;
        }
        case State::silenced:
            ++counters_->before_hello;
            return;
    }
}

LinkServer::Connections::iterator LinkServer::greet(proto::Now now, const RoutingId& id,
                                                    const proto::CurvePublicKey& key, int descriptor) {
    // The kernel gives a descriptor out again as soon as it is closed. The end of its former connection is in the
    // monitor already, so it is read before the number gets a new meaning.
    read_monitor(now);
    if (unverified_ >= rules_.greetings_max && !silenced_.empty()) forget(connections_.find(silenced_.begin()->second));
    if (unverified_ >= rules_.greetings_max || full()) return connections_.end();
    Connection connection;
    connection.key = key;
    connection.hello.emplace(*self_, *trust_, key, record_);
    connection.descriptor = descriptor;
    connection.deadline = now.mono + rules_.greeting_max;
    greetings_.emplace_back(connection.deadline, id);
    if (descriptor >= 0) by_descriptor_[descriptor] = id;
    ++unverified_;
    return connections_.emplace(id, std::move(connection)).first;
}

void LinkServer::on_greeting(proto::Now now, Connections::iterator at, const proto::Bytes& frame, LinkId& next_id,
                             std::vector<Event>& into) {
    auto& connection = at->second;
    const auto type = proto::peek_type(frame);
    const bool hello = type && (*type == proto::MessageType::hello || *type == proto::MessageType::hello_proof);
    if (!hello || frame.size() > proto::limits::hello_size_max) {
        ++counters_->before_hello;
        return;
    }
    auto step = connection.hello->receive(frame, now.wall);
    if (!step || step->refused) {
        ++counters_->refused_hello;
        into.push_back({Event::Kind::refused, 0, {}, step ? step->refused->detail : step.error().detail});
        if (step && step->send) send_to(at->first, *step->send);
        silence(at);
        return;
    }
    if (step->done) {
        // Before the Welcome leaves, so that the peer's subscription, which may follow at once, finds the door open.
        gate_->admit(connection.key);
        connection.state = State::linked;
        connection.link = next_id++;
        strangers_.trust(connection.descriptor);
        linked_.emplace(connection.link, at->first);
        --unverified_;
    }
    if (step->send && send_to(at->first, *step->send) != Sent::ok) {
        forget(at);
        return;
    }
    if (step->done) into.push_back({Event::Kind::up, connection.link, {}, {}});
}

void LinkServer::on_linked(proto::Now now, Connections::iterator at, std::optional<std::uint64_t> number,
                           proto::Bytes frame, std::vector<Event>& into) {
    auto& connection = at->second;
    const auto& peer = connection.hello->peer();
    if (now.wall > peer.not_after + proto::limits::clock_skew_max || trust_->revoked(peer)) {
        const std::string why = fmt::format("the certificate of {} is not valid any more", peer.name);
        into.push_back({Event::Kind::down, connection.link, {}, why});
        hang_up(connection.link, Errc::expired, why);
        return;
    }
    if (const auto lane = number ? std::nullopt : lane_of(frame)) {
        const bool named = lane->number == 0 && !connection.name && names_.emplace(lane->link, connection.link).second;
        if (named) {
            connection.name = lane->link;
        } else {
            ++counters_->malformed;
        }
        return;
    }
    std::vector<proto::Bytes> due;
    const bool in_order = number ? connection.order.take(*number, std::move(frame), due)
                                 : connection.order.take_plain(std::move(frame), due);
    const LinkId link = connection.link;
    for (auto& one : due) into.push_back({Event::Kind::frame, link, std::move(one), {}});
    if (in_order) return;
    into.push_back({Event::Kind::down, link, {}, "messages came out of order"});
    hang_up(link, Errc::malformed, "messages came out of order");
}

// Whether this is the first word of another connection of a link that stands. Its key is attested, so only the peer itself
// can join one to its link.
bool LinkServer::on_lane(const RoutingId& id, const proto::CurvePublicKey& key, int descriptor,
                         const proto::Bytes& frame) {
    const auto lane = lane_of(frame);
    const auto link = lane ? names_.find(lane->link) : names_.end();
    if (link == names_.end() || full()) return false;
    auto& main = connections_.at(linked_.at(link->second));
    if (main.key != key || lane->number == 0 || main.lanes.size() + 1 >= proto::limits::lanes_max) return false;
    Connection connection;
    connection.state = State::lane;
    connection.key = key;
    connection.link = main.link;
    connection.descriptor = descriptor;
    if (descriptor >= 0) by_descriptor_[descriptor] = id;
    strangers_.trust(descriptor);
    main.lanes.push_back(id);
    connections_.emplace(id, std::move(connection));
    send_to(id, frame);  // repeated: it is used from now on
    return true;
}

void LinkServer::drop_lanes(Connection& connection) {
    if (connection.name) names_.erase(*std::exchange(connection.name, std::nullopt));
    for (const auto& id : std::exchange(connection.lanes, {})) {
        const auto lane = connections_.find(id);
        strangers_.distrust(lane->second.descriptor, rules_.greeting_max);
        const auto descriptor = by_descriptor_.find(lane->second.descriptor);
        if (descriptor != by_descriptor_.end() && descriptor->second == id) by_descriptor_.erase(descriptor);
        connections_.erase(lane);
    }
}

void LinkServer::silence(Connections::iterator at) {
    auto& connection = at->second;
    if (connection.state == State::linked) {
        gate_->release(connection.key);
        linked_.erase(connection.link);
        drop_lanes(connection);
        ++unverified_;
        strangers_.distrust(connection.descriptor, rules_.greeting_max);
    }
    connection.state = State::silenced;
    connection.hello.reset();
    connection.silenced = ++silenced_so_far_;
    silenced_.emplace(connection.silenced, at->first);
}

void LinkServer::forget(Connections::iterator at) {
    auto& connection = at->second;
    if (connection.state == State::linked) {
        gate_->release(connection.key);
        linked_.erase(connection.link);
        drop_lanes(connection);
    } else {
        --unverified_;
        silenced_.erase(connection.silenced);
    }
    const auto descriptor = by_descriptor_.find(connection.descriptor);
    if (descriptor != by_descriptor_.end() && descriptor->second == at->first) by_descriptor_.erase(descriptor);
    connections_.erase(at);
}

void LinkServer::end_gone(proto::Now now, bool all_read, std::vector<Event>& into) {
    while (!gone_.empty() && (all_read || now.mono - gone_.front().since >= unread_patience)) {
        const auto at = connections_.find(gone_.front().id);
        const bool same = at != connections_.end() && at->second.descriptor == gone_.front().descriptor;
        gone_.pop_front();
        if (!same) continue;
        if (at->second.state == State::lane) {  // without it the order of the rest is lost
            const auto main = connections_.find(linked_.at(at->second.link));
            into.push_back({Event::Kind::down, main->second.link, {}, "one of its connections closed"});
            hang_up(main->second.link, Errc::unreachable, "one of the connections of the link closed");
            continue;
        }
        if (at->second.state == State::linked)
            into.push_back({Event::Kind::down, at->second.link, {}, "the connection closed"});
        forget(at);
    }
}

void LinkServer::end_slow(proto::Now now, std::vector<Event>& into) {
    while (!greetings_.empty() && greetings_.front().first <= now.mono) {
        const auto [deadline, id] = std::move(greetings_.front());
        greetings_.pop_front();
        const auto at = connections_.find(id);
        if (at == connections_.end() || at->second.state != State::greeting || at->second.deadline != deadline)
            continue;
        ++counters_->refused_hello;
        into.push_back({Event::Kind::refused, 0, {}, "a connection did not finish HELLO in time"});
        silence(at);
    }
}

std::optional<proto::Instant> LinkServer::next_deadline() const {
    std::optional<proto::Instant> next;
    if (!greetings_.empty()) next = greetings_.front().first;
    if (!gone_.empty() && (!next || gone_.front().since + unread_patience < *next))
        next = gone_.front().since + unread_patience;
    if (const auto look = strangers_.next_deadline(); look && (!next || *look < *next)) next = look;
    return next;
}

Sent LinkServer::send_to(const RoutingId& id, proto::BytesView frame) {
    ++counters_->frames_out;
    return socket_.send({proto::as_bytes(id), frame});
}

Sent LinkServer::send(LinkId link, proto::BytesView frame) {
    const auto found = linked_.find(link);
    if (found == linked_.end()) return Sent::unreachable;
    auto& connection = connections_.at(found->second);
    const auto number = connection.order.next();
    if (connection.lanes.empty()) return send_to(found->second, frame);
    const auto lane = number % (1 + connection.lanes.size());
    ++counters_->frames_out;
    return socket_.send({proto::as_bytes(lane == 0 ? found->second : connection.lanes[lane - 1]), number_frame(number), frame});
}

void LinkServer::hang_up(LinkId link, Errc code, std::string reason) {
    const auto found = linked_.find(link);
    if (found == linked_.end()) return;
    const auto at = connections_.find(found->second);
    // Best effort: a peer that cannot be told notices by silence.
    send_to(at->first, proto::encode(proto::Refusal{code, std::move(reason)}));
    silence(at);
}

const security::Principal* LinkServer::peer(LinkId link) const {
    const auto found = linked_.find(link);
    return found == linked_.end() ? nullptr : &connections_.at(found->second).hello->peer();
}

std::uint64_t LinkServer::peer_revocations(LinkId link) const {
    const auto found = linked_.find(link);
    return found == linked_.end() ? 0 : connections_.at(found->second).hello->peer_revocations();
}

const proto::Bytes* LinkServer::peer_record(LinkId link) const {
    const auto found = linked_.find(link);
    return found == linked_.end() ? nullptr : &connections_.at(found->second).hello->peer_record();
}

bool LinkServer::greeting(const proto::CurvePublicKey& key) const {
    for (const auto& [deadline, id] : greetings_) {
        const auto at = connections_.find(id);
        if (at != connections_.end() && at->second.state == State::greeting && at->second.key == key) return true;
    }
    return false;
}

}  // namespace mco::mesh::io
