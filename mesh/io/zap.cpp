#include "mesh/io/zap.hpp"

#include <zmq.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace mco::mesh::io {

namespace {

using security::LinkGate;
using namespace std::chrono_literals;

constexpr auto kept_for = 1s;
constexpr std::size_t kept_max = 256;
constexpr std::size_t zap_frames_max =
    9;  // routing id, delimiter, version, id, domain, address, identity, mechanism, key

// The source that a token bucket is for. An ipc peer is ":uid:gid:pid": every process of a user is the same source.
std::string source_of(std::string_view address) {
    const bool ipc = address.size() > 1 && address[0] == ':' && address[1] >= '0' && address[1] <= '9';
    return ipc ? "uid" + std::string(address.substr(0, address.find(':', 1))) : std::string(address);
}

}  // namespace

proto::Result<ZapDesk> ZapDesk::open(const Context& context, LinkGate& gate) {
    ZapDesk desk(gate);
    auto socket = Socket::open(context, SocketKind::router);
    if (!socket) return tl::unexpected(socket.error());
    desk.socket_ = std::move(*socket);
    if (const int code = desk.socket_.bind("inproc://zeromq.zap.01"); code != 0)
        return proto::fail(proto::Errc::internal, fmt::format("cannot serve ZAP: {}", zmq_strerror(code)));
    return desk;
}

void ZapDesk::service(proto::Now now, std::size_t questions_max) {
    for (std::size_t i = 0; i < questions_max; ++i) {
        const auto received = socket_.receive(zap_frames_max);
        if (!received) break;
        on_question(now, *received);
    }
    settle(now);
}

void ZapDesk::on_question(proto::Now now, const Received& received) {
    // libzmq asks us over inproc; a question of another shape cannot come from the network and cannot be answered.
    if (received.frames.size() != zap_frames_max || received.too_many) return;
    const auto& frames = received.frames;
    Question question{{frames[0], frames[1]}, frames[3], {}, source_of(proto::as_text(frames[5])), now.mono + kept_for};
    const auto domain = proto::as_text(frames[4]);
    const auto key = proto::CurvePublicKey::from(frames[8]);
    const bool understood = proto::as_text(frames[2]) == "1.0" && proto::as_text(frames[7]) == "CURVE" &&
                            key.has_value() && (domain == link_domain || domain == fanout_domain);
    if (!understood) return answer(question, LinkGate::Answer::never);

    question.key = *key;
    const auto plane = domain == link_domain ? LinkGate::Plane::link : LinkGate::Plane::fanout;
    auto decision = gate_->decide(plane, *key, question.address, now.mono);
    if (plane == LinkGate::Plane::link && decision == LinkGate::Answer::welcome && doorman_.full && doorman_.full())
        decision = LinkGate::Answer::not_now;
    if (plane == LinkGate::Plane::fanout && decision == LinkGate::Answer::not_now) {
        if (kept_.size() < kept_max && doorman_.greeting && doorman_.greeting(*key)) {
            kept_.push_back(std::move(question));
            return;
        }
    }
    if (plane == LinkGate::Plane::fanout && decision != LinkGate::Answer::welcome) last_refused_ = *key;
    answer(question, decision);
}

void ZapDesk::settle(proto::Now now) {
    std::erase_if(kept_, [&](const Question& question) {
        const auto decision = gate_->decide(LinkGate::Plane::fanout, question.key, question.address, now.mono);
        const bool wait = decision == LinkGate::Answer::not_now && now.mono < question.until;
        if (!wait) answer(question, decision);
        return !wait;
    });
}

std::optional<proto::Instant> ZapDesk::next_deadline() const {
    if (kept_.empty()) return std::nullopt;
    return kept_.front().until;
}

void ZapDesk::answer(const Question& question, LinkGate::Answer answer) {
    const bool welcome = answer == LinkGate::Answer::welcome;
    if (!welcome) ++refused_;
    const std::string status = std::to_string(static_cast<unsigned>(answer));
    const std::string user_id = welcome ? question.key.hex() : std::string();
    const proto::BytesView none;
    // The asking session may have gone meanwhile; a ROUTER without MANDATORY then drops the answer, as it should.
    socket_.send({question.envelope[0], question.envelope[1], proto::as_bytes("1.0"), question.id,
                  proto::as_bytes(status), none, proto::as_bytes(user_id), none});
}

}  // namespace mco::mesh::io
