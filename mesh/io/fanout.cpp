#include "mesh/io/fanout.hpp"

#include <zmq.h>

#include <algorithm>

#include <fmt/format.h>

#include "mesh/core/engine.hpp"
#include "mesh/io/outbound.hpp"
#include "mesh/io/poll_timeout.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::io {

namespace {

using proto::Errc;
using namespace std::chrono_literals;

constexpr int queue_max = 256;  // a slow subscriber loses frames; the link makes it good
constexpr std::size_t topics_of_peer_max = proto::limits::collectives_max + 1;

bool is_presence(const std::string& topic) { return topic.starts_with('~'); }

}  // namespace

proto::Result<Fanout> Fanout::open(const Context& context, const security::CurvePair& own, Host::Counters& counters) {
    Fanout fanout(counters);
    auto socket = Socket::open(context, SocketKind::xpub);
    if (!socket) return tl::unexpected(socket.error());
    set_transport(*socket, proto::limits::frame_size_max, 5s);
    become_curve_server(*socket, own, fanout_domain);
    socket->set(ZMQ_XPUB_VERBOSE, 1);  // each subscription of a topic, not only the first: each has its own User-Id
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
        if (subscribes) {
            on_subscribed(who_is, *received, into);
        } else {
            on_unsubscribed(std::string(proto::as_text(proto::BytesView(frame).subspan(1))), into);
        }
    }
}

void Fanout::on_subscribed(const WhoIs& who_is, const Received& received, std::vector<News>& into) {
    std::string topic(proto::as_text(proto::BytesView(received.frames.at(0)).subspan(1)));
    const auto key = proto::CurvePublicKey::from_hex(received.user_id);
    const auto peer = key ? who_is(*key) : std::nullopt;
    if (!peer || (is_presence(topic) && topic != presence_topic(*peer))) {
        ++counters_->foreign_topics;
        return;
    }
    auto& topics = topics_[*peer];
    if (topics.size() >= topics_of_peer_max || topic.size() > proto::limits::name_size_max + 2) {
        ++counters_->foreign_topics;
        return;
    }
    topics.insert(topic);
    into.push_back({*peer, std::move(topic), true});
}

void Fanout::on_unsubscribed(const std::string& topic, std::vector<News>& into) {
    for (auto at = topics_.begin(); at != topics_.end();) {
        auto& [peer, topics] = *at;
        if (topics.erase(topic) > 0) {
            into.push_back({peer, topic, false});
            if (is_presence(topic)) {
                for (const auto& other : topics) into.push_back({peer, other, false});
                topics.clear();
            }
        }
        at = topics.empty() ? topics_.erase(at) : std::next(at);
    }
}

std::vector<std::string> Fanout::topics_of(const proto::PeerId& peer) const {
    const auto found = topics_.find(peer);
    return found == topics_.end() ? std::vector<std::string>()
                                  : std::vector<std::string>(found->second.begin(), found->second.end());
}

proto::Result<void> Fanout::prove_strangers_are_refused(const Context& context, ZapDesk& desk, const Endpoint& bound,
                                                        const proto::CurvePublicKey& own) {
    auto monitor = Monitor::attach(context, socket_, Monitor::For::probe);
    if (!monitor) return tl::unexpected(monitor.error());
    Endpoint near = bound;
    if (near.every_address()) near.host = near.host == "[::]" ? "[::1]" : "127.0.0.1";
    const auto stranger = security::make_curve_pair();
    auto probe = Outbound::dial(
        context, {.kind = SocketKind::sub, .endpoint = near.text(), .server_key = own, .topics = {}}, stranger);
    if (!probe) return tl::unexpected(probe.error());

    // Nobody is admitted yet, so whatever knocks now is a stranger, and a single success is one too many.
    const auto begin = Host::sample_clocks().mono;
    for (auto now = Host::sample_clocks(); now.mono - begin < 3s; now = Host::sample_clocks()) {
        desk.service(now, 16);
        while (const auto event = monitor->next()) {
            if (event->kind == Monitor::Kind::handshake_done)
                return proto::fail(Errc::internal,
                                   fmt::format("{} let a stranger in: this libzmq does not enforce ZAP", bound.text()));
        }
        if (desk.last_refused_at_fanout() == stranger.public_key) return {};
        if (probe->observe() == Outbound::State::failed) break;
        std::vector<zmq_pollitem_t> items{{desk.handle(), 0, ZMQ_POLLIN, 0}, {monitor->handle(), 0, ZMQ_POLLIN, 0}};
        std::vector<void*> handles;
        probe->append_handles(handles);
        for (void* handle : handles) items.push_back({handle, 0, ZMQ_POLLIN, 0});
        zmq_poll(items.data(), static_cast<int>(items.size()), poll_timeout(now.mono, begin + 3s, 1s));
    }
    return proto::fail(Errc::internal,
                       fmt::format("cannot show that {} refuses strangers: {}", bound.text(), probe->failure().detail));
}

}  // namespace mco::mesh::io
