#include "mesh/io/outbound.hpp"

#include <zmq.h>

#include <utility>

#include <fmt/format.h>

#include "mesh/io/endpoint.hpp"
#include "proto/limits.hpp"

namespace mco::mesh::io {

using proto::Errc;

proto::Result<Outbound> Outbound::dial(const Context& context, const Plan& plan, const security::CurvePair& own) {
    auto socket = Socket::open(context, plan.kind);
    if (!socket) return tl::unexpected(socket.error());
    set_transport(*socket, proto::limits::frame_size_max, plan.handshake_max + std::chrono::seconds(1));
    become_curve_client(*socket, own, plan.server_key);
    // With IMMEDIATE, frames that were not read when the connection ends are lost: a Bye, a last answer. What it protects
    // from, frames queued for a connection that is not there, cannot happen: nothing is sent before the handshake, and
    // the socket does not outlive its connection.
    socket->set(ZMQ_IMMEDIATE, 0);
    socket->set(ZMQ_SNDHWM, plan.queue_max);
    socket->set(ZMQ_RCVHWM, plan.queue_max);
    for (const auto& topic : plan.topics) socket->set(ZMQ_SUBSCRIBE, proto::as_bytes(topic));

    auto monitor = Monitor::attach(context, *socket, Monitor::For::dialler);
    if (!monitor) return tl::unexpected(monitor.error());
    const int code = socket->connect(plan.endpoint);
    if (code != 0)
        return proto::fail(Errc::invalid, fmt::format("cannot dial {}: {}", plan.endpoint, zmq_strerror(code)));
    Outbound outbound;
    outbound.endpoint_ = plan.endpoint;
    outbound.socket_ = std::move(*socket);
    outbound.monitor_ = std::move(*monitor);
    return outbound;
}

Outbound::State Outbound::observe() {
    while (const auto event = monitor_.next()) on(*event);
    return state_;
}

void Outbound::append_handles(std::vector<void*>& into) const {
    into.push_back(socket_.handle());
    into.push_back(monitor_.handle());
}

bool Outbound::drained() {
    const bool heard = monitor_.drained();
    return socket_.drained() && heard;
}

// The first failure is the reason; what follows is libzmq tidying up.
void Outbound::fail(Errc code, std::string detail) {
    if (state_ == State::failed) return;
    state_ = State::failed;
    failure_ = {code, std::move(detail)};
}

void Outbound::on(const Monitor::Event& event) {
    switch (event.kind) {
        case Monitor::Kind::connected:
            if (state_ == State::connecting) state_ = State::handshaking;
            return;
        case Monitor::Kind::handshake_done:
            if (state_ == State::handshaking) state_ = State::established;
            return;
        case Monitor::Kind::retried:
            if (state_ == State::connecting) {
                fail(Errc::unreachable, fmt::format("cannot reach {}: {}", endpoint_, explain_unreachable(endpoint_)));
            }
            return;
        case Monitor::Kind::handshake_auth:
            fail(Errc::unauthenticated, fmt::format("{} refused our key (ZAP {})", endpoint_, event.value));
            return;
        case Monitor::Kind::handshake_broken:
            // It hung up on us. A mco node does so when we dialled it with a wrong key, and sometimes when it says "not now".
            fail(Errc::unauthenticated,
                 fmt::format(
                     "{} refused the handshake: its key is not the one configured, it is not a mco node, or it is "
                     "too busy",
                     endpoint_));
            return;
        case Monitor::Kind::handshake_protocol:
        case Monitor::Kind::disconnected:
            if (state_ == State::established) {
                fail(Errc::unreachable, fmt::format("{} closed the connection", endpoint_));
            } else {
                fail(Errc::unauthenticated, fmt::format("{} is not a mco node (handshake failed)", endpoint_));
            }
            return;
        case Monitor::Kind::accepted:  // of listeners
        case Monitor::Kind::accept_failed:
            return;
    }
}

}  // namespace mco::mesh::io
