#include "mesh/io/fanout.hpp"

#include <zmq.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mesh/core/engine.hpp"
#include "mesh/core/relays.hpp"
#include "mesh/io/outbound.hpp"
#include "mesh/io/poll_timeout.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::io {

namespace {

using proto::Errc;
using namespace std::chrono_literals;

constexpr int queue_max = 256;  // a slow subscriber loses frames; the link makes it good
constexpr auto proof_max = 20s;
constexpr int proof_dials_max = 5;
constexpr std::size_t topics_of_peer_max = 2 * proto::limits::collectives_max + 2;  // E, L, R and its presence

bool is_presence(const std::string& topic) { return topic.starts_with('~'); }

bool may_hear(const Fanout::Subscriber& who, const std::string& topic) {
    if (who.record == nullptr) return false;
    if (topic == presence_topic(who.peer)) return true;
    if (topic == relay_topic()) return can_relay(*who.record);
    const auto& collectives = who.record->collectives;
    return std::any_of(collectives.begin(), collectives.end(), [&](const std::string& collective) {
        return topic == eager_topic(collective) || topic == lazy_topic(collective);
    });
}

}  // namespace

proto::Result<Fanout> Fanout::open(const Context& context, const security::CurvePair& own, std::string_view zap_domain,
                                   Host::Counters& counters) {
    Fanout fanout(counters);
    auto socket = Socket::open(context, SocketKind::xpub);
    if (!socket) return tl::unexpected(socket.error());
    set_transport(*socket, proto::limits::frame_size_max, 5s);
    become_curve_server(*socket, own, zap_domain);
    socket->set(ZMQ_XPUB_MANUAL, 1);  // each subscription is put to us, and each loss, also of a topic that others have
    socket->set(ZMQ_SNDHWM, queue_max);
    fanout.socket_ = std::move(*socket);
    return fanout;
}

proto::Result<Endpoint> Fanout::listen(const Endpoint& wanted, Rng& rng) { return bind(socket_, wanted, rng); }

void Fanout::publish(const std::string& topic, proto::BytesView frame) {
    ++counters_->published;
    socket_.send({proto::as_bytes(topic), frame});
}

void Fanout::service(const WhoIs& who_is, std::size_t messages_max, std::vector<News>& into) {
    for (std::size_t i = 0; i < messages_max; ++i) {
        const auto received = socket_.receive(1);
        if (!received) return;
        const auto& frame = received->frames.at(0);
        const bool subscribes = !frame.empty() && frame.front() == 1;
        const bool unsubscribes = !frame.empty() && frame.front() == 0;
        if (received->too_many || (!subscribes && !unsubscribes)) {
            ++counters_->malformed;  // XPUB passes on whatever a subscriber sends
            continue;
        }
        std::string topic(proto::as_text(proto::BytesView(frame).subspan(1)));
        if (received->user_id.empty()) {
            if (unsubscribes) on_lost(std::move(topic), into);
            continue;
        }
        lost_.clear();  // libzmq tells of a lost connection without a pause, so what is left was nobody's we know
        const auto key = proto::CurvePublicKey::from_hex(received->user_id);
        const auto who = key ? who_is(*key) : std::nullopt;
        if (!who || !may_hear(*who, topic)) {
            ++counters_->foreign_topics;
        } else if (subscribes) {
            on_subscribed(*who, std::move(topic), into);
        } else {
            on_unsubscribed(who->peer, topic, into);
        }
    }
}

void Fanout::on_subscribed(const Subscriber& who, std::string topic, std::vector<News>& into) {
    auto& topics = topics_[who.peer];
    if (topics.size() >= topics_of_peer_max && !topics.contains(topic)) {
        ++counters_->foreign_topics;
        return;
    }
    socket_.set(ZMQ_SUBSCRIBE, proto::as_bytes(topic));  // for the connection whose message was read last
    if (++topics[topic] == 1) into.push_back({who.peer, std::move(topic), true});
}

void Fanout::on_unsubscribed(const proto::PeerId& peer, const std::string& topic, std::vector<News>& into) {
    socket_.set(ZMQ_UNSUBSCRIBE, proto::as_bytes(topic));
    const auto of = topics_.find(peer);
    if (of != topics_.end()) drop(of, topic, into);
}

void Fanout::on_lost(std::string topic, std::vector<News>& into) {
    if (!is_presence(topic)) {
        if (lost_.size() < topics_of_peer_max) lost_.push_back(std::move(topic));
        return;
    }
    const auto others = std::exchange(lost_, {});
    const auto of =
        std::find_if(topics_.begin(), topics_.end(), [&](const auto& one) { return one.second.contains(topic); });
    if (of == topics_.end()) return;
    const auto peer = of->first;
    for (const auto& other : others) drop(topics_.find(peer), other, into);
    drop(topics_.find(peer), topic, into);
}

void Fanout::drop(std::map<proto::PeerId, Topics>::iterator of, const std::string& topic, std::vector<News>& into) {
    if (of == topics_.end()) return;
    auto& [peer, topics] = *of;
    const auto at = topics.find(topic);
    if (at == topics.end() || --at->second != 0) return;
    into.push_back({peer, topic, false});
    topics.erase(at);
    // Without its presence no connection of that peer is left.
    if (is_presence(topic)) {
        for (const auto& [other, times] : topics) into.push_back({peer, other, false});
        topics.clear();
    }
    if (topics.empty()) topics_.erase(of);
}

std::vector<std::string> Fanout::topics_of(const proto::PeerId& peer) const {
    std::vector<std::string> names;
    const auto found = topics_.find(peer);
    if (found == topics_.end()) return names;
    for (const auto& [topic, times] : found->second) names.push_back(topic);
    return names;
}

proto::Result<void> Fanout::prove_strangers_are_refused(const Context& context, ZapDesk& desk, const ZapPlace& place,
                                                        const Endpoint& bound, const proto::CurvePublicKey& own) {
    auto monitor = Monitor::attach(context, socket_, Monitor::For::probe);
    if (!monitor) return tl::unexpected(monitor.error());
    Endpoint near = bound;
    if (near.every_address()) near.host = near.host == "[::]" ? "[::1]" : "127.0.0.1";
    const auto stranger = security::make_curve_pair();
    const auto dial = [&] {
        return Outbound::dial(
            context, {.kind = SocketKind::sub, .endpoint = near.text(), .server_key = own, .topics = {}}, stranger);
    };
    auto probe = dial();
    if (!probe) return tl::unexpected(probe.error());

    // Nobody is admitted yet, so whatever knocks now is a stranger, and a single success is one too many. A machine that is
    // starting everything at once may need its time for it.
    int dials = 1;
    std::string last_failure;
    const auto begin = Host::sample_clocks().mono;
    for (auto now = Host::sample_clocks(); now.mono - begin < proof_max; now = Host::sample_clocks()) {
        desk.service(now);
        while (const auto event = monitor->next()) {
            if (event->kind == Monitor::Kind::handshake_done)
                return proto::fail(Errc::internal,
                                   fmt::format("{} let a stranger in: this libzmq does not enforce ZAP", bound.text()));
        }
        if (place.last_refused_at_fanout() == stranger.public_key) return {};
        if (probe->observe() == Outbound::State::failed) {
            if (++dials > proof_dials_max) break;
            last_failure = probe->failure().detail;
            probe = dial();
            if (!probe) return tl::unexpected(probe.error());
        }
        std::vector<zmq_pollitem_t> items{{desk.handle(), 0, ZMQ_POLLIN, 0}, {monitor->handle(), 0, ZMQ_POLLIN, 0}};
        std::vector<void*> handles;
        probe->append_handles(handles);
        for (void* handle : handles) items.push_back({handle, 0, ZMQ_POLLIN, 0});
        zmq_poll(items.data(), static_cast<int>(items.size()), poll_timeout(now.mono, begin + proof_max, 1s));
    }
    if (probe->state() == Outbound::State::failed) last_failure = probe->failure().detail;
    return proto::fail(Errc::internal,
                       fmt::format("cannot show within {} s that {} refuses strangers{}{}", proof_max.count(),
                                   bound.text(), last_failure.empty() ? "" : ": ", last_failure));
}

}  // namespace mco::mesh::io
